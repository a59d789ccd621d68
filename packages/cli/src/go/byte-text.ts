/**
 * Text in which each character stands for one byte, as in Go's strings: bytes that are no UTF-8 can so be searched, cut and put
 * together like text, and come out as they went in.
 */
export type ByteText = string;

/** Bytes as text of a character each. */
export function byteText(bytes: Uint8Array): ByteText {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The bytes that `text` stands for. */
export function bytesOfByteText(text: ByteText): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** `text` for people: as UTF-8, with U+FFFD for what is none. */
export function readable(text: ByteText): string {
  return Buffer.from(text, "latin1").toString();
}

/** Without white space at its ends. Only ASCII's: a byte above may be a part of a character. */
export function trimmed(text: ByteText): ByteText {
  return text.replace(/^[\t\n\v\f\r ]+|[\t\n\v\f\r ]+$/g, "");
}
