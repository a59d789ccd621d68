/** Events for one watcher, or for every watcher of the same range, filters and prev_kv: they get the same object. */
export interface EventBatch {
  /** The revision for the response's header: the batch's own, or the store's when the watcher is catching up. */
  readonly revision: number;
  /** Encoded `mvccpb.Event` messages in order; never empty. Shared. */
  readonly events: readonly Uint8Array[];
  /** What the events take inside an encoded `WatchResponse`, with their tags and lengths; bytes. */
  readonly sizeBytes: number;
  /** The hub never looks here: the receiver may keep its encoding of the batch, to be shared by all watchers. */
  cache: unknown;
}

/** The watch id of answers that concern no watcher, or all of a stream. */
export const NO_WATCH_ID = -1n;

/** Reasons for refusing a watcher, as they stand in `cancel_reason`. Source: grpc-api.md 6.2, errors.md 1.3. */
export const REFUSED_NEGATIVE_REVISION = "etcdserver: mvcc: required revision has been compacted";
export const REFUSED_EMPTY_RANGE = "mvcc: watcher range is empty";
export const REFUSED_DUPLICATE_ID = "mvcc: duplicate watch ID provided on the WatchStream";

/**
 * Where a stream's answers go; the server implements it. Calls come synchronously, from inside calls to the hub or the
 * stream, and in the order in which the answers must leave. A sink may call its own stream from inside (create, cancel,
 * resume, close), but never `WatchHub.onWrite`, `syncStep`, `tick`, `onCompacted` or `onRestored`.
 */
export interface WatchSink {
  /** The watcher exists: `created` = true. `revision` is the store's. */
  created(watchId: bigint, revision: number): void;
  /** No watcher was made: `created` and `canceled` = true, `watchId` is {@link NO_WATCH_ID}. */
  refused(watchId: bigint, revision: number, reason: string): void;
  /** The watcher is gone: what it needs is compacted. `canceled` = true, header revision 0, no reason. */
  compacted(watchId: bigint, compactRevision: number): void;
  /** The watcher is gone, as asked. `canceled` = true, no reason. */
  canceled(watchId: bigint, revision: number): void;
  /** Everything up to `revision` was handed over before, to this watcher or, for {@link NO_WATCH_ID}, to all. */
  progress(watchId: bigint, revision: number): void;
  /**
   * Takes the batch and returns true, or returns false having taken nothing: then the stream gets no events until
   * `WatchStream.resume`. A sink that holds no unsent event must take a batch of any size, or nothing would ever move.
   * `fragment` is what the watcher asked for at creation: whether a large response may be split.
   */
  events(watchId: bigint, batch: EventBatch, fragment: boolean): boolean;
}

/** What the hub holds and has done, for metrics. */
export interface WatchStats {
  readonly streams: number;
  readonly watchers: number;
  /** Watchers that lag behind the store. */
  readonly slowWatchers: number;
  /** Sum over the lagging watchers of the revisions they are behind. */
  readonly pendingRevisions: number;
  /** Events handed to sinks since the start. */
  readonly eventsDelivered: number;
}
