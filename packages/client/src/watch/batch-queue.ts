import type { EtcdError } from "../etcd-error.ts";
import type { WatchBatch } from "./watch-event.ts";

/** The batches between a stream and the one who iterates. Counts events, so that somebody can stop filling it. */
export class BatchQueue {
  #batches: WatchBatch[] = [];
  #taken = 0;
  #events = 0;
  #end: { readonly error: EtcdError | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** How many events wait. */
  get eventCount(): number {
    return this.#events;
  }

  /** Adds a batch. Progress takes the place of progress that nobody has seen yet. */
  push(batch: WatchBatch): void {
    if (this.#end !== undefined) return;
    const last = this.#batches.length - 1;
    if (batch.isProgress && last >= this.#taken && this.#batches[last]?.isProgress === true)
      this.#batches[last] = batch;
    else this.#batches.push(batch);
    this.#events += batch.events.length;
    this.#stir();
  }

  /** Nothing follows: what waits is still given out, then the error if there is one. */
  end(error?: EtcdError): void {
    this.#end ??= { error };
    this.#stir();
  }

  /** Drops what waits. */
  clear(): void {
    this.#batches = [];
    this.#taken = 0;
    this.#events = 0;
  }

  /** The next batch; undefined at the end. Rejects with the error it was ended with. For one reader. */
  async next(): Promise<WatchBatch | undefined> {
    for (;;) {
      const batch = this.#take();
      if (batch !== undefined) return batch;
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(): WatchBatch | undefined {
    const batch = this.#batches[this.#taken];
    if (batch === undefined) return undefined;
    this.#taken++;
    this.#events -= batch.events.length;
    // Moving the rest down at every take would cost a long queue its square.
    if (this.#taken === this.#batches.length) this.clear();
    return batch;
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
