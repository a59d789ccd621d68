import { assert, type Prng } from "@quorate/base";
import type { Change } from "../change.ts";
import { CatchUp } from "./catch-up.ts";
import type { WatchGroup } from "./group.ts";
import { RecentHistory } from "./recent-history.ts";
import { RevisionEvents } from "./revision-events.ts";
import type { WatchSink, WatchStats } from "./sink.ts";
import type { WatchSource } from "./source.ts";
import { HubStream, type WatchStream } from "./stream.ts";
import { WatcherTable } from "./watcher-table.ts";

export interface WatchHubConfig {
  /** How often a watcher with progress_notify hears from us when nothing happens; etcd's default: 600,000 ms. */
  readonly progressIntervalMs?: number;
  /** Newest revisions kept in memory for watchers a little behind; default 1000. */
  readonly recentRevisionCountMax?: number;
  /** Memory that those may take, bytes; default 8 MiB. */
  readonly recentBytesMax?: number;
}

export interface WatchHubDeps {
  readonly source: WatchSource;
  /** Spreads the progress notifications of streams. */
  readonly prng: Prng;
  /** Called, possibly from inside any call to the hub or a stream, when `syncStep` has become worth calling. */
  readonly onSyncWork?: () => void;
}

/**
 * All watchers of a store. Each gets exactly the matching events from its start on, once, in order, those of one
 * revision together, or is told that what it needs is compacted. The host calls `onWrite` for every revision,
 * `onCompacted` after a compaction, `tick` now and then, and `syncStep` as long as it returns true whenever
 * `hasSyncWork` says so. Source: grpc-api.md 6, reliability.md 2.2.
 */
export class WatchHub {
  readonly #table: WatcherTable;
  readonly #recent: RecentHistory;
  readonly #catchUp: CatchUp;
  readonly #prng: Prng;
  readonly #progressIntervalMs: number;
  readonly #touched: WatchGroup[] = [];

  /** Starts at the source's revision: make it after the store was restored, or call `onRestored` then. */
  constructor(config: WatchHubConfig, deps: WatchHubDeps) {
    this.#table = new WatcherTable(deps.source, deps.onSyncWork);
    this.#recent = new RecentHistory(config.recentRevisionCountMax ?? 1000, config.recentBytesMax ?? 8 << 20);
    this.#catchUp = new CatchUp(this.#table, this.#recent);
    this.#prng = deps.prng;
    this.#progressIntervalMs = config.progressIntervalMs ?? 600_000;
  }

  /** The last revision handed to `onWrite`: what created and progress responses tell. */
  get revision(): number {
    return this.#table.revision;
  }

  /** Whether `syncStep` would find something to do. */
  get hasSyncWork(): boolean {
    return this.#table.hasSyncWork;
  }

  /** Counts for metrics. PERF: O(lagging watchers). */
  get stats(): WatchStats {
    return this.#table.stats;
  }

  /** Opens a stream whose answers go to `sink`. */
  openStream(sink: WatchSink): WatchStream {
    const jitterMs = this.#prng.below(Math.max(1, Math.floor(this.#progressIntervalMs / 10)));
    const stream = new HubStream(this.#table, sink, this.#progressIntervalMs + jitterMs);
    this.#table.streams.add(stream);
    return stream;
  }

  /**
   * Delivers the changes of the next revision to the watchers that are up to date. `changes` are those of the one write
   * in sub order; shared from now on. PERF: one lookup a change; one encoding a change for all groups without and one
   * for all with prev_kv; one call a watcher.
   */
  onWrite(revision: number, changes: readonly Change[]): void {
    const table = this.#table;
    assert(revision === table.revision + 1, "revisions reach the hub one by one");
    table.revision = revision;
    const entry = new RevisionEvents(revision, changes);
    this.#recent.push(entry);
    const touched = this.#touched;
    table.match(entry, 0, touched);
    for (const group of touched) this.#deliver(group, revision);
    touched.length = 0;
  }

  /** Ends the watchers that need what is compacted now. PERF: O(lagging watchers). */
  onCompacted(): void {
    // The events of the compacted revision itself are kept here with previous values that are gone from the store.
    this.#recent.dropThrough(this.#table.source.compactedRevision);
    for (const stream of this.#table.laggingStreams) {
      for (const watcher of stream.lagging) this.#table.cancelIfCompacted(watcher);
    }
  }

  /**
   * The store's content was replaced by a newer one (a snapshot was installed). Every watcher goes on where it stood:
   * what it missed comes from the new store's history, or it is cancelled if that is compacted. PERF: O(watchers).
   */
  onRestored(): void {
    const table = this.#table;
    const oldRevision = table.revision;
    this.#catchUp.reset();
    this.#recent.clear();
    table.revision = table.source.revision;
    assert(table.revision >= oldRevision, "a restored store is not older");
    for (const stream of table.streams) {
      for (const watcher of stream.watchers.values()) {
        if (watcher.syncedIndex < 0) continue;
        const next = Math.max(watcher.next, oldRevision + 1);
        if (next <= table.revision) table.lag(watcher, next);
      }
    }
    this.onCompacted();
    if (table.readyStreams.size > 0) table.wake();
  }

  /** Sends the progress notifications that are due. `nowMs` never goes back. PERF: O(streams). */
  tick(nowMs: number): void {
    for (const stream of this.#table.streams) {
      const dueMs = stream.progressDueMs;
      if (dueMs !== undefined && dueMs > nowMs) continue;
      stream.progressDueMs = nowMs + stream.progressPeriodMs;
      if (dueMs !== undefined) stream.tellProgress();
    }
  }

  /** Brings lagging watchers on by one slice. True when another call would find something to do at once. */
  syncStep(): boolean {
    return this.#catchUp.step();
  }

  #deliver(group: WatchGroup, revision: number): void {
    const batch = group.batchFrom(revision, revision);
    const synced = group.synced;
    // Backwards, and marking each watcher first: a sink may end watchers meanwhile, which moves others about.
    for (let i = synced.length - 1; batch !== undefined && i >= 0; i--) {
      const watcher = synced[i];
      if (watcher === undefined || watcher.next > revision) continue;
      watcher.next = revision + 1;
      if (!this.#table.deliver(watcher, batch) && !watcher.gone) this.#table.lag(watcher, revision);
    }
    group.endPass();
  }
}
