import { assert, must } from "@quorate/base";
import { parseUrls } from "./endpoint-url.ts";
import { parseFeatureGates } from "./feature-gates.ts";
import type { Flag, FlagKind, FlagValue } from "./flag.ts";
import { FLAGS } from "./flag-table.ts";
import { FILE_ONLY_SETTINGS } from "./flag-table-security.ts";
import { type Parsed, parseBool, parseDuration, parseInteger } from "./go-values.ts";
import type { EndpointUrl } from "./server-config.ts";

const BY_NAME: ReadonlyMap<string, Flag> = new Map(FLAGS.map((flag) => [flag.name, flag]));

const SETTINGS: ReadonlyMap<string, Flag> = new Map([...FLAGS, ...FILE_ONLY_SETTINGS].map((flag) => [flag.name, flag]));

/** The flag called `name`, or undefined. */
export function flagNamed(name: string): Flag | undefined {
  return BY_NAME.get(name);
}

/** What was set, over what every flag is by default. Asking for a flag that does not exist, or as another kind, throws. */
export class Settings {
  readonly #values = new Map<string, FlagValue>();

  set(flag: Flag, value: FlagValue): void {
    this.#values.set(flag.name, value);
  }

  /** Whether it was set, be it to its default. */
  isSet(name: string): boolean {
    return this.#values.has(name);
  }

  /** The flags set, in the table's order. */
  explicit(): readonly Flag[] {
    return FLAGS.filter((flag) => this.#values.has(flag.name));
  }

  /** Whether the value is the one it has when not set. */
  isDefault(flag: Flag): boolean {
    return JSON.stringify(this.value(flag)) === JSON.stringify(defaultOf(flag));
  }

  value(flag: Flag): FlagValue {
    return this.#values.get(flag.name) ?? defaultOf(flag);
  }

  bool(name: string): boolean {
    return this.#typed(name, ["bool"]) as boolean;
  }
  number(name: string): number {
    return this.#typed(name, ["int", "uint", "duration"]) as number;
  }
  text(name: string): string {
    return this.#typed(name, ["string", "choice", "gates"]) as string;
  }
  list(name: string): readonly string[] {
    return this.#typed(name, ["list", "set"]) as readonly string[];
  }
  urls(name: string): readonly EndpointUrl[] {
    return this.#typed(name, ["urls"]) as readonly EndpointUrl[];
  }

  #typed(name: string, kinds: readonly FlagKind[]): FlagValue {
    const flag = must(SETTINGS.get(name), "the flag is in the table");
    assert(kinds.includes(flag.kind), "the flag is asked for as what it is");
    return this.value(flag);
  }
}

/** Reads the text of a flag or environment variable. */
export function parseFlagText(flag: Flag, text: string): Parsed<FlagValue> {
  switch (flag.kind) {
    case "bool":
      return parseBool(text);
    case "int":
      return parseInteger(text, true, flag.max);
    case "uint":
      return parseInteger(text, false, flag.max);
    case "duration":
      return parseDuration(text);
    case "string":
      return { value: text };
    case "list":
      return { value: text === "" ? [] : text.split(",") };
    case "set":
      return { value: text === "" ? [] : [...new Set(text.split(","))].sort() };
    case "urls":
      // As in etcd, an empty list leaves the default.
      return text === "" ? { value: defaultOf(flag) } : parseUrls(text);
    case "choice":
      return flag.choices?.includes(text) === true ? { value: text } : { error: "invalid value" };
    case "gates": {
      const parsed = parseFeatureGates(text);
      return "error" in parsed ? parsed : { value: text };
    }
  }
}

function defaultOf(flag: Flag): FlagValue {
  if (flag.kind === "urls" && flag.default === "") return [];
  const parsed = parseFlagText(flag, flag.default);
  assert("value" in parsed, "the default of a flag is valid", { flag: flag.name });
  return parsed.value;
}
