/** What a write of the host will have made durable, as far as it still matters. */
interface Claim {
  readonly ready: number;
  /** Highest index whose entry this write makes final; lowered when a later write is going to change it. */
  lastIndex: number;
  readonly snapshotIndex: number;
  readonly takenAtTick: number;
}

/** What one report of durability confirms. Index 0 confirms nothing. */
export interface Settled {
  readonly lastIndex: number;
  readonly snapshotIndex: number;
}

/**
 * The writes that the host has been given and has not reported durable, oldest first.
 *
 * A write confirms an entry only if no later write replaces it. So when a leader makes us overwrite from index `i`, all
 * claims in flight are lowered below `i` at that moment. That is exact, and safe against the same entry being overwritten
 * twice (term 1, term 2, term 1 again), where comparing the term of the entry alone would be fooled by the first write.
 */
export class PendingWrites {
  readonly #claims: Claim[] = [];

  /** When the oldest write in flight was handed out. */
  get oldestTick(): number | undefined {
    return this.#claims[0]?.takenAtTick;
  }

  /** Number of the Ready that carries the newest write in flight. */
  get newestReady(): number | undefined {
    // PERF: index -1 of an empty array is looked up by name.
    const count = this.#claims.length;
    return count === 0 ? undefined : (this.#claims[count - 1] as Claim).ready;
  }

  get count(): number {
    return this.#claims.length;
  }

  /** Notes what Ready number `ready` will make durable; index 0 stands for nothing. */
  add(
    ready: number,
    write: { readonly lastIndex: number; readonly snapshotIndex: number; readonly tick: number },
  ): void {
    this.#claims.push({
      ready,
      lastIndex: write.lastIndex,
      snapshotIndex: write.snapshotIndex,
      takenAtTick: write.tick,
    });
  }

  /** Entries from `index` on have been replaced: no write in flight confirms them any more. */
  overwrittenFrom(index: number): void {
    for (const claim of this.#claims) {
      if (claim.lastIndex >= index) claim.lastIndex = index - 1;
    }
  }

  /** Every write up to and including Ready number `ready` is durable; undefined if that is no news. */
  settle(ready: number): Settled | undefined {
    let lastIndex = 0;
    let snapshotIndex = 0;
    let done = 0;
    for (const claim of this.#claims) {
      if (claim.ready > ready) break;
      done++;
      lastIndex = Math.max(lastIndex, claim.lastIndex);
      snapshotIndex = Math.max(snapshotIndex, claim.snapshotIndex);
    }
    if (done === 0) return undefined;
    this.#claims.splice(0, done);
    return { lastIndex, snapshotIndex };
  }
}
