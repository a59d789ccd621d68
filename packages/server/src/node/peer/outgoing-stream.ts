import type { Socket } from "node:net";
import { Writer } from "@quorate/protocol";
import type { Message } from "@quorate/raft";
import type { EntryBlocks } from "./entry-blocks.ts";
import { type FrameEncoder, frameEncoder, type StreamKind } from "./framing.ts";
import type { PeerCounters } from "./peer-metrics.ts";

/** Messages and bytes that may wait for one slow peer before further ones are dropped. */
const QUEUED_MESSAGES_MAX = 4096;
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
/** Below this a batch is copied out, so that the buffer it was written into can be used again. */
const COPIED_BYTES_MAX = 16 * 1024;
/** Ten bytes before a batch: its length as eight hex digits, and CRLF. A fixed width lets it be filled in afterwards. */
const CHUNK_HEADER_BYTES = 10;

/** What a stream reports. Neither is called from inside a method of the stream. */
export interface OutgoingStreamEvents {
  /** The connection is gone; `lost` if messages were on their way. Called once. */
  closed(stream: OutgoingStream, lost: boolean): void;
}

/**
 * One connection that a peer opened to be sent messages on: the never-ending chunked body of a response, written to the
 * socket directly. All messages of a turn of the event loop are one chunk and one write.
 */
export class OutgoingStream {
  readonly kind: StreamKind;
  readonly #socket: Socket;
  readonly #encoder: FrameEncoder;
  readonly #counters: PeerCounters;
  #writer = newBatch(1024);
  /** Messages handed to the socket since it was last empty. */
  #queuedMessages = 0;
  #isFlushDue = false;
  readonly #flush = (): void => this.#flushBatch();

  /** `socket` has the head of the response written, and is this stream's from now on. */
  constructor(
    kind: StreamKind,
    socket: Socket,
    blocks: EntryBlocks,
    counters: PeerCounters,
    events: OutgoingStreamEvents,
  ) {
    this.kind = kind;
    this.#socket = socket;
    this.#encoder = frameEncoder(kind, blocks);
    this.#counters = counters;
    socket.setNoDelay(true);
    socket.once("close", () => events.closed(this, this.#queuedMessages > 0 || this.#isFlushDue));
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** Queues a message, to leave with the others of this turn. False if the queue is full or the connection gone. */
  send(message: Message): boolean {
    if (!this.#hasRoom()) return false;
    this.#encoder.write(this.#writer, message);
    this.#queuedMessages++;
    this.#schedule();
    return true;
  }

  /** Keeps the connection alive, unless it is busy anyway: then what is queued does that. */
  heartbeat(): void {
    if (!this.isOpen || this.#socket.writableLength > 0) return;
    this.#encoder.writeHeartbeat(this.#writer);
    this.#schedule();
  }

  close(): void {
    this.#socket.destroy();
  }

  #hasRoom(): boolean {
    const waiting = this.#socket.writableLength;
    if (waiting === 0 && !this.#isFlushDue) this.#queuedMessages = 0;
    return (
      this.isOpen && this.#queuedMessages < QUEUED_MESSAGES_MAX && waiting + this.#writer.length < QUEUED_BYTES_MAX
    );
  }

  #schedule(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flush);
  }

  #flushBatch(): void {
    this.#isFlushDue = false;
    const writer = this.#writer;
    if (!this.isOpen) return;
    this.#counters.sentBytes.add(writer.length - CHUNK_HEADER_BYTES);
    finishChunk(writer);
    const { buffer, length } = writer;
    if (length <= COPIED_BYTES_MAX) {
      this.#socket.write(Buffer.from(buffer.subarray(0, length)));
      writer.length = CHUNK_HEADER_BYTES;
    } else {
      this.#socket.write(buffer.subarray(0, length));
      this.#writer = newBatch(1024);
    }
  }
}

function newBatch(bytes: number): Writer {
  const writer = new Writer(new Uint8Array(bytes));
  writer.length = CHUNK_HEADER_BYTES;
  return writer;
}

/** Fills in the length of a chunk whose data follow its header, and ends it. */
function finishChunk(writer: Writer): void {
  writer.ensure(2);
  const { buffer, length } = writer;
  let rest = length - CHUNK_HEADER_BYTES;
  for (let i = 7; i >= 0; i--) {
    const digit = rest & 15;
    buffer[i] = digit < 10 ? 48 + digit : 87 + digit;
    rest >>>= 4;
  }
  buffer[8] = buffer[length] = 13;
  buffer[9] = buffer[length + 1] = 10;
  writer.length = length + 2;
}
