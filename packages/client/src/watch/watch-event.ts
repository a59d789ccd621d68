import { must } from "@quorate/base";
import { type Event, EventType, type KeyValue, type ResponseHeader } from "@quorate/protocol";

/** One change of one key. */
export interface WatchEvent {
  readonly type: "put" | "delete";
  /** The key after the change; of a deleted one only `key` and `modRevision`. It was created if `version` is 1. */
  readonly kv: KeyValue;
  /** With `prevKv`: the key before, where there was one and its revision is not compacted. */
  readonly prevKv: KeyValue | undefined;
}

/** What a watch gives at a time: all changes of one revision or of several, never a part of one; or progress. */
export interface WatchBatch {
  readonly header: ResponseHeader;
  /** In the order of the changes. Empty for progress. */
  readonly events: readonly WatchEvent[];
  /** There is nothing else up to `header.revision`: everything before it has been given. */
  readonly isProgress: boolean;
}

/** The events of a response, as consumers see them. */
export function watchEvents(events: readonly Event[]): readonly WatchEvent[] {
  return events.map(({ type, kv, prevKv }) => ({
    type: type === EventType.DELETE ? "delete" : "put",
    kv: must(kv, "an event has a key"),
    prevKv,
  }));
}
