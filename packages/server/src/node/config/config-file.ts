import { createRequire } from "node:module";
import type { Flag, FlagValue } from "./flag.ts";
import { FLAGS } from "./flag-table.ts";
import type { Parsed } from "./go-values.ts";
import { nearestName } from "./nearest-name.ts";
import type { Notice } from "./notice.ts";
import { parseFlagText, type Settings } from "./settings.ts";

export interface FileResult {
  readonly errors: readonly string[];
  readonly notices: readonly Notice[];
}

/** Keys of the file that belong to no flag: accepted, and refused when they promise what is not kept. */
const REFUSED_KEYS = ["client-transport-security.allowed-cn"];

const BY_KEY: ReadonlyMap<string, Flag> = new Map(
  FLAGS.flatMap((flag) => (flag.fileKey === undefined ? [] : [[flag.fileKey, flag] as const])),
);

/**
 * Reads the text of a configuration file, YAML or JSON, into `settings`. `path` names it in messages. Unknown keys are
 * ignored with a warning; keys are matched whatever their case, as in etcd.
 */
export function readConfigText(text: string, path: string, settings: Settings): FileResult {
  let document: unknown;
  try {
    document = parseYaml(text) ?? {};
  } catch (error) {
    return { errors: [`${path}: ${firstLine((error as Error).message)}`], notices: [] };
  }
  if (!isMapping(document)) return { errors: [`${path}: expected a mapping of keys to values`], notices: [] };
  const errors: string[] = [];
  const notices: Notice[] = [];
  for (const [key, value] of flatten(document, "")) {
    const flag = BY_KEY.get(key);
    // A null leaves the default.
    if (value === null || value === undefined) continue;
    if (REFUSED_KEYS.includes(key)) {
      errors.push(`${path}: ${key} is not supported by this version`);
    } else if (flag === undefined) {
      notices.push(unknownKey(key, path));
    } else {
      const parsed = fileValue(flag, value);
      if ("error" in parsed) errors.push(`${path}: ${key}: ${parsed.error}`);
      else settings.set(flag, parsed.value);
    }
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
      if (Array.isArray(value)) {
        if (!value.every((item): item is string => typeof item === "string")) return wrong("a list of strings", value);
        return { value: flag.kind === "set" ? [...new Set(value)].sort() : value };
      }
      return typeof value === "string" ? parseFlagText(flag, value) : wrong("a list of strings", value);
    case "urls":
      return typeof value === "string"
        ? parseFlagText(flag, value)
        : wrong("one string of comma-separated URLs", value);
    case "string":
    case "choice":
    case "gates": {
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
        return wrong("a string", value);
      }
      const text = String(value);
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

/** Loaded when there is a file to read: it takes 30 ms that other starts do not pay. */
function parseYaml(text: string): unknown {
  const yaml = createRequire(import.meta.url)("yaml") as typeof import("yaml");
  return yaml.parse(text, { prettyErrors: true, maxAliasCount: 100 });
}

function firstLine(message: string): string {
  return message.split("\n")[0]?.replace(/:$/, "") ?? message;
}
