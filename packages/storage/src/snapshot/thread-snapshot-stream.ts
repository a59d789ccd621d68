import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { must } from "@quorate/base";
import { CHUNK_BYTES } from "../bbolt/page-sink.ts";
import type { FrozenBackend } from "../level/frozen-backend.ts";
import type { FrozenState } from "../level/frozen-state.ts";
import { StorageError, type StorageErrorCode } from "../storage-error.ts";
import type { SnapshotPosition } from "./snapshot-sources.ts";
import type { SnapshotStream } from "./snapshot-stream.ts";

/** What a thread makes a database file of. */
export interface SnapshotTask {
  readonly state: FrozenState;
  readonly position: SnapshotPosition;
  /** Where chunks go, in turn: memory that both threads see, since what changes hands costs the receiver's garbage collector. */
  readonly slots: SharedArrayBuffer;
}

/** What the thread says: the size first, then that the next slot has a chunk, and the end, or at any time that it has failed. */
export type SnapshotMessage =
  | { readonly kind: "planned"; readonly bytes: number }
  | { readonly kind: "chunk"; readonly bytes: number }
  | { readonly kind: "end"; readonly digest: Uint8Array }
  | { readonly kind: "failed"; readonly code: StorageErrorCode; readonly message: string; readonly remedy: string };

const PROGRAM = new URL("./snapshot-worker.js", import.meta.url);
/** V8's young generation: most of what such a thread allocates is garbage at once. */
const YOUNG_GENERATION_MIB = 8;
/** Slots that are filled before they are asked for. One more is being read. */
const AHEAD = 3;

/** Made on a thread of its own, so that nothing which this one serves waits for it. */
export class ThreadSnapshotStream implements SnapshotStream {
  readonly #frozen: FrozenBackend;
  readonly #worker: Worker;
  readonly #signal: AbortSignal;
  readonly #engineDirectory: string;
  #bytes: number | undefined;
  readonly #slots: SharedArrayBuffer;
  /** Lengths of chunks in the next slots. */
  readonly #chunks: number[] = [];
  #nextSlot = 0;
  #isReading = false;
  #digest: Uint8Array | undefined;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(task: SnapshotTask, frozen: FrozenBackend, signal: AbortSignal) {
    this.#slots = task.slots;
    this.#frozen = frozen;
    this.#signal = signal;
    this.#engineDirectory = task.state.engineDirectory;
    this.#worker = new Worker(PROGRAM, {
      workerData: task,
      transferList: [task.state.unwritten.buffer],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    this.#worker.on("message", this.#onMessage);
    this.#worker.once("error", (error) => this.#fail(error));
    this.#worker.once("exit", () => this.#fail(new Error("the thread of a snapshot has ended early")));
    signal.addEventListener("abort", this.#onAbort);
  }

  /** Whether a frozen state can be read by another thread. This program may run from its sources, without its parts compiled. */
  static isPossible(state: FrozenState): boolean {
    return existsSync(PROGRAM) && state.tables.every(({ descriptor }) => descriptor !== undefined);
  }

  /** Resolves once the size is known. `frozen` is closed with the stream. Rejects as `next` does; `frozen` is left open then. */
  static async open(
    state: FrozenState,
    position: SnapshotPosition,
    frozen: FrozenBackend,
    signal: AbortSignal,
  ): Promise<SnapshotStream> {
    signal.throwIfAborted();
    const slots = new SharedArrayBuffer((AHEAD + 1) * CHUNK_BYTES);
    const stream = new ThreadSnapshotStream({ state, position, slots }, frozen, signal);
    while (stream.#bytes === undefined) {
      if (stream.#failure !== undefined) {
        await stream.#end();
        throw stream.#failure;
      }
      await stream.#changed();
    }
    stream.#worker.postMessage(AHEAD);
    return stream;
  }

  get bytes(): number {
    return must(this.#bytes, "the size of an open snapshot");
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#digest !== undefined) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#changed();
    }
    if (this.#isReading) this.#worker.postMessage(1);
    this.#isReading = true;
    const at = this.#nextSlot;
    this.#nextSlot = (at + 1) % (AHEAD + 1);
    return new Uint8Array(this.#slots, at * CHUNK_BYTES, must(this.#chunks.shift(), "the length of a chunk"));
  }

  digest(): Uint8Array {
    return must(this.#digest, "the digest of a snapshot that was read to its end");
  }

  async close(): Promise<void> {
    await this.#end();
    await this.#frozen.close();
  }

  async #end(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    await this.#worker.terminate();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #onMessage = (message: SnapshotMessage): void => {
    if (message.kind === "planned") this.#bytes = message.bytes;
    else if (message.kind === "chunk") this.#chunks.push(message.bytes);
    else if (message.kind === "end") this.#digest = message.digest;
    else {
      const { code, remedy } = message;
      const cause = new Error(message.message);
      this.#fail(new StorageError(code, "cannot make a snapshot", { file: this.#engineDirectory, remedy, cause }));
    }
    this.#wake();
  };

  readonly #onAbort = (): void => {
    this.#fail(this.#signal.reason as Error);
    void this.#worker.terminate();
  };

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
