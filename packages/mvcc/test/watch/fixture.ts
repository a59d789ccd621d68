import { bytesFromLatin1, SeededPrng } from "@quorate/base";
import { createWatchCreateRequest, type WatchCreateRequest } from "@quorate/protocol";
import { WatchHub, type WatchHubConfig } from "../../src/watch/hub.ts";
import type { WatchStream } from "../../src/watch/stream.ts";
import { ModelStore, type Write } from "./model-store.ts";
import { RecordingSink } from "./recording-sink.ts";

/** A create request in short: strings are latin1 keys. */
export interface CreateOptions {
  readonly key?: string;
  readonly end?: string;
  readonly start?: number;
  readonly id?: bigint;
  readonly filters?: readonly number[];
  readonly prevKv?: boolean;
  readonly progress?: boolean;
  readonly fragment?: boolean;
}

export function createRequest(options: CreateOptions): WatchCreateRequest {
  return createWatchCreateRequest({
    key: bytesFromLatin1(options.key ?? "a"),
    rangeEnd: bytesFromLatin1(options.end ?? ""),
    startRevision: options.start ?? 0,
    progressNotify: options.progress ?? false,
    filters: options.filters ?? [],
    prevKv: options.prevKv ?? false,
    watchId: options.id ?? 0n,
    fragment: options.fragment ?? false,
  });
}

/** A hub on a model store, one stream open. */
export class Fixture {
  readonly store: ModelStore = new ModelStore();
  readonly hub: WatchHub;
  readonly sink: RecordingSink = new RecordingSink();
  readonly stream: WatchStream;
  wakes = 0;

  constructor(config: WatchHubConfig = {}) {
    const onSyncWork = (): void => {
      this.wakes++;
    };
    this.hub = new WatchHub(config, { source: this.store, prng: new SeededPrng(1), onSyncWork });
    this.stream = this.hub.openStream(this.sink);
    this.hub.tick(0);
  }

  write(...writes: Write[]): void {
    const entry = this.store.write(...writes);
    if (entry !== undefined) this.hub.onWrite(entry.revision, entry.changes);
  }

  /** Puts each key in a revision of its own. */
  put(...keys: string[]): void {
    for (const key of keys) this.write([key, `${key}@${this.store.revision + 1}`]);
  }

  create(options: CreateOptions): void {
    this.stream.create(createRequest(options));
  }

  compact(revision: number): void {
    this.store.compactedRevision = revision;
    this.hub.onCompacted();
  }

  /** Runs sync steps until there is nothing to do; reads of history are answered. */
  sync(): void {
    for (let i = 0; i < 10_000; i++) {
      if (this.hub.syncStep()) continue;
      if (this.store.pendingCount === 0) return;
      this.store.answer();
    }
    throw new Error("catching up does not end");
  }
}
