import type { WatchCreateRequest } from "@quorate/protocol";
import { NO_DELETE, NO_PUT, PREVIOUS_VALUE } from "./group.ts";
import { watchRange } from "./range.ts";
import type { WatchSink } from "./sink.ts";
import { NO_WATCH_ID, REFUSED_DUPLICATE_ID, REFUSED_EMPTY_RANGE, REFUSED_NEGATIVE_REVISION } from "./sink.ts";
import { Watcher } from "./watcher.ts";
import type { WatcherTable } from "./watcher-table.ts";

/** Values of `WatchCreateRequest.FilterType`; others are ignored. */
const FILTER_NO_PUT = 0;
const FILTER_NO_DELETE = 1;

/** One stream of the Watch API: its watchers, which share one sink. Obtained from `WatchHub.openStream`. */
export interface WatchStream {
  /**
   * Makes a watcher; the sink hears `created` or `refused` before this returns, and `compacted` when its start is
   * gone. Permissions are the caller's to check before. Source: grpc-api.md 6.2.
   */
  create(request: WatchCreateRequest): void;
  /** Ends a watcher; the sink hears `canceled`. An unknown id is ignored. */
  cancel(watchId: bigint): void;
  /** The sink hears `progress` for the whole stream if every watcher is up to date; otherwise nothing happens. */
  requestProgress(): void;
  /** The sink, having refused a batch, takes events again. What was missed follows from `WatchHub.syncStep`. */
  resume(): void;
  /** Ends all watchers and the stream, silently. Later calls do nothing. */
  close(): void;
}

/** A stream as the hub keeps it. */
export class HubStream implements WatchStream {
  readonly sink: WatchSink;
  readonly watchers: Map<bigint, Watcher> = new Map();
  /** Those of `watchers` that need history, longest waiting first. */
  readonly lagging: Set<Watcher> = new Set();
  /** The sink refused a batch and has not resumed. */
  isBlocked = false;
  isClosed = false;
  /** Ids of watchers that a compaction ended: taken, as in etcd, until the client cancels them too. */
  readonly #spentIds: Set<bigint> = new Set();
  /** When progress is told to the watchers that want it, unknown before the first tick, and how often. */
  progressDueMs: number | undefined = undefined;
  readonly progressPeriodMs: number;
  readonly #table: WatcherTable;
  #nextId = 0n;

  constructor(table: WatcherTable, sink: WatchSink, progressPeriodMs: number) {
    this.#table = table;
    this.sink = sink;
    this.progressPeriodMs = progressPeriodMs;
  }

  create(request: WatchCreateRequest): void {
    if (this.isClosed) return;
    const table = this.#table;
    const revision = table.revision;
    const start = request.startRevision;
    if (start < 0) {
      this.sink.refused(NO_WATCH_ID, revision, REFUSED_NEGATIVE_REVISION);
      return;
    }
    const range = watchRange(request.key, request.rangeEnd);
    if (range === undefined) {
      this.sink.refused(NO_WATCH_ID, revision, REFUSED_EMPTY_RANGE);
      return;
    }
    if (request.watchId !== 0n && this.#isTaken(request.watchId)) {
      this.sink.refused(NO_WATCH_ID, revision, REFUSED_DUPLICATE_ID);
      return;
    }
    const watcher = new Watcher(this, table.groups.groupFor(range, variantOf(request)), {
      id: request.watchId === 0n ? this.#freeId() : request.watchId,
      startRevision: start,
      fragment: request.fragment,
      wantsProgress: request.progressNotify,
    });
    this.watchers.set(watcher.id, watcher);
    table.add(watcher);
    this.sink.created(watcher.id, revision);
    if (!watcher.gone) this.#place(watcher, start, revision);
  }

  cancel(watchId: bigint): void {
    const watcher = this.watchers.get(watchId);
    if (watcher === undefined && !this.#spentIds.delete(watchId)) return;
    if (watcher !== undefined) this.#table.remove(watcher);
    this.sink.canceled(watchId, this.#table.revision);
  }

  requestProgress(): void {
    if (this.isBlocked || this.lagging.size > 0 || this.watchers.size === 0) return;
    const revision = this.#table.revision;
    for (const watcher of this.watchers.values()) if (watcher.startRevision > revision) return;
    this.sink.progress(NO_WATCH_ID, revision);
  }

  resume(): void {
    if (!this.isBlocked || this.isClosed) return;
    this.isBlocked = false;
    if (this.lagging.size > 0) this.#table.ready(this);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const watcher of this.watchers.values()) this.#table.remove(watcher);
    this.#table.streams.delete(this);
  }

  /** A compaction has ended the watcher of this id, which the table has removed. */
  compacted(watchId: bigint, compactRevision: number): void {
    this.#spentIds.add(watchId);
    this.sink.compacted(watchId, compactRevision);
  }

  /** Tells progress to the watchers that want it and have heard nothing since the last time. */
  tellProgress(): void {
    const revision = this.#table.revision;
    for (const watcher of this.watchers.values()) {
      if (!watcher.wantsProgress) continue;
      const isDue = watcher.quiet && watcher.syncedIndex >= 0 && !this.isBlocked && watcher.startRevision <= revision;
      watcher.quiet = true;
      if (isDue) this.sink.progress(watcher.id, revision);
    }
  }

  #place(watcher: Watcher, start: number, revision: number): void {
    if (start === 0 || start > revision) {
      watcher.next = Math.max(start, revision + 1);
      this.#table.sync(watcher);
      return;
    }
    watcher.next = start;
    if (!this.#table.cancelIfCompacted(watcher)) this.#table.lag(watcher, start);
  }

  /** The next id of the stream's own counter, which passes over ids in use and never goes back. */
  #freeId(): bigint {
    while (this.#isTaken(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #isTaken(id: bigint): boolean {
    return this.watchers.has(id) || this.#spentIds.has(id);
  }
}

function variantOf(request: WatchCreateRequest): number {
  let variant = request.prevKv ? PREVIOUS_VALUE : 0;
  for (const filter of request.filters) {
    if (filter === FILTER_NO_PUT) variant |= NO_PUT;
    else if (filter === FILTER_NO_DELETE) variant |= NO_DELETE;
  }
  return variant;
}
