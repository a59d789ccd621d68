import { createRequire } from "node:module";
import type { Flag, FlagValue } from "./flag.ts";
import { FLAGS } from "./flag-table.ts";
import { FILE_ONLY_SETTINGS } from "./flag-table-security.ts";
import type { Parsed } from "./go-values.ts";
import { nearestName } from "./nearest-name.ts";
import type { Notice } from "./notice.ts";
import { parseFlagText, type Settings } from "./settings.ts";

export interface FileResult {
  readonly errors: readonly string[];
  readonly notices: readonly Notice[];
}

const BY_KEY: ReadonlyMap<string, Flag> = new Map(
  [...FLAGS, ...FILE_ONLY_SETTINGS].flatMap((flag) =>
    flag.fileKey === undefined ? [] : [[flag.fileKey, flag] as const],
  ),
);

/**
 * Reads the text of a configuration file, YAML or JSON, into `settings`. `path` names it in messages. Unknown keys are
 * ignored with a warning; keys are matched whatever their case, as in etcd.
 */
export function readConfigText(text: string, path: string, settings: Settings): FileResult {
  let parsed: ParsedYaml;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    return { errors: [`${path}: ${firstLine((error as Error).message)}`], notices: [] };
  }
  const document = parsed.value ?? {};
  if (!isMapping(document)) return { errors: [`${path}: expected a mapping of keys to values`], notices: [] };
  const errors: string[] = [];
  const notices: Notice[] = parsed.hasRepeats ? [repeatedKeys(path)] : [];
  for (const [key, value] of flatten(document, "")) {
    const flag = BY_KEY.get(key);
    // A null leaves the default.
    if (value === null || value === undefined) continue;
    if (flag === undefined) {
      if (isSection(key)) errors.push(`${path}: ${key}: ${wrong("a mapping of keys to values", value).error}`);
      else notices.push(unknownKey(key, path));
      continue;
    }
    const read = fileValue(flag, value);
    if ("error" in read) errors.push(`${path}: ${key}: ${read.error}`);
    else settings.set(flag, read.value);
  }
  return { errors, notices };
}

/** Values of the file by their full key, `a.b.c`; sections are mappings where the file format has them. */
function* flatten(mapping: Readonly<Record<string, unknown>>, prefix: string): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(mapping)) {
    const key = `${prefix}${name.toLowerCase()}`;
    if (isMapping(value) && isSection(key)) yield* flatten(value, `${key}.`);
    else yield [key, value];
  }
}

function isSection(key: string): boolean {
  for (const known of BY_KEY.keys()) if (known.startsWith(`${key}.`)) return true;
  return false;
}

/** Lists that the file has as the text of their flags. */
const TEXT_LISTS: ReadonlySet<string> = new Set(["cors", "host-whitelist"]);

/** As Go decodes JSON into etcd's configuration: no text for numbers, durations in nanoseconds. */
function fileValue(flag: Flag, value: unknown): Parsed<FlagValue> {
  switch (flag.kind) {
    case "bool":
      return typeof value === "boolean" ? { value } : wrong("true or false", value);
    case "int":
    case "uint": {
      if (typeof value !== "number" || !Number.isInteger(value)) return wrong("an integer", value);
      if (flag.kind === "uint" && value < 0) return wrong("an integer that is not negative", value);
      return flag.max !== undefined && value > flag.max ? wrong(`at most ${flag.max}`, value) : { value };
    }
    case "duration":
      return typeof value === "number" && Number.isInteger(value)
        ? { value: value / 1e6 }
        : wrong("an integer, the duration in nanoseconds", value);
    case "list":
    case "set":
      if (TEXT_LISTS.has(flag.name)) {
        return typeof value === "string" ? parseFlagText(flag, value) : wrong("one comma-separated string", value);
      }
      if (Array.isArray(value)) {
        if (!value.every((item): item is string => typeof item === "string")) return wrong("a list of strings", value);
        return { value: flag.kind === "set" ? [...new Set(value)].sort() : value };
      }
      return wrong("a list of strings", value);
    case "urls":
      return typeof value === "string"
        ? parseFlagText(flag, value)
        : wrong("one string of comma-separated URLs", value);
    case "string":
    case "choice":
    case "gates": {
      if (typeof value !== "string") return wrong("a string", value);
      const text = value;
      if (flag.name === "initial-cluster-state" && text === "") return { value: "new" };
      const parsed = parseFlagText(flag, text);
      if (flag.name === "initial-cluster-state" && "error" in parsed) {
        return { error: `unexpected clusterState ${JSON.stringify(text)}` };
      }
      return parsed;
    }
  }
}

function wrong(expected: string, value: unknown): { readonly error: string } {
  const shown = JSON.stringify(value) ?? String(value);
  return { error: `expected ${expected}, found ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}` };
}

function unknownKey(key: string, path: string): Notice {
  const nearest = nearestName(key, [...BY_KEY.keys()]);
  return {
    level: "warn",
    message: "ignored an unknown key of the configuration file",
    fields: { path, key, ...(nearest === undefined ? {} : { "did-you-mean": nearest }) },
  };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface ParsedYaml {
  readonly value: unknown;
  /** A mapping names a key twice. */
  readonly hasRepeats: boolean;
}

/**
 * YAML 1.1, in which `yes` is true, and of a key that is repeated the last: etcd's parser has it so. The library is loaded when there
 * is a file to read: it takes 30 ms that other starts do not pay.
 */
function parseYaml(text: string): ParsedYaml {
  const yaml = createRequire(import.meta.url)("yaml") as typeof import("yaml");
  const parse = (uniqueKeys: boolean): unknown =>
    yaml.parse(text, { prettyErrors: true, maxAliasCount: 100, version: "1.1", uniqueKeys });
  try {
    return { value: parse(true), hasRepeats: false };
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "DUPLICATE_KEY") throw error;
    return { value: parse(false), hasRepeats: true };
  }
}

function repeatedKeys(path: string): Notice {
  return {
    level: "warn",
    message: "a key of the configuration file is repeated; the last one counts",
    fields: { path },
  };
}

function firstLine(message: string): string {
  return message.split("\n")[0]?.replace(/:$/, "") ?? message;
}
