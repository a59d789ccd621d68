import { MAX_WINDOW } from "../limits.ts";
import { DATA, DEFAULT_WINDOW, MAX_FRAME_BYTES, writeFrameHeader } from "./frames.ts";
import { type Output, SHARE_FROM_BYTES } from "./output.ts";
import type { Stream } from "./stream.ts";

/** Bytes of bulk data put into one write: what is said in the next turn then waits for no more than that. */
const BULK_PER_WRITE_BYTES = 256 * 1024;
/** A frame shorter than this that is not the end of its data, sent because a window allows no more, is a dribble. */
const DRIBBLE_BYTES = 256;

/** What the queue tells its connection. */
export interface BulkOwner {
  /** Something waits to be written. */
  markDirty(): void;
  /** The peer's window made us send a very small frame. */
  onDribble(): void;
  /** DATA or HEADERS went out. */
  onDataSent(): void;
}

/**
 * Response bytes that wait for flow control or for their turn, each with its stream. Streams that may send take turns, one
 * frame each, and all of it goes behind the small frames of the turn.
 */
export class BulkQueue {
  /** What the connection's flow-control window still allows. */
  window: number = DEFAULT_WINDOW;
  /** Bytes waiting with all streams. */
  queuedBytes = 0;
  readonly #owner: BulkOwner;
  readonly #output: Output;
  /** The same bytes over all connections of the server. */
  readonly #total: { bytes: number };
  /** Streams with data and window, in the order of their turns; linked through `ringNext`. */
  #head: Stream | undefined;
  #tail: Stream | undefined;

  constructor(owner: BulkOwner, output: Output, total: { bytes: number }) {
    this.#owner = owner;
    this.#total = total;
    this.#output = output;
  }

  /** Whether something could be sent now. */
  get sendable(): boolean {
    return this.#head !== undefined && this.window > 0;
  }

  /** Queues shared bytes behind what `stream` has queued. */
  add(stream: Stream, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (stream.queue === undefined) stream.queue = [bytes];
    else stream.queue.push(bytes);
    if (stream.queuedBytes === 0) stream.progressAtMs = stream.host.nowMs;
    stream.queuedBytes += bytes.length;
    this.queuedBytes += bytes.length;
    this.#total.bytes += bytes.length;
    this.#enter(stream);
  }

  /** Drops what waits with a stream, its end included. */
  forget(stream: Stream): void {
    this.queuedBytes -= stream.queuedBytes;
    this.#total.bytes -= stream.queuedBytes;
    stream.queuedBytes = 0;
    stream.queueOffset = 0;
    stream.trailers = undefined;
    stream.endsWithData = false;
    stream.onTaken = undefined;
    compact(stream);
  }

  /** Adds to a stream's window (or takes from it). False when that makes it larger than a window may be. */
  openStreamWindow(stream: Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    this.#enter(stream);
    return stream.sendWindow <= MAX_WINDOW;
  }

  /** Adds to the connection's window. False when that makes it larger than a window may be. */
  openWindow(bytes: number): boolean {
    this.window += bytes;
    if (this.#head !== undefined) this.#owner.markDirty();
    return this.window <= MAX_WINDOW;
  }

  /** Moves data to the output as far as windows and one write's share allow. `onEmpty` is told of streams that are done. */
  pump(onEmpty: (stream: Stream) => void): void {
    while (this.#head !== undefined && this.window > 0 && this.#output.waitingBytes < BULK_PER_WRITE_BYTES) {
      const stream = this.#leave();
      if (stream.queuedBytes === 0 || stream.sendWindow <= 0) continue;
      this.#writeFrame(stream);
      if (stream.queuedBytes === 0) onEmpty(stream);
      else this.#enter(stream);
    }
  }

  #enter(stream: Stream): void {
    if (stream.inRing || stream.queuedBytes === 0 || stream.sendWindow <= 0) return;
    stream.inRing = true;
    stream.ringNext = undefined;
    if (this.#tail === undefined) this.#head = stream;
    else this.#tail.ringNext = stream;
    this.#tail = stream;
    this.#owner.markDirty();
  }

  #leave(): Stream {
    const stream = this.#head as Stream;
    this.#head = stream.ringNext;
    if (this.#head === undefined) this.#tail = undefined;
    stream.ringNext = undefined;
    stream.inRing = false;
    return stream;
  }

  /** Writes one DATA frame from what waits with `stream`. */
  #writeFrame(stream: Stream): void {
    const length = Math.min(stream.queuedBytes, stream.sendWindow, this.window, MAX_FRAME_BYTES);
    const dribble = length < DRIBBLE_BYTES && length < stream.queuedBytes;
    const output = this.#output;
    const at = output.reserve(9);
    writeFrameHeader(output.buffer as Buffer, at, length, DATA, 0, stream.id);
    const queue = stream.queue as Uint8Array[];
    for (let left = length; left > 0; ) {
      const bytes = queue[stream.queueAt] as Uint8Array;
      const end = Math.min(bytes.length, stream.queueOffset + left);
      const take = end - stream.queueOffset;
      if (take >= SHARE_FROM_BYTES && stream.onTaken === undefined)
        output.share(bytes.subarray(stream.queueOffset, end));
      else output.copy(bytes, stream.queueOffset, end);
      left -= take;
      stream.queueOffset = end;
      if (end === bytes.length) {
        stream.queueAt++;
        stream.queueOffset = 0;
      }
    }
    stream.queuedBytes -= length;
    this.queuedBytes -= length;
    this.#total.bytes -= length;
    stream.sendWindow -= length;
    this.window -= length;
    stream.progressAtMs = stream.host.nowMs;
    compact(stream);
    this.#owner.onDataSent();
    // Last, because it may be the end of the connection and of all its streams.
    if (dribble) this.#owner.onDribble();
  }
}

/** Drops the parts that were sent, many at a time, since each removal moves all that follow. */
function compact(stream: Stream): void {
  if (stream.queuedBytes === 0) {
    stream.queue = undefined;
    stream.queueAt = 0;
  } else if (stream.queueAt > 1024 && stream.queue !== undefined) {
    stream.queue.splice(0, stream.queueAt);
    stream.queueAt = 0;
  }
}
