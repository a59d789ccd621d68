import { type Prng, SeededPrng } from "@quorate/base";

/** Choices drawn from one seeded generator: the same seed and the same calls give the same answers. */
export class SeededChoice {
  readonly #prng: Prng;

  constructor(seed: number) {
    this.#prng = new SeededPrng(seed);
  }

  /** A uniform integer in [0, bound). */
  below(bound: number): number {
    return this.#prng.below(bound);
  }

  /** A uniform integer in [low, high], both ends included. */
  between(low: number, high: number): number {
    return low + this.#prng.below(high - low + 1);
  }

  /** True once in `n` calls on average. */
  oneIn(n: number): boolean {
    return this.#prng.below(n) === 0;
  }

  /** One of the items, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.#prng.below(items.length)];
    if (item === undefined && items.length === 0) throw new Error("pick from an empty list");
    return item as T;
  }

  /** One of the keys of `weights`, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.#prng.below(entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [key, weight] of entries) {
      if (left < weight) return key;
      left -= weight;
    }
    throw new Error("weights must be positive integers");
  }

  /** `length` random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#prng.below(256));
  }
}

/** The seed in environment variable QUORATE_SEED, or `fallback`: every test prints the seed it used. */
export function seedFromEnvironment(fallback: number): number {
  const text = process.env["QUORATE_SEED"];
  if (text === undefined || text === "") return fallback;
  const seed = Number(text);
  if (!Number.isSafeInteger(seed)) throw new Error(`QUORATE_SEED must be an integer, not '${text}'`);
  return seed;
}
