import type { KeyRange } from "./key-space.ts";

/** A watcher that both servers have, and what it is to see. */
export interface Watcher {
  readonly stream: number;
  readonly watchId: string;
  readonly range: KeyRange;
  /** Events from this revision on. */
  readonly startRevision: number;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly prevKv: boolean;
  /** The compacted revision when it was created with a start in the past; events there may be gone. */
  readonly compactedAtStart: number;
  /** When (monotonic milliseconds) it was created, if it had history to catch up with; else 0. */
  readonly catchingUpSinceMs: number;
}

/** What both servers are known to hold, learnt from the answers so far; requests are drawn to fit it. */
export class World {
  /** The store's current revision; 1 on a fresh store. */
  revision: number = 1;
  /** The compacted revision; -1 until the first compaction. */
  compactRevision: number = -1;
  /** Long-lived leases that exist, in decimal. */
  readonly leases: Set<string> = new Set();
  readonly watchers: Watcher[] = [];
  /** Streams that had a watcher cancelled by compaction; etcd 3.5 never answers a progress request there again. */
  readonly streamsWithGoneWatcher: Set<number> = new Set();

  watchersOf(stream: number): readonly Watcher[] {
    return this.watchers.filter((watcher) => watcher.stream === stream);
  }

  removeWatcher(stream: number, watchId: string): void {
    const at = this.watchers.findIndex((watcher) => watcher.stream === stream && watcher.watchId === watchId);
    if (at >= 0) this.watchers.splice(at, 1);
  }

  removeStream(stream: number): void {
    this.streamsWithGoneWatcher.delete(stream);
    for (const watcher of this.watchersOf(stream)) this.removeWatcher(stream, watcher.watchId);
  }
}
