/** The few HTTP/2 frames a load generator needs. RFC 9113 section 6, RFC 7541 section 6. */

export const FRAME_HEADER_BYTES = 9;
export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
const WINDOW_UPDATE = 8;
export const FLAG_ACK = 1;
export const FLAG_END_STREAM = 1;
const FLAG_END_HEADERS = 4;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const WINDOW_BYTES = 0x3fff_ffff;

/** One frame. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** What a client says first: windows so large that flow control never holds the server up. */
export function clientPreface(): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(4, 0);
  settings.writeUInt32BE(WINDOW_BYTES, 2);
  return Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0, settings), windowUpdate(WINDOW_BYTES - 65_535)]);
}

/** Gives the server credit on the whole connection. */
export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

function literal(name: string, value: string): Buffer {
  // With incremental indexing, new name: both go into the table, so that later requests are indexes alone.
  return Buffer.concat([
    Buffer.from([0x40, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/**
 * The two header blocks of calls to one method on one connection, as real clients send them: the first fills the dynamic
 * table, every later one is six bytes.
 */
export function headerBlocks(path: string): { readonly first: Buffer; readonly later: Buffer } {
  const fields: readonly (readonly [string, string])[] = [
    [":path", path],
    [":authority", "127.0.0.1"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ];
  // 0x83 is `:method: POST`, 0x86 `:scheme: http`. The newest table entry is index 62.
  const first = Buffer.concat([Buffer.from([0x83, 0x86]), ...fields.map(([name, value]) => literal(name, value))]);
  const later = Buffer.from([0x83, 0x86, ...fields.map((_, i) => 0x80 | (62 + fields.length - 1 - i))]);
  return { first, later };
}

/** HEADERS and one DATA frame with a gRPC message; the stream is half-closed unless `keepOpen`. */
export function callFrames(streamId: number, block: Uint8Array, message: Uint8Array, keepOpen = false): Buffer {
  const bodyBytes = 5 + message.length;
  const bytes = Buffer.allocUnsafe(2 * FRAME_HEADER_BYTES + block.length + bodyBytes);
  bytes.writeUIntBE(block.length, 0, 3);
  bytes[3] = HEADERS;
  bytes[4] = FLAG_END_HEADERS;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(block, 9);
  const data = FRAME_HEADER_BYTES + block.length;
  bytes.writeUIntBE(bodyBytes, data, 3);
  bytes[data + 3] = DATA;
  bytes[data + 4] = keepOpen ? 0 : FLAG_END_STREAM;
  bytes.writeUInt32BE(streamId, data + 5);
  bytes[data + 9] = 0;
  bytes.writeUInt32BE(message.length, data + 10);
  bytes.set(message, data + 14);
  return bytes;
}
