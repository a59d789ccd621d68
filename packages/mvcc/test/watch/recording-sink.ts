import type { EventBatch, WatchSink } from "../../src/watch/sink.ts";
import { decodeSeenEvent, type SeenEvent } from "./model-store.ts";

/** Everything a sink heard, in order. */
export type Heard =
  | { readonly kind: "created"; readonly id: bigint; readonly revision: number }
  | { readonly kind: "refused"; readonly id: bigint; readonly revision: number; readonly reason: string }
  | { readonly kind: "compacted"; readonly id: bigint; readonly revision: number }
  | { readonly kind: "canceled"; readonly id: bigint; readonly revision: number }
  | { readonly kind: "progress"; readonly id: bigint; readonly revision: number }
  | { readonly kind: "events"; readonly id: bigint; readonly revision: number; readonly events: readonly SeenEvent[] };

/** Records what it hears; takes `room` batches and then refuses. */
export class RecordingSink implements WatchSink {
  readonly heard: Heard[] = [];
  readonly batches: EventBatch[] = [];
  readonly fragments: boolean[] = [];
  room = Number.POSITIVE_INFINITY;
  refusedCount = 0;
  /** Called on every batch that is taken. */
  onEvents: ((id: bigint) => void) | undefined = undefined;

  created(id: bigint, revision: number): void {
    this.heard.push({ kind: "created", id, revision });
  }
  refused(id: bigint, revision: number, reason: string): void {
    this.heard.push({ kind: "refused", id, revision, reason });
  }
  compacted(id: bigint, revision: number): void {
    this.heard.push({ kind: "compacted", id, revision });
  }
  canceled(id: bigint, revision: number): void {
    this.heard.push({ kind: "canceled", id, revision });
  }
  progress(id: bigint, revision: number): void {
    this.heard.push({ kind: "progress", id, revision });
  }
  events(id: bigint, batch: EventBatch, fragment: boolean): boolean {
    if (this.room <= 0) {
      this.refusedCount++;
      return false;
    }
    this.room--;
    this.batches.push(batch);
    this.fragments.push(fragment);
    this.heard.push({ kind: "events", id, revision: batch.revision, events: batch.events.map(decodeSeenEvent) });
    this.onEvents?.(id);
    return true;
  }

  /** All events heard for the watcher, as "revision:key". */
  names(id: bigint): string[] {
    return this.eventsOf(id).map((event) => `${event.revision}:${event.key}`);
  }

  eventsOf(id: bigint): SeenEvent[] {
    return this.heard.flatMap((heard) => (heard.kind === "events" && heard.id === id ? heard.events : []));
  }

  /** What was heard since the last call. */
  take(): Heard[] {
    return this.heard.splice(0);
  }
}
