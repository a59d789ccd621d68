import { EMPTY_BYTES } from "@quorate/base";
import type { GrpcLimits } from "../types.ts";
import { FLAG_END_HEADERS, FLAG_PADDED, FLAG_PRIORITY, readU32 } from "./frames.ts";

/** What is wrong with a frame of a header block. All of these end the connection. */
export type BlockError = "padding" | "interrupted" | "too-long" | "too-many-continuations";

/**
 * Puts header blocks together from HEADERS and CONTINUATION frames. A block in one frame, which nearly all are, is used in
 * place; only others are copied. Within a block no other frame may come, and its length, frames and time are limited
 * (CVE-2023-45288).
 */
export class HeaderBlocks {
  /** The stream whose block is not complete; 0 when there is none. */
  pendingId = 0;
  /** Since when, in the connection's milliseconds. */
  pendingSinceMs = 0;

  /** The complete block after `headers` or `continuation` returned true: bytes and what the HEADERS frame said. */
  buffer: Uint8Array = EMPTY_BYTES;
  start = 0;
  end = 0;
  flags = 0;
  /** The stream depends on itself, which is an error of the stream. */
  selfDependent = false;

  readonly #limits: GrpcLimits;
  #parts: Uint8Array[] = [];
  #length = 0;
  #continuations = 0;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** Takes a HEADERS frame: true when the block is complete, false when it goes on, or what is wrong. */
  headers(
    streamId: number,
    flags: number,
    buffer: Uint8Array,
    from: number,
    to: number,
    nowMs: number,
  ): boolean | BlockError {
    let start = from;
    let end = to;
    if ((flags & FLAG_PADDED) !== 0) {
      if (start === end) return "padding";
      end -= buffer[start++] as number;
    }
    this.selfDependent = false;
    if ((flags & FLAG_PRIORITY) !== 0) {
      if (end - start < 5) return "padding";
      this.selfDependent = (readU32(buffer, start) & 0x7fff_ffff) === streamId;
      start += 5;
    }
    if (start > end) return "padding";
    this.flags = flags;
    if ((flags & FLAG_END_HEADERS) !== 0) {
      this.buffer = buffer;
      this.start = start;
      this.end = end;
      return true;
    }
    this.pendingId = streamId;
    this.pendingSinceMs = nowMs;
    this.#parts = [Uint8Array.prototype.slice.call(buffer, start, end)];
    this.#length = end - start;
    this.#continuations = 0;
    return false;
  }

  /** Takes a CONTINUATION frame of the pending block. */
  continuation(flags: number, buffer: Uint8Array, start: number, end: number): boolean | BlockError {
    this.#continuations++;
    if (this.#continuations > this.#limits.maxContinuationFrames) return "too-many-continuations";
    this.#length += end - start;
    if (this.#length > this.#limits.maxHeaderBlockBytes) return "too-long";
    this.#parts.push(Uint8Array.prototype.slice.call(buffer, start, end));
    if ((flags & FLAG_END_HEADERS) === 0) return false;
    this.buffer = Buffer.concat(this.#parts);
    this.start = 0;
    this.end = this.buffer.length;
    this.#parts = [];
    this.pendingId = 0;
    return true;
  }

  /** Forgets the block it has handed out, so that the chunk it came in can go. */
  release(): void {
    this.buffer = EMPTY_BYTES;
  }
}
