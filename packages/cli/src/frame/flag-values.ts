import type { FlagSpec, FlagValue } from "./flag-spec.ts";
import { defaultValue, parseFlagText } from "./flag-text.ts";

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** The flags that a command knows, and what they are set to. Asking for one that it does not know is a bug and throws. */
export class FlagValues {
  readonly #specs = new Map<string, FlagSpec>();
  readonly #shorthands = new Map<string, FlagSpec>();
  readonly #values = new Map<string, FlagValue>();
  readonly #changed = new Set<string>();

  /** Of two specs with one name the first counts, so a command's own come before those that it inherits. */
  constructor(specs: readonly FlagSpec[]) {
    for (const spec of specs) {
      if (this.#specs.has(spec.name)) continue;
      this.#specs.set(spec.name, spec);
      if (spec.shorthand !== undefined && !this.#shorthands.has(spec.shorthand))
        this.#shorthands.set(spec.shorthand, spec);
    }
  }

  get specs(): readonly FlagSpec[] {
    return [...this.#specs.values()];
  }

  spec(name: string): FlagSpec | undefined {
    return this.#specs.get(name);
  }

  shorthand(letter: string): FlagSpec | undefined {
    return this.#shorthands.get(letter);
  }

  /** True once it was given on the command line or in the environment. */
  changed(name: string): boolean {
    return this.#changed.has(name);
  }

  /** Sets it to what was typed; returns why that is no value for it. */
  set(spec: FlagSpec, text: string): string | undefined {
    const parsed = parseFlagText(spec, text);
    if ("error" in parsed) return parsed.error;
    // The first use of a list replaces the default, later ones add to it.
    const before = spec.kind === "strings" && this.#changed.has(spec.name) ? this.#values.get(spec.name) : undefined;
    this.#values.set(
      spec.name,
      Array.isArray(before) ? [...before, ...(parsed.value as readonly string[])] : parsed.value,
    );
    this.#changed.add(spec.name);
    return undefined;
  }

  bool(name: string): boolean {
    return this.value(name, ["bool"]) as boolean;
  }

  string(name: string): string {
    return this.value(name, ["string"]) as string;
  }

  strings(name: string): readonly string[] {
    return this.value(name, ["strings"]) as readonly string[];
  }

  /** An integer of any kind; exact. */
  bigint(name: string): bigint {
    return this.value(name, ["int", "int64", "uint"]) as bigint;
  }

  /** An integer of any kind. Beyond 2^53 the nearest safe number: such a revision is in the future either way. */
  integer(name: string): number {
    const value = Number(this.bigint(name));
    return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  }

  /** A duration in milliseconds, with a fraction if it has one. */
  milliseconds(name: string): number {
    const nanoseconds = this.value(name, ["duration"]) as bigint;
    return Number(nanoseconds) / Number(NANOSECONDS_PER_MILLISECOND);
  }

  /** The value of a flag of one of `kinds`. */
  value(name: string, kinds: readonly FlagSpec["kind"][]): FlagValue {
    const spec = this.#specs.get(name);
    if (spec === undefined || !kinds.includes(spec.kind)) throw new Error(`no flag --${name} of kind ${kinds.join()}`);
    return this.#values.get(name) ?? defaultValue(spec);
  }
}
