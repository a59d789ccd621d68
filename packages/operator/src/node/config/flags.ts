import { nearestName } from "./nearest-name.ts";

/** One flag of a program: `--name value`, `--name=value`, or the environment variable made from its name. */
export interface FlagSpec {
  readonly name: string;
  /** `list`: separated by commas. `duration`: as 500ms, 15s, 10m, 1h30m. `bool`: alone, or `=true`, `=false`. */
  readonly kind: "string" | "bool" | "int" | "duration" | "list";
  /** As it would be typed; left out: "", false, 0, 0s, the empty list. */
  readonly default?: string;
  /** One line, for the help. */
  readonly usage: string;
  /** The only values taken. */
  readonly choices?: readonly string[];
  /** Least and greatest, of numbers as they are and of durations in milliseconds. */
  readonly min?: number;
  readonly max?: number;
}

/** Durations are milliseconds. */
export type FlagValue = string | boolean | number | readonly string[];

export interface ParsedFlags {
  readonly values: ReadonlyMap<string, FlagValue>;
  /** Everything wrong, each as one sentence that names the flag or the variable. */
  readonly problems: readonly string[];
  readonly wantsHelp: boolean;
}

export interface FlagSource {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `QUORATE_OPERATOR_`. */
  readonly prefix: string;
}

/** Reads flags; a flag wins over its environment variable, and that over the default. Unknown flags and variables are refused with the nearest known name. */
export function parseFlags(specs: readonly FlagSpec[], { argv, environment, prefix }: FlagSource): ParsedFlags {
  const problems: string[] = [];
  const values = new Map<string, FlagValue>(specs.map((spec) => [spec.name, readValue(spec, spec.default ?? "")]));
  const take = (spec: FlagSpec, text: string, where: string): void => {
    try {
      values.set(spec.name, readValue(spec, text));
    } catch (error) {
      problems.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  readEnvironment(specs, prefix, environment, problems, take);
  const wantsHelp = readArguments(specs, argv, problems, take);
  return { values, problems, wantsHelp };
}

/** What Kubernetes puts into every container for each Service of its namespace: one named like this program looks like our flags. */
const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_.+)?)$/;

/** The environment variable of a flag. */
export function variableOf(prefix: string, flag: string): string {
  return prefix + flag.toUpperCase().replaceAll("-", "_");
}

/** One flag a line, with its variable and its default. */
export function flagHelp(specs: readonly FlagSpec[], prefix: string): string {
  const kinds: Readonly<Record<FlagSpec["kind"], string>> = {
    string: " text",
    bool: "",
    int: " number",
    duration: " duration",
    list: " a,b,…",
  };
  const lines = specs.map((spec) => {
    const shown = spec.default === undefined || spec.default === "" ? "" : ` (default ${spec.default})`;
    const choices = spec.choices === undefined ? "" : `; one of ${spec.choices.join(", ")}`;
    return `  --${spec.name}${kinds[spec.kind]}\n      ${spec.usage}${choices}${shown}\n      ${variableOf(prefix, spec.name)}`;
  });
  return `${lines.join("\n")}\n`;
}

type Take = (spec: FlagSpec, text: string, where: string) => void;

function readEnvironment(
  specs: readonly FlagSpec[],
  prefix: string,
  environment: FlagSource["environment"],
  problems: string[],
  take: Take,
): void {
  const byVariable = new Map(specs.map((spec) => [variableOf(prefix, spec.name), spec]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(prefix) || text === undefined || SERVICE_LINK.test(variable)) continue;
    const spec = byVariable.get(variable);
    if (spec === undefined)
      problems.push(unknown(`environment variable ${variable}`, variable, [...byVariable.keys()], ""));
    else take(spec, text, variable);
  }
}

function readArguments(specs: readonly FlagSpec[], argv: readonly string[], problems: string[], take: Take): boolean {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--help" || word === "-h") return true;
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      problems.push(`'${word}' is not understood: there are only flags here`);
      continue;
    }
    const [, name = "", given] = match;
    const spec = byName.get(name);
    if (spec === undefined) problems.push(unknown(`flag --${name}`, name, [...byName.keys()], "--"));
    else if (given !== undefined) take(spec, given, `--${name}`);
    else if (spec.kind === "bool") take(spec, "true", `--${name}`);
    else {
      const next = rest.shift();
      if (next === undefined) problems.push(`--${name} needs a value`);
      else take(spec, next, `--${name}`);
    }
  }
  return false;
}

function unknown(what: string, name: string, known: readonly string[], mark: string): string {
  const near = nearestName(name, known);
  return `unknown ${what}${near === undefined ? "" : `; did you mean ${mark}${near}?`}`;
}

function readValue(spec: FlagSpec, text: string): FlagValue {
  const { kind, choices } = spec;
  if (choices !== undefined && !choices.includes(text)) throw new Error(`'${text}' is none of ${choices.join(", ")}`);
  switch (kind) {
    case "string":
      return text;
    case "list":
      return text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
    case "bool":
      if (text === "" || text === "false") return false;
      if (text !== "true") throw new Error(`'${text}' is neither true nor false`);
      return true;
    case "int":
      return inBounds(spec, text, /^\d{1,9}$/.test(text) ? Number(text) : text === "" ? 0 : Number.NaN);
    case "duration":
      return inBounds(spec, text, text === "" ? 0 : durationMs(text));
    default:
      throw new Error(`a flag of kind ${String(kind)}`);
  }
}

function inBounds({ kind, min = 0, max = Number.MAX_SAFE_INTEGER }: FlagSpec, text: string, value: number): number {
  const unit = kind === "duration" ? " ms" : "";
  if (Number.isNaN(value))
    throw new Error(`'${text}' is no ${kind === "int" ? "whole number" : "duration such as 15s"}`);
  if (text !== "" && (value < min || value > max))
    throw new Error(`'${text}' is not between ${min}${unit} and ${max}${unit}`);
  return value;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a text such as `1h30m`; NaN if it is none. */
function durationMs(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return Number.NaN;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount = "", unit = ""]) => sum + Number(amount) * (UNITS_MS[unit] ?? Number.NaN),
    0,
  );
}
