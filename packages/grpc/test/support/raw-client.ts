import { connect, type Socket } from "node:net";
import { HpackDecoder } from "../../src/hpack/decoder.ts";

export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const T = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const WITH_PRIORITY = 0x20;

export const E = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Any frame, right or wrong. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  bytes.set(payload, 9);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function settings(...entries: [name: number, value: number][]): Buffer {
  const payload = Buffer.concat(entries.map(([name, value]) => Buffer.concat([Buffer.from([0, name]), u32(value)])));
  return frame(T.SETTINGS, 0, 0, payload);
}

export function windowUpdate(id: number, bytes: number): Buffer {
  return frame(T.WINDOW_UPDATE, 0, id, u32(bytes));
}

export function reset(id: number, code: number = E.CANCEL): Buffer {
  return frame(T.RST_STREAM, 0, id, u32(code));
}

function lengthBytes(length: number, prefix: number): number[] {
  if (length < prefix) return [length];
  const bytes = [prefix];
  let rest = length - prefix;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

export type Fields = readonly (readonly [string, string])[];

/** Literals without indexing, or with. */
export function block(fields: Fields, indexing = false): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const nameBytes = Buffer.from(name, "latin1");
    const valueBytes = Buffer.from(value, "latin1");
    parts.push(
      Buffer.from([indexing ? 0x40 : 0, ...lengthBytes(nameBytes.length, 127)]),
      nameBytes,
      Buffer.from(lengthBytes(valueBytes.length, 127)),
      valueBytes,
    );
  }
  return Buffer.concat(parts);
}

export function requestFields(path = "/test.Echo/Unary", extra: Fields = []): Fields {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...extra,
  ];
}

export function headers(id: number, fields: Fields, flags: number = END_HEADERS): Buffer {
  return frame(T.HEADERS, flags, id, block(fields));
}

/** A gRPC message with its prefix. */
export function message(bytes: Uint8Array, compressed = 0, length: number = bytes.length): Buffer {
  return Buffer.concat([Buffer.from([compressed]), u32(length), bytes]);
}

export function data(id: number, payload: Uint8Array, flags: number = END_STREAM): Buffer {
  return frame(T.DATA, flags, id, payload);
}

/** A whole unary call. */
export function call(id: number, path = "/test.Echo/Unary", bytes: Uint8Array = Buffer.from("hi")): Buffer {
  return Buffer.concat([headers(id, requestFields(path)), data(id, message(bytes))]);
}

/** A client that sends whatever it is told, and reads frames. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  readonly #decoder = new HpackDecoder({ maxHeaderFields: 1000, maxHeaderListBytes: 1_000_000 });
  #rest: Buffer = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("data", (chunk) => {
      this.#read(chunk);
      this.#wakeAll();
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
      this.#wakeAll();
    });
  }

  /** Connected, preface and SETTINGS sent, and acknowledged both ways. */
  static async open(port: number, ...entries: [number, number][]): Promise<RawClient> {
    const client = new RawClient(port);
    client.send(PREFACE, settings(...entries), frame(T.SETTINGS, ACK, 0));
    await client.wait((f) => f.type === T.SETTINGS && f.flags === ACK);
    return client;
  }

  send(...parts: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  /** The first frame that satisfies, among those received and to come; rejects when the connection closes first. */
  async wait(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (let at = 0; ; ) {
      for (; at < this.frames.length; at++) if (matches(this.frames[at] as Frame)) return this.frames[at] as Frame;
      if (this.closed) throw new Error("the connection closed before the frame came");
      await this.#change();
    }
  }

  waitType(type: number, id?: number): Promise<Frame> {
    return this.wait((f) => f.type === type && (id === undefined || f.id === id));
  }

  async waitClosed(): Promise<void> {
    while (!this.closed) await this.#change();
  }

  /** The error code of the GOAWAY that ends the connection. */
  async goAwayCode(): Promise<number> {
    await this.waitClosed();
    const last = this.frames.findLast((f) => f.type === T.GOAWAY);
    return last === undefined ? -1 : last.payload.readUInt32BE(4);
  }

  async resetCode(id: number): Promise<number> {
    return (await this.waitType(T.RST_STREAM, id)).payload.readUInt32BE(0);
  }

  /** Waits for the end of stream `id` and gives its header fields and trailers together, and its data. */
  async response(id: number): Promise<{ fields: Map<string, string>; body: Buffer; headerFrames: number }> {
    await this.wait((f) => f.id === id && (f.type === T.HEADERS || f.type === T.DATA) && (f.flags & END_STREAM) !== 0);
    const fields = new Map<string, string>();
    const mine = this.frames.filter((f) => f.id === id);
    const blocks = mine.filter((f) => f.type === T.HEADERS);
    for (const { payload } of blocks) {
      this.#decoder.decode(payload, 0, payload.length);
      for (const { name, value } of this.#decoder.fields.slice(0, this.#decoder.count)) fields.set(name, value);
    }
    const body = Buffer.concat(mine.filter((f) => f.type === T.DATA).map((f) => f.payload));
    return { fields, body, headerFrames: blocks.length };
  }

  close(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) break;
      this.frames.push({
        type: bytes[3] as number,
        flags: bytes[4] as number,
        id: bytes.readUInt32BE(5),
        payload: Buffer.from(bytes.subarray(9, 9 + length)),
      });
      bytes = bytes.subarray(9 + length);
    }
    this.#rest = Buffer.from(bytes);
  }
}

/** Lets sockets and turns of the event loop pass until `done`; a bound on rounds instead of time. */
export async function until(done: () => boolean, rounds = 20_000): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    if (done()) return;
    await turn();
  }
  throw new Error("it did not happen");
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
