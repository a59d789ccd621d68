import { assert } from "@quorate/base";
import type { RevisionChanges } from "../change.ts";
import type { WatchGroup } from "./group.ts";
import type { RecentHistory } from "./recent-history.ts";
import { RevisionEvents } from "./revision-events.ts";
import type { Watcher } from "./watcher.ts";
import type { WatcherTable } from "./watcher-table.ts";

/** Bounds of one step. Source: grpc-api.md 6.3, which gives etcd's. */
const STEP_WATCHER_COUNT_MAX = 512;
const STEP_REVISION_COUNT_MAX = 1000;

/**
 * Brings lagging watchers up to date, a bounded slice of history at a time. Those whose next revision is still in
 * memory are served at once; for the others the backend is read, one range at a time, and whatever is read serves
 * every watcher that stands within it. Ranges begin in turn where the longest waiting watcher stands, so that one
 * far behind holds nobody up. A watcher keeps no events while it waits, only its next revision.
 */
export class CatchUp {
  readonly #table: WatcherTable;
  readonly #recent: RecentHistory;
  #isReading = false;
  /** Changes when the store is replaced: an answer read from the old one is dropped. */
  #epoch = 0;

  constructor(table: WatcherTable, recent: RecentHistory) {
    this.#table = table;
    this.#recent = recent;
  }

  /** Does one slice. True when another call would find something to do at once. */
  step(): boolean {
    const table = this.#table;
    table.hasSyncWork = false;
    const firstRecent = this.#recent.firstRevision;
    const near = this.#choose(firstRecent, table.revision);
    if (near.length > 0) {
      this.#serve(near, this.#recent.from(lowestNext(near)), table.revision);
      // There may be more of them than one step takes.
      table.hasSyncWork = true;
    }
    if (!this.#isReading) this.#readFor(firstRecent);
    return table.hasSyncWork;
  }

  /** Forgets the read in flight, because it reads a store that is gone. */
  reset(): void {
    this.#epoch++;
    this.#isReading = false;
  }

  #readFor(firstRecent: number): void {
    const pivot = this.#longestWaiting(firstRecent);
    if (pivot === undefined) return;
    const from = pivot.next;
    const to = Math.min(from + STEP_REVISION_COUNT_MAX - 1, this.#table.revision);
    const epoch = this.#epoch;
    this.#isReading = true;
    this.#table.source.history(from, to, (revisions, through) => {
      if (epoch !== this.#epoch) return;
      this.#isReading = false;
      this.#serveHistory(from, through, revisions);
    });
  }

  #serveHistory(from: number, through: number, revisions: readonly RevisionChanges[]): void {
    assert(through >= from, "a history read covers at least its first revision");
    const chosen = this.#choose(from, through);
    if (chosen.length > 0) {
      const lowest = lowestNext(chosen);
      const entries: RevisionEvents[] = [];
      for (const { revision, changes } of revisions) {
        if (revision >= lowest && revision <= through) entries.push(new RevisionEvents(revision, changes));
      }
      this.#serve(chosen, entries, through);
    }
    this.#table.wake();
  }

  /** Hands `entries`, which hold everything that happened up to `through`, to watchers that stand within them. */
  #serve(chosen: Watcher[], entries: readonly RevisionEvents[], through: number): void {
    const table = this.#table;
    const passId = table.nextPassId();
    for (const watcher of chosen) watcher.group.passId = passId;
    const touched: WatchGroup[] = [];
    for (const entry of entries) table.match(entry, passId, touched);

    // In this order those who stand at the same place come together and share a batch.
    chosen.sort(compareByNext);
    for (const watcher of chosen) {
      if (watcher.gone || watcher.stream.isBlocked || table.cancelIfCompacted(watcher)) continue;
      const batch = watcher.group.batchFrom(watcher.next, table.revision);
      if (batch !== undefined && !table.deliver(watcher, batch)) continue;
      if (watcher.gone) continue;
      watcher.next = through + 1;
      if (through >= table.revision) table.sync(watcher);
    }
    for (const group of touched) group.endPass();
  }

  /**
   * Up to {@link STEP_WATCHER_COUNT_MAX} lagging watchers of streams that take events, standing in [from, to]. Streams
   * and watchers that were chosen queue up again behind the others.
   */
  #choose(from: number, to: number): Watcher[] {
    const chosen: Watcher[] = [];
    const ready = this.#table.readyStreams;
    let streamsLeft = ready.size;
    for (const stream of ready) {
      if (streamsLeft-- === 0 || chosen.length >= STEP_WATCHER_COUNT_MAX) break;
      let watchersLeft = stream.lagging.size;
      const before = chosen.length;
      for (const watcher of stream.lagging) {
        if (watchersLeft-- === 0 || chosen.length >= STEP_WATCHER_COUNT_MAX) break;
        if (watcher.next < from || watcher.next > to) continue;
        chosen.push(watcher);
        stream.lagging.delete(watcher);
        stream.lagging.add(watcher);
      }
      if (chosen.length === before) continue;
      ready.delete(stream);
      ready.add(stream);
    }
    return chosen;
  }

  /** The first watcher in the queue that stands before `firstRecent`. */
  #longestWaiting(firstRecent: number): Watcher | undefined {
    for (const stream of this.#table.readyStreams) {
      for (const watcher of stream.lagging) if (watcher.next < firstRecent) return watcher;
    }
    return undefined;
  }
}

function compareByNext(a: Watcher, b: Watcher): number {
  return a.next - b.next;
}

function lowestNext(watchers: readonly Watcher[]): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const watcher of watchers) lowest = Math.min(lowest, watcher.next);
  return lowest;
}
