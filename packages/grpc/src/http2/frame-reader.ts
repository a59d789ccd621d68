import { DATA, FLAG_PADDED, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, readU32 } from "./frames.ts";

/** Takes what the reader finds. A sink that has enough sets the reader's `stopped`. */
export interface FrameSink {
  /** A whole frame other than DATA; its payload is `buffer[start, end)`, borrowed. */
  onFrame(type: number, flags: number, streamId: number, buffer: Uint8Array, start: number, end: number): void;
  /** A DATA frame begins; flow control counts the whole payload, padding included. */
  onDataBegin(streamId: number, flags: number, dataBytes: number, payloadBytes: number): void;
  /** Some of its data, without padding, borrowed. `last` when the frame has no more data. */
  onDataPiece(buffer: Uint8Array, start: number, end: number, last: boolean): void;
  /** The DATA frame is complete, padding included. */
  onDataEnd(): void;
  /** A frame longer than allowed, or a DATA frame shorter than its padding. The sink stops the reader. */
  onBadFrame(fault: "oversized" | "padding"): void;
}

/** Buffers for cut frames, shared by all connections: most need one only now and then. */
const SPARE_CARRIES_MAX = 32;
const spareCarries: Buffer[] = [];

/**
 * Splits a byte stream into frames, in place on the chunks as they come from the socket. Data is passed on as it arrives;
 * of other frames at most one is held back until it is whole, in a buffer of one frame's size at most.
 */
export class FrameReader {
  /** Set by the sink to stop after the present frame. */
  stopped = false;
  /** Frames it may still read before it stops by itself. */
  framesLeft = 0;

  readonly #sink: FrameSink;
  #carry: Buffer | undefined;
  #carried = 0;
  /** Inside a DATA frame: bytes of data and of padding still to come. -1: outside. */
  #dataLeft = -1;
  #paddingLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether it holds the beginning of a frame and waits for its rest. */
  get carrying(): boolean {
    return this.#carried > 0;
  }

  /** Reads frames from `chunk[start, ...)` and returns where it stopped: at the end, or after the frame that stopped it. */
  read(chunk: Buffer, start: number): number {
    let position = start;
    const end = chunk.length;
    while (!this.stopped) {
      if (this.#dataLeft >= 0) {
        if (position === end && this.#dataLeft + this.#paddingLeft > 0) return end;
        position = this.#readData(chunk, position, end);
        continue;
      }
      if (position === end) return end;
      if (this.framesLeft <= 0) return position;
      if (this.#carried > 0) {
        position = this.#fillCarry(chunk, position, end);
        continue;
      }
      if (end - position < FRAME_HEADER_BYTES) return this.#keep(chunk, position, end);
      const type = chunk[position + 3] as number;
      const length =
        ((chunk[position] as number) << 16) | ((chunk[position + 1] as number) << 8) | (chunk[position + 2] as number);
      if (length > MAX_FRAME_BYTES) {
        this.#sink.onBadFrame("oversized");
        return position;
      }
      const total = FRAME_HEADER_BYTES + length;
      // A padded DATA frame also waits for the byte that says how much padding there is.
      const flags = chunk[position + 4] as number;
      const needed = type === DATA ? FRAME_HEADER_BYTES + dataPrefix(flags, length) : total;
      if (end - position < needed) return this.#keep(chunk, position, end);
      this.#take(chunk, position, type, flags, length);
      position += needed;
    }
    return position;
  }

  /** Handles the frame whose header, and whose payload unless it is DATA, stands whole at `at`. */
  #take(buffer: Buffer, at: number, type: number, flags: number, length: number): void {
    this.framesLeft--;
    const streamId = readU32(buffer, at + 5) & 0x7fff_ffff;
    const payload = at + FRAME_HEADER_BYTES;
    if (type !== DATA) {
      this.#sink.onFrame(type, flags, streamId, buffer, payload, payload + length);
      return;
    }
    const prefix = dataPrefix(flags, length);
    const padding = prefix === 0 ? 0 : (buffer[payload] as number);
    if (padding > length - prefix || ((flags & FLAG_PADDED) !== 0 && length === 0)) {
      this.#sink.onBadFrame("padding");
      return;
    }
    this.#dataLeft = length - prefix - padding;
    this.#paddingLeft = padding;
    this.#sink.onDataBegin(streamId, flags, this.#dataLeft, length);
  }

  #readData(chunk: Buffer, start: number, end: number): number {
    let position = start;
    if (this.#dataLeft > 0) {
      const take = Math.min(this.#dataLeft, end - position);
      this.#dataLeft -= take;
      this.#sink.onDataPiece(chunk, position, position + take, this.#dataLeft === 0);
      position += take;
      if (this.#dataLeft > 0) return position;
    }
    const skip = Math.min(this.#paddingLeft, end - position);
    this.#paddingLeft -= skip;
    if (this.#paddingLeft === 0) {
      this.#dataLeft = -1;
      this.#sink.onDataEnd();
    }
    return position + skip;
  }

  #keep(chunk: Buffer, start: number, end: number): number {
    const carry = spareCarries.pop() ?? Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + MAX_FRAME_BYTES);
    this.#carried = chunk.copy(carry, 0, start, end);
    this.#carry = carry;
    return end;
  }

  /** Completes the frame held back with what `chunk` has of it, and handles it when it is whole. */
  #fillCarry(chunk: Buffer, start: number, end: number): number {
    const carry = this.#carry as Buffer;
    let position = start;
    for (;;) {
      const needed = this.#carried < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : this.#carryNeeds(carry);
      if (needed < 0) return position;
      if (this.#carried >= needed && this.#carried >= FRAME_HEADER_BYTES) break;
      if (position === end) return end;
      const take = Math.min(needed - this.#carried, end - position);
      chunk.copy(carry, this.#carried, position, position + take);
      this.#carried += take;
      position += take;
    }
    this.#carried = 0;
    this.#carry = undefined;
    this.#take(carry, 0, carry[3] as number, carry[4] as number, carry.readUIntBE(0, 3));
    if (spareCarries.length < SPARE_CARRIES_MAX) spareCarries.push(carry);
    return position;
  }

  /** How many bytes the frame in the carry must have before it is handled; -1 when it is too long. */
  #carryNeeds(carry: Buffer): number {
    const length = carry.readUIntBE(0, 3);
    const type = carry[3] as number;
    if (length > MAX_FRAME_BYTES) {
      this.#sink.onBadFrame("oversized");
      return -1;
    }
    return FRAME_HEADER_BYTES + (type === DATA ? dataPrefix(carry[4] as number, length) : length);
  }
}

function dataPrefix(flags: number, length: number): number {
  return (flags & FLAG_PADDED) !== 0 && length > 0 ? 1 : 0;
}
