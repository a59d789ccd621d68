import type { WatchGroup } from "./group.ts";
import type { HubStream } from "./stream.ts";

/**
 * One watcher: where it stands in the store's history. It is in exactly one place: among its group's synced watchers
 * (everything up to the hub's revision is delivered, or lies before its start), among its stream's lagging ones
 * (`next` is the first revision it still needs), or gone.
 */
export class Watcher {
  readonly id: bigint;
  readonly stream: HubStream;
  readonly group: WatchGroup;
  /** As requested; 0 for "from now on". No progress is told before the store reaches it. */
  readonly startRevision: number;
  /** Passed on to the sink: whether large responses may be split. */
  readonly fragment: boolean;
  readonly wantsProgress: boolean;
  /** Nothing below this revision is delivered any more. For a synced watcher it may trail the hub's revision. */
  next = 0;
  /** Place in the group's `synced`; -1 when it is not there. */
  syncedIndex = -1;
  /** No events since the last progress tick. */
  quiet = true;
  gone = false;

  constructor(
    stream: HubStream,
    group: WatchGroup,
    options: { id: bigint; startRevision: number; fragment: boolean; wantsProgress: boolean },
  ) {
    this.id = options.id;
    this.stream = stream;
    this.group = group;
    this.startRevision = options.startRevision;
    this.fragment = options.fragment;
    this.wantsProgress = options.wantsProgress;
  }
}
