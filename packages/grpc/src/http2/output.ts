import type { Socket } from "node:net";
import { writeFrameHeader, writeU32 } from "./frames.ts";

const BUFFER_BYTES = 65_536;
/** Spare buffers kept for all connections together. */
const SPARES_MAX = 64;
const spares: Buffer[] = [];

/** Parts from this size on are handed to the socket as they are; smaller ones are cheaper to copy. */
export const SHARE_FROM_BYTES = 8192;

/**
 * What waits to be written to one socket. Frames of a turn are assembled in one reused buffer and leave in one write; large
 * shared parts stand between its segments. While the socket has not taken the last write nothing more is given to it, so
 * that what waits stays here, where it is counted.
 */
export class Output {
  /** Where {@link reserve} made room; refetch it after every call. */
  buffer: Buffer | undefined;
  /** Bytes that wait here for the next write. */
  waitingBytes = 0;
  /** Bytes of the write the socket has not finished. */
  inFlightBytes = 0;

  readonly #socket: Socket;
  readonly #onWritten: () => void;
  readonly #callback: () => void;
  #position = 0;
  #segmentStart = 0;
  #segments: Uint8Array[] = [];
  /** Buffers that are full, and those of the write in flight. */
  #full: Buffer[] = [];
  #inFlight: Buffer[] = [];
  #callbacksDue = 0;

  /** `onWritten` is called when a write that the socket could not take at once is finished. */
  constructor(socket: Socket, onWritten: () => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
    this.#callback = () => this.#written();
  }

  get bufferedBytes(): number {
    return this.waitingBytes + this.inFlightBytes;
  }

  /** Makes room for `length` bytes (at most a frame and what goes with it) in `buffer` and returns where; they are due. */
  reserve(length: number): number {
    if (this.buffer === undefined || this.#position + length > BUFFER_BYTES) this.#nextBuffer();
    const at = this.#position;
    this.#position = at + length;
    this.waitingBytes += length;
    return at;
  }

  /** Appends a copy of `bytes[start, end)`, of any length. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    let position = start;
    while (position < end) {
      const take = Math.min(end - position, SHARE_FROM_BYTES);
      const at = this.reserve(take);
      (this.buffer as Buffer).set(bytes.subarray(position, position + take), at);
      position += take;
    }
  }

  /** Appends `bytes` without copying; nobody may change them any more. */
  share(bytes: Uint8Array): void {
    this.#seal();
    this.#segments.push(bytes);
    this.waitingBytes += bytes.length;
  }

  /** Appends a frame with a payload of four or eight bytes given as numbers, or of none. */
  smallFrame(type: number, flags: number, streamId: number, words: 0 | 1 | 2, first = 0, second = 0): void {
    const at = this.reserve(9 + words * 4);
    const buffer = this.buffer as Buffer;
    writeFrameHeader(buffer, at, words * 4, type, flags, streamId);
    if (words > 0) writeU32(buffer, at + 9, first);
    if (words > 1) writeU32(buffer, at + 13, second);
  }

  /** Appends a frame with `payload`, which is copied. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.reserve(9 + payload.length);
    const buffer = this.buffer as Buffer;
    writeFrameHeader(buffer, at, payload.length, type, flags, streamId);
    buffer.set(payload, at + 9);
  }

  /** Gives all that waits to the socket in one write, unless the last one is not finished. */
  flush(): void {
    if (this.inFlightBytes > 0 || this.waitingBytes === 0 || this.#socket.destroyed) return;
    this.#seal();
    const segments = this.#segments;
    const socket = this.#socket;
    const bytes = this.waitingBytes;
    this.waitingBytes = 0;
    this.#callbacksDue++;
    if (segments.length === 1) {
      socket.write(segments[0] as Uint8Array, this.#callback);
    } else {
      socket.cork();
      for (let i = 0; i < segments.length - 1; i++) socket.write(segments[i] as Uint8Array);
      socket.write(segments.at(-1) as Uint8Array, this.#callback);
      socket.uncork();
    }
    this.#segments = [];
    if (socket.writableLength === 0) {
      // The kernel took it all within the call, so the buffers are free again.
      this.#recycle(this.#full);
      this.#release();
      return;
    }
    this.inFlightBytes = bytes;
    this.#inFlight = this.#full;
    if (this.buffer !== undefined) this.#inFlight.push(this.buffer);
    this.#full = [];
    this.buffer = undefined;
    this.#position = 0;
    this.#segmentStart = 0;
  }

  /** Forgets everything; the socket is gone. */
  drop(): void {
    this.waitingBytes = 0;
    this.inFlightBytes = 0;
    this.#segments = [];
    this.#full = [];
    this.#inFlight = [];
    this.buffer = undefined;
    this.#position = 0;
    this.#segmentStart = 0;
  }

  #written(): void {
    this.#callbacksDue--;
    // Writes that finished within their call come back here too; only the last one may be the one in flight.
    if (this.inFlightBytes === 0 || this.#callbacksDue > 0) return;
    this.inFlightBytes = 0;
    this.#recycle(this.#inFlight);
    this.#onWritten();
  }

  #seal(): void {
    if (this.#position === this.#segmentStart) return;
    this.#segments.push((this.buffer as Buffer).subarray(this.#segmentStart, this.#position));
    this.#segmentStart = this.#position;
  }

  #nextBuffer(): void {
    if (this.buffer !== undefined) {
      this.#seal();
      this.#full.push(this.buffer);
    }
    this.buffer = spares.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#position = 0;
    this.#segmentStart = 0;
  }

  /** Idle connections hold no buffer. */
  #release(): void {
    if (this.buffer === undefined) return;
    if (spares.length < SPARES_MAX) spares.push(this.buffer);
    this.buffer = undefined;
    this.#position = 0;
    this.#segmentStart = 0;
  }

  #recycle(buffers: Buffer[]): void {
    for (const buffer of buffers) if (spares.length < SPARES_MAX) spares.push(buffer);
    buffers.length = 0;
  }
}
