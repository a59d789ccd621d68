import { prefixEnd } from "@quorate/base";
import type { SeededChoice } from "@quorate/testkit";

/** A key and the range end that goes with it. */
export interface KeyRange {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

const NONE = Buffer.alloc(0);
const ZERO = Buffer.from([0]);

/** Keys that stress the order of bytes and the ends of ranges, beside plain ones that are hit again and again. */
const KEYS: readonly Buffer[] = [
  ...Array.from({ length: 24 }, (_, i) => Buffer.from(`k/${String(i).padStart(2, "0")}`)),
  ...["a", "b", "c", "aa", "ab", "a/b", "z", "zz", "k", "k/", "k/0", "registry/pods/x", "registry/pods/y"].map((text) =>
    Buffer.from(text),
  ),
  Buffer.from("schlüssel"),
  Buffer.from("鍵"),
  ZERO,
  Buffer.from([0, 0]),
  Buffer.from([0, 1]),
  Buffer.from([0x61, 0]),
  Buffer.from([0x61, 0xff]),
  Buffer.from([0xff]),
  Buffer.from([0xff, 0xff]),
  Buffer.from([0xff, 0x00]),
  Buffer.from([0x80, 0xfe, 0x7f]),
];
const PREFIXES: readonly Buffer[] = ["k/", "k/1", "a", "registry/", "x"].map((text) => Buffer.from(text));

/** Draws keys, ranges and values. */
export class KeySpace {
  readonly #choice: SeededChoice;

  constructor(choice: SeededChoice) {
    this.#choice = choice;
  }

  key(): Buffer {
    return this.#choice.pick(KEYS);
  }

  /** Any kind of range: one key, an interval, a prefix, everything from a key, everything, and inverted ones. */
  range(): KeyRange {
    const kind = this.#choice.weighted({ one: 40, interval: 20, prefix: 15, from: 8, all: 5, inverted: 4, same: 2 });
    return this.#rangeOf(kind);
  }

  /** A range that covers few keys, so that deleting it leaves something behind. */
  smallRange(): KeyRange {
    const kind = this.#choice.weighted({ one: 200, interval: 30, prefix: 8, from: 2, all: 1, inverted: 4, same: 2 });
    if (kind !== "interval") return this.#rangeOf(kind);
    const first = this.#choice.below(20);
    return {
      key: Buffer.from(`k/${String(first).padStart(2, "0")}`),
      range_end: Buffer.from(`k/${String(first + this.#choice.between(1, 3)).padStart(2, "0")}`),
    };
  }

  value(): Buffer {
    const kind = this.#choice.weighted({ tiny: 60, text: 30, empty: 5, binary: 5, large: 1 });
    switch (kind) {
      case "tiny":
        return Buffer.from(String(this.#choice.below(6)));
      case "text":
        return Buffer.from(`value-${this.#choice.below(100_000)}`);
      case "empty":
        return NONE;
      case "binary":
        return Buffer.from(this.#choice.bytes(this.#choice.between(1, 40)));
      default:
        return Buffer.alloc(this.#choice.between(1000, 20_000), this.#choice.below(256));
    }
  }

  #rangeOf(kind: "one" | "interval" | "prefix" | "from" | "all" | "inverted" | "same"): KeyRange {
    const key = this.key();
    switch (kind) {
      case "one":
        return { key, range_end: NONE };
      case "from":
        return { key, range_end: ZERO };
      case "all":
        return { key: ZERO, range_end: ZERO };
      case "same":
        return { key, range_end: key };
      case "prefix": {
        const prefix = this.#choice.pick(PREFIXES);
        return { key: prefix, range_end: Buffer.from(prefixEnd(prefix)) };
      }
      case "interval":
      case "inverted": {
        const other = this.key();
        const ascending = Buffer.compare(key, other) <= 0;
        const [low, high] = ascending ? [key, other] : [other, key];
        return kind === "interval" ? { key: low, range_end: high } : { key: high, range_end: low };
      }
      default:
        throw new Error(`no such range kind: ${String(kind)}`);
    }
  }
}

/** True when `key` lies in the range, by the API's conventions. */
export function inRange(key: Buffer, range: KeyRange): boolean {
  if (range.range_end.length === 0) return Buffer.compare(key, range.key) === 0;
  if (Buffer.compare(key, range.key) < 0) return false;
  if (range.range_end.length === 1 && range.range_end[0] === 0) return true;
  return Buffer.compare(key, range.range_end) < 0;
}
