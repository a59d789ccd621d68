import { goQuote } from "../go/go-quote.ts";
import type { FlagSpec } from "./flag-spec.ts";
import type { FlagValues } from "./flag-values.ts";

/** A command line without its flags. */
export interface ParsedArguments {
  readonly positional: readonly string[];
  /** How many of them stand before `--`; undefined without one. */
  readonly beforeDash: number | undefined;
}

export interface FlagParserOptions {
  /** `-name` is `--name`, as Go's own flag package has it; for the tools that are built on that. */
  readonly singleDash?: boolean;
}

/**
 * Reads `argv` into `flags` by the rules of pflag, with its error texts: `--flag=v`, `--flag v`, `-w v`, `-wv`, `-w=v`,
 * letters of booleans together, booleans without a value or by `=` alone, flags and arguments in any order, `--` ends flags.
 */
export function parseFlags(
  argv: readonly string[],
  flags: FlagValues,
  options: FlagParserOptions = {},
): ParsedArguments | { readonly error: string; readonly unknown?: string } {
  const positional: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return { positional: [...positional, ...rest], beforeDash: positional.length };
    if (word.length < 2 || !word.startsWith("-")) {
      positional.push(word);
      continue;
    }
    const isLong = word.startsWith("--") || (options.singleDash === true && word.length > 2);
    const failed = isLong ? parseLong(word, rest, flags) : parseShort(word, rest, flags);
    if (failed !== undefined) return failed;
  }
  return { positional, beforeDash: undefined };
}

type Failure = { readonly error: string; readonly unknown?: string };

function parseLong(word: string, rest: string[], flags: FlagValues): Failure | undefined {
  const body = word.replace(/^--?/, "");
  if (body === "" || body.startsWith("-") || body.startsWith("=")) return { error: `bad flag syntax: ${word}` };
  const at = body.indexOf("=");
  const name = at < 0 ? body : body.slice(0, at);
  const spec = flags.spec(name);
  if (spec === undefined) return { error: `unknown flag: --${name}`, unknown: name };
  if (at >= 0) return setFlag(flags, spec, body.slice(at + 1));
  if (spec.kind === "bool") return setFlag(flags, spec, "true");
  const value = rest.shift();
  return value === undefined ? { error: `flag needs an argument: --${name}` } : setFlag(flags, spec, value);
}

function parseShort(word: string, rest: string[], flags: FlagValues): Failure | undefined {
  let letters = word.slice(1);
  while (letters !== "") {
    const letter = letters.slice(0, 1);
    const after = letters.slice(1);
    const spec = flags.shorthand(letter);
    if (spec === undefined) return { error: `unknown shorthand flag: '${letter}' in -${letters}` };
    let value: string | undefined;
    if (after.startsWith("=") && after.length > 1) value = after.slice(1);
    else if (spec.kind === "bool") {
      const failed = setFlag(flags, spec, "true");
      if (failed !== undefined) return failed;
      letters = after;
      continue;
    } else value = after === "" ? rest.shift() : after;
    if (value === undefined) return { error: `flag needs an argument: '${letter}' in -${letters}` };
    return setFlag(flags, spec, value);
  }
  return undefined;
}

function setFlag(flags: FlagValues, spec: FlagSpec, text: string): Failure | undefined {
  const wrong = flags.set(spec, text);
  if (wrong === undefined) return undefined;
  const shown = spec.shorthand === undefined ? `--${spec.name}` : `-${spec.shorthand}, --${spec.name}`;
  return { error: `invalid argument ${goQuote(text)} for "${shown}" flag: ${wrong}` };
}
