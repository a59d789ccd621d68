import type { Histogram } from "@quorate/base";
import type { SnapshotStream } from "@quorate/storage";

/** Snapshots at once: each is a thread, and keeps files of the engine that it would remove, for as long as a client takes. */
const OPEN_MAX = 4;

export interface SavedSnapshotsDeps {
  /** Opens a snapshot of this moment's state. */
  readonly make: () => Promise<SnapshotStream>;
  /** Seconds from its request until a snapshot's first bytes can be had. */
  readonly took: Histogram;
  readonly nowMs: () => number;
}

/** Snapshots for clients that save one: made when asked for, a few at a time. */
export class SavedSnapshots {
  readonly #deps: SavedSnapshotsDeps;
  #openCount = 0;
  readonly #waiting = new Set<() => void>();

  constructor(deps: SavedSnapshotsDeps) {
    this.#deps = deps;
  }

  /** Files being made or read. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Opens one of the state after this call, once there is room; close it. `begin` runs the making: when the state machine may be
   * looked at. Rejects with a StorageError, or the signal's reason.
   */
  async open(begin: (run: () => void) => void, signal: AbortSignal): Promise<SnapshotStream> {
    await this.#place(signal);
    try {
      signal.throwIfAborted();
      const { make, nowMs, took } = this.#deps;
      const beginMs = nowMs();
      const stream = await new Promise<SnapshotStream>((resolve, reject) => {
        begin(() => {
          make().then(resolve, reject);
        });
      });
      took.observe((nowMs() - beginMs) / 1000);
      return new PlacedStream(stream, this.#leave);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Waits for room. Who goes meanwhile leaves nothing behind: places may be taken for a long time. */
  #place(signal: AbortSignal): Promise<void> {
    if (this.#openCount < OPEN_MAX) {
      this.#openCount++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", go);
        resolve();
      };
      const go = (): void => {
        this.#waiting.delete(enter);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", go);
      this.#waiting.add(enter);
    });
  }

  /** Whoever waits takes the place. */
  readonly #leave = (): void => {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#openCount--;
      return;
    }
    this.#waiting.delete(next);
    next();
  };
}

/** A stream that gives its place up when it is closed. */
class PlacedStream implements SnapshotStream {
  readonly #stream: SnapshotStream;
  readonly #leave: () => void;
  #isClosed = false;

  constructor(stream: SnapshotStream, leave: () => void) {
    this.#stream = stream;
    this.#leave = leave;
  }

  get bytes(): number {
    return this.#stream.bytes;
  }

  next(): Promise<Uint8Array | undefined> {
    return this.#stream.next();
  }

  digest(): Uint8Array {
    return this.#stream.digest();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#stream.close();
    } finally {
      this.#leave();
    }
  }
}
