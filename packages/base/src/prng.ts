/** A source of randomness that a core is given, so that the same seed gives the same run. */
export interface Prng {
  /** A uniform integer in [0, 2^32). */
  u32(): number;
  /** A uniform integer in [0, bound); `bound` in [1, 2^32]. */
  below(bound: number): number;
}

/** A seeded generator (xoshiro128** by Blackman and Vigna, seeded through splitmix32). Not for secrets. */
export class SeededPrng implements Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let s = seed | 0;
    const next = (): number => {
      s = (s + 0x9e3779b9) | 0;
      let t = s ^ (s >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  u32(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result >>> 0;
  }

  below(bound: number): number {
    // 2^32 times the bound stays below 2^53 only for small bounds, hence the two-step division.
    return Math.floor((this.u32() / 0x1_0000_0000) * bound);
  }
}
