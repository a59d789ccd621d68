/** One fenced block of commands in a document. */
export interface CommandBlock {
  /** Where it stands, counted from 1. */
  readonly line: number;
  readonly script: string;
  /** What it prints, from the `output` block right after it; `…` stands for any text within a line. */
  readonly expected: string | undefined;
  /** Why it cannot be run: what follows `not-run:` after `sh`. */
  readonly notRun: string | undefined;
}

interface Fence {
  readonly info: string;
  readonly line: number;
  readonly text: string;
}

/** The blocks of commands of a Markdown text (`sh`), in order. Throws for blocks that would check nothing. */
export function commandBlocks(markdown: string): readonly CommandBlock[] {
  const blocks: CommandBlock[] = [];
  for (const { info, line, text } of fences(markdown)) {
    if (info === "output") {
      const last = blocks.at(-1);
      if (last === undefined || last.expected !== undefined) throw new Error(`line ${line}: output of nothing`);
      blocks[blocks.length - 1] = { ...last, expected: text };
      continue;
    }
    const [, reason] = /^sh(?: not-run: (.+))?$/.exec(info) ?? [];
    if (info === "sh" || reason !== undefined) {
      blocks.push({ line, script: text, expected: undefined, notRun: reason });
    } else if (/^(?:sh|bash|shell|console)\b/.test(info)) {
      throw new Error(`line ${line}: blocks of commands are "sh" or "sh not-run: reason", not "${info}"`);
    }
  }
  // The shell goes on after `! command` whatever that came to; what it prints tells.
  const unseen = blocks.find(({ expected, script }) => expected === undefined && /^\s*! /m.test(script));
  if (unseen !== undefined) throw new Error(`line ${unseen.line}: what must fail needs an output after it`);
  return blocks;
}

/** True where `printed` is what the document shows. */
export function isAsShown(printed: string, expected: string): boolean {
  const pattern = expected
    .trimEnd()
    .split("…")
    .map((piece) => piece.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(printed.trimEnd());
}

function fences(markdown: string): readonly Fence[] {
  const found: Fence[] = [];
  let open: { readonly info: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [at, line] of markdown.split("\n").entries()) {
    if (!line.startsWith("```")) open?.lines.push(line);
    else if (open === undefined) open = { info: line.slice(3).trim(), line: at + 1, lines: [] };
    else {
      found.push({ info: open.info, line: open.line, text: `${open.lines.join("\n")}\n` });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`line ${open.line}: a block without an end`);
  return found;
}
