import { EventEncoder } from "./event-encoder.ts";
import type { WatchGroup } from "./group.ts";
import { GroupIndex } from "./group-index.ts";
import type { RevisionEvents } from "./revision-events.ts";
import type { EventBatch, WatchStats } from "./sink.ts";
import type { WatchSource } from "./source.ts";
import type { HubStream } from "./stream.ts";
import type { Watcher } from "./watcher.ts";

/** Every stream and watcher of the hub and where each stands: what live delivery and catching up share. */
export class WatcherTable {
  readonly source: WatchSource;
  readonly groups: GroupIndex = new GroupIndex();
  readonly streams: Set<HubStream> = new Set();
  /** Streams with lagging watchers, and those of them whose sink takes events. */
  readonly laggingStreams: Set<HubStream> = new Set();
  readonly readyStreams: Set<HubStream> = new Set();
  /** The last revision that was handed to the hub. */
  revision: number;
  /** Whether a catch-up step would find something to do. */
  hasSyncWork = false;
  readonly #encoder = new EventEncoder();
  #watcherCount = 0;
  #slowCount = 0;
  #eventsDelivered = 0;
  #lastPassId = 0;
  readonly #onSyncWork: (() => void) | undefined;

  constructor(source: WatchSource, onSyncWork: (() => void) | undefined) {
    this.source = source;
    this.revision = source.revision;
    this.#onSyncWork = onSyncWork;
  }

  get stats(): WatchStats {
    let pendingRevisions = 0;
    for (const stream of this.laggingStreams) {
      for (const watcher of stream.lagging) pendingRevisions += this.revision - watcher.next + 1;
    }
    return {
      streams: this.streams.size,
      watchers: this.#watcherCount,
      slowWatchers: this.#slowCount,
      pendingRevisions,
      eventsDelivered: this.#eventsDelivered,
    };
  }

  /** Tells the host, once, that catching up can go on. */
  wake(): void {
    if (this.hasSyncWork) return;
    this.hasSyncWork = true;
    this.#onSyncWork?.();
  }

  /** Counts a new watcher, which then goes to `sync` or `lag`. */
  add(watcher: Watcher): void {
    this.#watcherCount++;
    watcher.group.memberCount++;
  }

  /** Takes the watcher out of wherever it is. */
  remove(watcher: Watcher): void {
    if (watcher.gone) return;
    watcher.gone = true;
    watcher.stream.watchers.delete(watcher.id);
    if (watcher.syncedIndex >= 0) watcher.group.leave(watcher);
    else this.#leaveLagging(watcher);
    this.#watcherCount--;
    watcher.group.memberCount--;
    if (watcher.group.memberCount === 0) this.groups.drop(watcher.group);
  }

  /** The watcher has everything up to the hub's revision, or its start lies beyond. */
  sync(watcher: Watcher): void {
    this.#leaveLagging(watcher);
    watcher.group.join(watcher);
  }

  /** The watcher needs `next` and what follows from history. */
  lag(watcher: Watcher, next: number): void {
    if (watcher.syncedIndex >= 0) watcher.group.leave(watcher);
    watcher.next = next;
    const stream = watcher.stream;
    stream.lagging.add(watcher);
    this.#slowCount++;
    this.laggingStreams.add(stream);
    if (!stream.isBlocked) this.ready(stream);
  }

  /** The stream's lagging watchers can be served. */
  ready(stream: HubStream): void {
    this.readyStreams.add(stream);
    this.wake();
  }

  /** Hands the batch to the watcher's sink. False when the stream takes none now. */
  deliver(watcher: Watcher, batch: EventBatch): boolean {
    const stream = watcher.stream;
    if (stream.isBlocked) return false;
    if (!stream.sink.events(watcher.id, batch, watcher.fragment)) {
      stream.isBlocked = true;
      this.readyStreams.delete(stream);
      return false;
    }
    watcher.quiet = false;
    this.#eventsDelivered += batch.events.length;
    return true;
  }

  /** Ends the watcher if what it needs is compacted. */
  cancelIfCompacted(watcher: Watcher): boolean {
    const compactedRevision = this.source.compactedRevision;
    if (watcher.next >= compactedRevision) return false;
    this.remove(watcher);
    watcher.stream.compacted(watcher.id, compactedRevision);
    return true;
  }

  /** An id for a matching pass: groups marked with it before take part in it. */
  nextPassId(): number {
    return ++this.#lastPassId;
  }

  /**
   * Picks the events of one revision for the groups that want them; `passId` restricts it to groups so marked, 0 does
   * not. Groups with their first pick are appended to `touched`.
   */
  match(entry: RevisionEvents, passId: number, touched: WatchGroup[]): void {
    const changes = entry.changes;
    const encoder = this.#encoder;
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i];
      if (change === undefined) break;
      for (const groups of this.groups.match(change.key)) {
        for (const group of groups) {
          if ((passId !== 0 && group.passId !== passId) || !group.wants(change.tombstone)) continue;
          if (group.picked.length === 0) touched.push(group);
          group.pick(
            group.wantsPrevious ? entry.withPrevious(i, encoder, this.source) : entry.plain(i, encoder),
            entry.revision,
          );
        }
      }
    }
  }

  #leaveLagging(watcher: Watcher): void {
    const stream = watcher.stream;
    if (!stream.lagging.delete(watcher)) return;
    this.#slowCount--;
    if (stream.lagging.size > 0) return;
    this.laggingStreams.delete(stream);
    this.readyStreams.delete(stream);
  }
}
