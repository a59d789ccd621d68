import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Message } from "@quorate/raft";
import { ByteQueue, uint64At } from "./byte-queue.ts";
import { PeerHttpError } from "./http-text.ts";
import { decodeMessage } from "./raft-message.ts";

/** The envelope is small: 3.7.1 refuses larger ones too. */
const ENVELOPE_BYTES_MAX = 64 * 1024 * 1024;
/** The sender must not stand still for so long while we wait for it. */
const IDLE_MS = 5000;

/** A snapshot that is arriving. `database` ends with the database, or fails with the connection. */
export interface ArrivingSnapshot {
  readonly message: Message;
  readonly database: Readable;
}

/**
 * Reads the head of a snapshot request and hands on the rest as a stream that is read at the reader's pace. Rejects with a
 * PeerHttpError (400) or a DecodeError when the head is not a raft message. Peer protocol page, section 7.
 */
export async function receiveSnapshot(request: IncomingMessage): Promise<ArrivingSnapshot> {
  // A slow disk of ours is no fault of the sender's, so the time is taken only while we wait for bytes.
  request.socket.setTimeout(0);
  const chunks = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const bytes = new ByteQueue();
  const length = uint64At(await takeWhole(request, chunks, bytes, 8));
  if (length > ENVELOPE_BYTES_MAX) throw new PeerHttpError(400, "raft message is too large");
  const message = decodeMessage(await takeWhole(request, chunks, bytes, length));
  return { message, database: Readable.from(remaining(request, chunks, bytes), { objectMode: false }) };
}

async function takeWhole(
  request: IncomingMessage,
  chunks: AsyncIterator<Buffer>,
  bytes: ByteQueue,
  count: number,
): Promise<Uint8Array> {
  for (;;) {
    const whole = bytes.take(count);
    if (whole !== undefined) return whole;
    const chunk = await nextChunk(request, chunks);
    if (chunk === undefined) throw new PeerHttpError(400, "unexpected end of snapshot");
    bytes.push(chunk);
  }
}

async function* remaining(
  request: IncomingMessage,
  chunks: AsyncIterator<Buffer>,
  bytes: ByteQueue,
): AsyncGenerator<Uint8Array> {
  try {
    if (bytes.length > 0) yield bytes.takeAll();
    for (;;) {
      const chunk = await nextChunk(request, chunks);
      if (chunk === undefined) return;
      yield chunk;
    }
  } finally {
    if (!request.complete) request.destroy();
  }
}

async function nextChunk(request: IncomingMessage, chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const timer = setTimeout(() => request.destroy(new Error(`snapshot stood still for ${IDLE_MS} ms`)), IDLE_MS);
  try {
    const { value, done } = await chunks.next();
    return done === true ? undefined : value;
  } finally {
    clearTimeout(timer);
  }
}
