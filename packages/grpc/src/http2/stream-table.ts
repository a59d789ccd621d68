import type { Stream } from "./stream.ts";

/** How a stream came to be closed, which decides what a late frame on it means. RFC 9113 section 5.1, "closed". */
export const CLOSED_UNKNOWN = 0;
/** Both sides had finished: another frame is an error of the connection. */
export const CLOSED_NORMALLY = 1;
/** The peer reset it: another frame is an error of the stream. */
export const CLOSED_BY_PEER = 2;
/** We ended it before the peer had finished: what was under way is ignored. */
export const CLOSED_BY_US = 3;

/** Closed streams remembered; late frames come within a round trip. */
const REMEMBERED = 256;

/** The open streams of a connection, and the last ones closed. */
export class StreamTable {
  readonly open: Map<number, Stream> = new Map<number, Stream>();
  /** The highest stream ID the client has used. */
  lastId = 0;
  /** Cancelled calls whose handlers still work. */
  heldSlots = 0;
  readonly #closedIds = new Int32Array(REMEMBERED);
  readonly #closedHow = new Uint8Array(REMEMBERED);
  #closedAt = 0;

  /** Calls in progress, whether their streams still exist or not. */
  get busy(): number {
    return this.open.size + this.heldSlots;
  }

  close(stream: Stream, how: number): void {
    this.open.delete(stream.id);
    this.#closedIds[this.#closedAt] = stream.id;
    this.#closedHow[this.#closedAt] = how;
    this.#closedAt = (this.#closedAt + 1) % REMEMBERED;
  }

  /** Notes a stream that was never opened because we refused it. */
  refuse(id: number): void {
    this.#closedIds[this.#closedAt] = id;
    this.#closedHow[this.#closedAt] = CLOSED_BY_US;
    this.#closedAt = (this.#closedAt + 1) % REMEMBERED;
  }

  /** How stream `id`, which is not open, was closed. */
  howClosed(id: number): number {
    const at = this.#closedIds.lastIndexOf(id);
    return at < 0 ? CLOSED_UNKNOWN : (this.#closedHow[at] as number);
  }
}
