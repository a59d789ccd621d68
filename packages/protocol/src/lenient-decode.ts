import { DecodeError } from "./decode-error.ts";
import { Reader } from "./reader.ts";

type Read<T> = (reader: Reader, end: number) => T;
type Decode<T> = (bytes: Uint8Array, start: number, end: number) => T;

/**
 * Decodes a message out of a log or a bucket, into which members of etcd before 3.7 put what they are sent: text that is no UTF-8
 * becomes `losslessText`, unknown fields need not be well formed. `read` is the message's own `read` function. Otherwise as its
 * `decode` function. Throws DecodeError.
 */
export function decodeLenient<T>(read: Read<T>, bytes: Uint8Array, start = 0, end: number = bytes.length): T {
  const reader = new Reader(bytes, start, end);
  reader.isLenient = true;
  return read(reader, end);
}

/** The same for a message of which nearly all are well formed. `decode` is its own. */
export function decodeLogged<T>(decode: Decode<T>, read: Read<T>, bytes: Uint8Array, start: number, end: number): T {
  try {
    return decode(bytes, start, end);
  } catch (error) {
    if (error instanceof DecodeError) return decodeLenient(read, bytes, start, end);
    throw error;
  }
}
