import type { Format } from "./ctl-step.ts";
import { FORMAT_CHANGES, type FormatChange, type Rewrite } from "./format-changes.ts";
import type { Printed } from "./tool-process.ts";

/** What etcdctl and quoratectl printed. */
export interface PrintedPair {
  readonly older: Printed;
  readonly newer: Printed;
}

/** The cell of the table that two outputs belong to. */
export interface CellPlace {
  readonly command: string;
  readonly line: string;
  readonly format: Format;
  /** The version of etcdctl. */
  readonly etcdctl: string;
}

/** Applies the changes that are listed for a cell, for as long as the two differ; `used` are those that made a difference. */
export function reconcile(pair: PrintedPair, at: CellPlace): PrintedPair & { readonly used: readonly FormatChange[] } {
  const used: FormatChange[] = [];
  let { older, newer } = pair;
  for (const change of FORMAT_CHANGES) {
    if (!concerns(change, at) || same(older, newer)) continue;
    const before = { older, newer };
    older = rewritten(older, change.older ?? []);
    newer = rewritten(newer, change.newer ?? []);
    if (!same(before.older, older) || !same(before.newer, newer)) used.push(change);
  }
  return { older, newer, used };
}

/** True when both printed the same and ended alike. */
export function same(one: Printed, other: Printed): boolean {
  return one.output === other.output && one.errors === other.errors && one.code === other.code;
}

function concerns(change: FormatChange, at: CellPlace): boolean {
  return (
    change.etcdctl.some((release) => at.etcdctl.startsWith(release)) &&
    change.formats.includes(at.format) &&
    ("lines" in change
      ? change.lines.includes(at.line)
      : change.commands === "all" || change.commands.includes(at.command))
  );
}

function rewritten(printed: Printed, rewrites: readonly Rewrite[]): Printed {
  return rewrites.reduce(applied, printed);
}

function applied(printed: Printed, rewrite: Rewrite): Printed {
  if ("code" in rewrite) return printed.code === rewrite.code ? { ...printed, code: rewrite.by } : printed;
  if ("moved" in rewrite) {
    const lines = printed[rewrite.from].split("\n").filter((line) => fits(rewrite.moved, line));
    const left = linesRewritten(printed[rewrite.from], { line: rewrite.moved, by: undefined });
    return {
      ...printed,
      [rewrite.from]: left,
      [rewrite.to]: printed[rewrite.to] + lines.map((line) => `${line}\n`).join(""),
    };
  }
  return { ...printed, [rewrite.stream]: textRewritten(printed[rewrite.stream], rewrite) };
}

type TextRewrite = Extract<Rewrite, { readonly stream: string }>;

function textRewritten(text: string, rewrite: TextRewrite): string {
  if ("change" in rewrite) return rewrite.change(text);
  if ("line" in rewrite) return linesRewritten(text, rewrite);
  const { part, by } = rewrite;
  return typeof by === "string" ? text.replace(part, by) : text.replace(part, by);
}

function fits(pattern: RegExp, line: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`).test(line);
}

/** Lines that a pattern fits from end to end, by another text, or gone. */
function linesRewritten(
  text: string,
  { line, by }: { readonly line: RegExp; readonly by: string | undefined },
): string {
  const whole = new RegExp(`^(?:${line.source})$`);
  return text
    .split("\n")
    .flatMap((one) => (!whole.test(one) ? [one] : by === undefined ? [] : [one.replace(whole, by)]))
    .join("\n");
}
