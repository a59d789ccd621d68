import { must } from "@quorate/base";
import { eventFieldBytes } from "./event-encoder.ts";
import type { WatchRange } from "./range.ts";
import type { EventBatch } from "./sink.ts";
import type { Watcher } from "./watcher.ts";

/** What watchers of the same range can differ in, as bits of a group's `variant`. */
export const NO_PUT = 1;
export const NO_DELETE = 2;
export const PREVIOUS_VALUE = 4;

/** Stand for "empty" and are never added to. */
const NOTHING_PICKED: Uint8Array[] = [];
const NO_REVISIONS: number[] = [];

/**
 * All watchers that get the same events: same range, same filters, same prev_kv. Matching and encoding are done once
 * for a group, and its members get the same batch object.
 */
export class WatchGroup {
  readonly range: WatchRange;
  readonly variant: number;
  /** Members that are up to date, in no particular order. */
  readonly synced: Watcher[] = [];
  /** Members of every state. */
  memberCount = 0;

  /** The pass this group takes part in; what follows belongs to that pass. */
  passId = 0;
  /** Matching events in order, and the revision of each. */
  picked: Uint8Array[] = NOTHING_PICKED;
  #pickedRevisions: number[] = NO_REVISIONS;
  /** The last batch made, and the first picked event it holds; -1 when none was made. */
  #batch: EventBatch | undefined = undefined;
  #batchStart = -1;

  constructor(range: WatchRange, variant: number) {
    this.range = range;
    this.variant = variant;
  }

  /** Whether the filters let a put, or a deletion, through. */
  wants(tombstone: boolean): boolean {
    return (this.variant & (tombstone ? NO_DELETE : NO_PUT)) === 0;
  }

  get wantsPrevious(): boolean {
    return (this.variant & PREVIOUS_VALUE) !== 0;
  }

  join(watcher: Watcher): void {
    watcher.syncedIndex = this.synced.length;
    this.synced.push(watcher);
  }

  leave(watcher: Watcher): void {
    const last = must(this.synced.pop(), "a group being left has members");
    if (last !== watcher) {
      this.synced[watcher.syncedIndex] = last;
      last.syncedIndex = watcher.syncedIndex;
    }
    watcher.syncedIndex = -1;
  }

  pick(event: Uint8Array, revision: number): void {
    if (this.picked.length === 0) {
      // Most passes pick one event, and the array goes into the batch.
      this.picked = [event];
      this.#pickedRevisions = [revision];
      return;
    }
    this.picked.push(event);
    this.#pickedRevisions.push(revision);
  }

  /**
   * The picked events of revision `next` and later under the header revision `revision`; undefined when there are
   * none. Calls of one pass come with ascending `next`; those that start with the same event get the same batch.
   */
  batchFrom(next: number, revision: number): EventBatch | undefined {
    let start = Math.max(this.#batchStart, 0);
    while (start < this.picked.length && (this.#pickedRevisions[start] as number) < next) start++;
    if (start === this.picked.length) return undefined;
    if (start === this.#batchStart) return this.#batch;
    const events = start === 0 ? this.picked : this.picked.slice(start);
    let sizeBytes = 0;
    for (const event of events) sizeBytes += eventFieldBytes(event);
    this.#batch = { revision, events, sizeBytes, cache: undefined };
    this.#batchStart = start;
    return this.#batch;
  }

  /** Forgets what the pass left. */
  endPass(): void {
    this.picked = NOTHING_PICKED;
    this.#pickedRevisions = NO_REVISIONS;
    this.#batch = undefined;
    this.#batchStart = -1;
  }
}
