import { formatGoDuration, parseGoDuration } from "../go/go-duration.ts";
import { parseGoBool, parseGoInt, parseGoUint } from "../go/go-integer.ts";
import type { FlagSpec, FlagValue } from "./flag-spec.ts";

/** A flag's value from what was typed, or the words of Go's parsers on why not. */
export function parseFlagText(
  spec: FlagSpec,
  text: string,
): { readonly value: FlagValue } | { readonly error: string } {
  switch (spec.kind) {
    case "bool":
      return parseGoBool(text);
    case "int":
    case "int64":
      return parseGoInt(text, 0);
    case "uint":
      return parseGoUint(text, 0);
    case "duration":
      return parseGoDuration(text);
    case "strings":
      return { value: splitList(text) };
    default:
      return { value: text };
  }
}

/** The value of a flag that is not given. */
export function defaultValue(spec: FlagSpec): FlagValue {
  const parsed = parseFlagText(spec, spec.default ?? ZERO[spec.kind]);
  if ("error" in parsed) throw new Error(`--${spec.name} has a wrong default: ${parsed.error}`);
  return parsed.value;
}

/** A value as `--debug` prints it. */
export function flagText(spec: FlagSpec, value: FlagValue): string {
  if (spec.kind === "duration") return formatGoDuration(value as bigint);
  return Array.isArray(value) ? `[${value.join(",")}]` : String(value as string | boolean | bigint);
}

const ZERO = { bool: "false", string: "", strings: "", int: "0", int64: "0", uint: "0", duration: "0s" } as const;

/** A comma list; double quotes keep commas together, as in the CSV that pflag reads. */
function splitList(text: string): readonly string[] {
  if (text === "") return [];
  const items = text.match(/("(?:[^"]|"")*"|[^,]*)(,|$)/g) ?? [];
  const kept = items.at(-1) === "" && !text.endsWith(",") ? items.slice(0, -1) : items;
  return kept.map((item) => {
    const plain = item.endsWith(",") ? item.slice(0, -1) : item;
    return plain.startsWith('"') ? plain.slice(1, -1).replaceAll('""', '"') : plain;
  });
}
