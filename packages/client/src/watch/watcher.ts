import type { ResponseHeader } from "@quorate/protocol";
import { onAbort } from "../abort-listener.ts";
import { abortedError } from "../etcd-error.ts";
import type { KeySelection } from "../key-range.ts";
import type { WatchBatch, WatchEvent } from "./watch-event.ts";
import type { WatchHub } from "./watch-hub.ts";
import { type WatchOptions, WatchTask } from "./watch-task.ts";

/**
 * The changes of some keys, to be iterated once. Lives through lost connections and members: it goes on at the next revision, and
 * nothing is lost or repeated. Leaving the iteration, `close()`, `await using` and the signal end it.
 *
 * Iterating throws an EtcdError: `compacted` with `compactRevision` when changes that were not received yet are gone,
 * `permissionDenied`, `unreachable` or what else kept the watch from being made at first, `aborted`, `closed` with the client.
 */
export class Watcher implements AsyncIterable<WatchBatch>, AsyncDisposable {
  readonly #hub: WatchHub;
  readonly #task: WatchTask;
  readonly #signal: AbortSignal | undefined;
  #stopListening: () => void = () => {};

  constructor(hub: WatchHub, keys: KeySelection, options: WatchOptions) {
    this.#hub = hub;
    this.#task = new WatchTask(keys, options);
    this.#signal = options.signal;
    if (this.#signal?.aborted === true) {
      this.#task.end(abortedError(this.#signal));
      return;
    }
    this.#stopListening = onAbort(this.#signal, () => this.#abort());
    hub.add(this.#task);
  }

  /** When the server has made the watch for the first time: its header. Rejects as iterating does. */
  get created(): Promise<ResponseHeader> {
    return this.#task.created;
  }

  /** The first revision whose changes have not been received; 0 until the watch is made, if it begins "now". */
  get nextRevision(): number {
    return this.#task.nextRevision;
  }

  /**
   * Has a batch with `isProgress` given as soon as the server has sent everything up to some revision. Needs etcd 3.4.25 or 3.5.8;
   * before, servers could say so too early.
   */
  requestProgress(): void {
    this.#hub.requestProgress(this.#task);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch, void, undefined> {
    try {
      for (;;) {
        const batch = await this.#task.queue.next();
        if (batch === undefined) return;
        this.#hub.noteRoom(this.#task);
        yield batch;
      }
    } finally {
      await this.close();
    }
  }

  /** The single changes, one after the other. */
  async *events(): AsyncGenerator<WatchEvent, void, undefined> {
    for await (const batch of this) yield* batch.events;
  }

  /** Ends the watch; an iteration under way ends. */
  close(): Promise<void> {
    this.#stopListening();
    this.#hub.remove(this.#task);
    this.#task.queue.clear();
    this.#task.end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #abort(): void {
    this.#hub.remove(this.#task);
    this.#task.queue.clear();
    this.#task.end(abortedError(this.#signal as AbortSignal));
  }
}
