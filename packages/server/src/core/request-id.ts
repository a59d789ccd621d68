/**
 * Request IDs as etcd makes them: the low 16 bits of the member ID, 40 bits of the start time in milliseconds, and a
 * counter of 8 bits that carries into the time. Unique over members and restarts without coordination.
 * Source: reference of etcd's `pkg/idutil`; peer protocol page, section 12.1.
 */
export class RequestIds {
  readonly #prefix: number;
  /** The low 48 bits, kept as a number: it stays below 2^53. */
  #suffix: number;

  /** `memberId`: this member. `startMs`: wall-clock milliseconds at start. */
  constructor(memberId: bigint, startMs: number) {
    this.#prefix = Number(memberId & 0xffffn);
    this.#suffix = (startMs % 2 ** 40) * 256;
  }

  /** Advances and returns the low 48 bits; the full ID is `high16 << 48 | low48`. Unique within this process. */
  nextLow48(): number {
    this.#suffix = (this.#suffix + 1) % 2 ** 48;
    return this.#suffix;
  }

  /** The bits above the low 48, in [0, 65535]. */
  get high16(): number {
    return this.#prefix;
  }

  /** A whole ID. */
  next(): bigint {
    return (BigInt(this.#prefix) << 48n) | BigInt(this.nextLow48());
  }

  /** An ID for a lease the client left to us: positive as an int64 and never 0. */
  nextLeaseId(): bigint {
    for (;;) {
      const id = this.next() & 0x7fff_ffff_ffff_ffffn;
      if (id !== 0n) return id;
    }
  }
}
