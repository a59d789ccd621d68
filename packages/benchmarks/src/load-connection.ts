import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import {
  callFrames,
  clientPreface,
  DATA,
  FLAG_ACK,
  FLAG_END_STREAM,
  FRAME_HEADER_BYTES,
  frame,
  GOAWAY,
  HEADERS,
  headerBlocks,
  PING,
  RST_STREAM,
  SETTINGS,
  windowUpdate,
} from "./http2-frames.ts";

/** What a connection tells its user. `slot` is what the call was opened with. */
export interface LoadHandler {
  /**
   * A message of the call's answer: `[start, end)` of `bytes`, borrowed. Undefined: messages are counted and thrown away, which
   * spares putting large ones together.
   */
  readonly message: ((slot: number, bytes: Buffer, start: number, end: number) => void) | undefined;
  /** The call has ended; `ok` is false for an answer without any message, which is how gRPC says that a call failed. */
  ended(slot: number, ok: boolean): void;
}

interface OpenCall {
  readonly slot: number;
  /** Pieces of a message whose rest is still to come, and how much there is and must be. */
  pieces: Buffer[];
  have: number;
  need: number;
  messages: number;
}

const CREDIT_BYTES = 64 * 1024 * 1024;

/**
 * One HTTP/2 connection that makes gRPC calls with as little work as possible, so that the server is what is measured: no
 * header decoding, no flow control of its own, frames of one turn leave in one write.
 */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #handler: LoadHandler;
  readonly #calls = new Map<number, OpenCall>();
  readonly #blocks: { readonly first: Buffer; readonly later: Buffer };
  #usedTable = false;
  #nextStream = 1;
  #out: Buffer[] = [];
  #rest: Buffer | undefined;
  #received = 0;

  private constructor(socket: Socket, path: string, handler: LoadHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.#blocks = headerBlocks(path);
    socket.setNoDelay(true);
    socket.write(clientPreface());
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("error", () => this.#closed());
    socket.on("close", () => this.#closed());
  }

  /** Connects to `127.0.0.1:port`, in plain text or with `tls`, for calls to the one method `path`. */
  static open(port: number, path: string, handler: LoadHandler, tls?: ConnectionOptions): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const host = "127.0.0.1";
      const socket =
        tls === undefined ? connect(port, host) : connectTls({ ...tls, host, port, ALPNProtocols: ["h2"] });
      socket.once("error", reject);
      socket.once(tls === undefined ? "connect" : "secureConnect", () => {
        socket.off("error", reject);
        resolve(new LoadConnection(socket, path, handler));
      });
    });
  }

  /** Opens a call with one request message; `keepOpen` leaves the request side open. */
  call(slot: number, message: Uint8Array, keepOpen = false): void {
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(streamId, { slot, pieces: [], have: 0, need: 5, messages: 0 });
    const block = this.#usedTable ? this.#blocks.later : this.#blocks.first;
    this.#usedTable = true;
    this.#write(callFrames(streamId, block, message, keepOpen));
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(bytes: Buffer): void {
    if (this.#out.length === 0) setImmediate(() => this.#flush());
    this.#out.push(bytes);
  }

  #flush(): void {
    const out = this.#out;
    this.#out = [];
    this.#socket.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    while (bytes.length - position >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(position, 3);
      const end = position + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      this.#onFrame(bytes, position, end);
      position = end;
    }
    this.#rest = position < bytes.length ? bytes.subarray(position) : undefined;
    this.#received += chunk.length;
    if (this.#received > CREDIT_BYTES) {
      this.#write(windowUpdate(this.#received));
      this.#received = 0;
    }
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3] as number;
    const flags = bytes[start + 4] as number;
    const streamId = bytes.readUInt32BE(start + 5);
    if (type === DATA) this.#onMessageBytes(streamId, bytes.subarray(start + FRAME_HEADER_BYTES, end));
    else if (type === SETTINGS && (flags & FLAG_ACK) === 0) this.#write(frame(SETTINGS, FLAG_ACK, 0, Buffer.alloc(0)));
    else if (type === PING && (flags & FLAG_ACK) === 0)
      this.#write(frame(PING, FLAG_ACK, 0, bytes.subarray(start + FRAME_HEADER_BYTES, end)));
    else if (type === GOAWAY) this.close();
    if ((type === HEADERS || type === DATA) && (flags & FLAG_END_STREAM) !== 0) this.#end(streamId, true);
    else if (type === RST_STREAM) this.#end(streamId, false);
  }

  #onMessageBytes(streamId: number, payload: Buffer): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    if (this.#handler.message === undefined) {
      count(call, payload);
      return;
    }
    call.have += payload.length;
    // Large messages come in many frames: put together once, when they are whole.
    if (call.have < call.need || call.pieces.length > 0) call.pieces.push(Buffer.from(payload));
    if (call.have < call.need) return;
    const bytes = call.pieces.length === 0 ? payload : Buffer.concat(call.pieces);
    let position = 0;
    while (bytes.length - position >= 5) {
      const end = position + 5 + bytes.readUInt32BE(position + 1);
      if (end > bytes.length) break;
      call.messages++;
      this.#handler.message?.(call.slot, bytes, position + 5, end);
      position = end;
    }
    const rest = bytes.length - position;
    call.pieces = rest === 0 ? [] : [Buffer.from(bytes.subarray(position))];
    call.have = rest;
    call.need = rest < 5 ? 5 : 5 + bytes.readUInt32BE(position + 1);
  }

  #end(streamId: number, ok: boolean): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    this.#calls.delete(streamId);
    this.#handler.ended(call.slot, ok && call.messages > 0);
  }

  #closed(): void {
    const open = [...this.#calls.values()];
    this.#calls.clear();
    for (const { slot } of open) this.#handler.ended(slot, false);
  }
}

/** Counts the messages that end in `payload`; `have` is what is still to come of the one that has begun. */
function count(call: OpenCall, payload: Buffer): void {
  let position = 0;
  while (position < payload.length) {
    if (call.have > 0) {
      const taken = Math.min(call.have, payload.length - position);
      call.have -= taken;
      position += taken;
      if (call.have === 0) call.messages++;
      continue;
    }
    // A prefix that is split between two frames: no server here does that.
    if (payload.length - position < 5) throw new Error("a message prefix is split");
    call.have = payload.readUInt32BE(position + 1);
    position += 5;
    if (call.have === 0) call.messages++;
  }
}
