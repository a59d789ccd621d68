import { assert, writeLatin1 } from "@quorate/base";
import type { HeaderField } from "./hpack/field.ts";
import type { Metadata, MetadataInit } from "./types.ts";

/** Names that belong to the protocol: read by the server itself, never metadata in either direction. */
const RESERVED: ReadonlySet<string> = new Set([
  "te",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "grpc-status",
  "grpc-message",
  "grpc-message-type",
  "content-length",
]);

/** Metadata over the fields of a request, put in order at the first question. */
export class RequestMetadata implements Metadata {
  readonly #fields: readonly HeaderField[];
  #values: Map<string, string[]> | undefined;

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  get(name: string): string | undefined {
    return this.#parsed().get(name)?.[0];
  }

  getAll(name: string): readonly string[] {
    return this.#parsed().get(name) ?? [];
  }

  *entries(): IterableIterator<readonly [string, string]> {
    for (const [name, values] of this.#parsed()) for (const value of values) yield [name, value];
  }

  #parsed(): Map<string, string[]> {
    if (this.#values !== undefined) return this.#values;
    const values = new Map<string, string[]>();
    for (const { name, value } of this.#fields) {
      if (name.startsWith(":") || RESERVED.has(name)) continue;
      const list = values.get(name);
      const decoded = name.endsWith("-bin") ? decodeBinary(value) : [value];
      if (list === undefined) values.set(name, decoded);
      else list.push(...decoded);
    }
    this.#values = values;
    return values;
  }
}

/** Values of a `-bin` header: base64 with or without padding, several joined by commas. */
function decodeBinary(value: string): string[] {
  return value.split(",").map((part) => Buffer.from(part.trim(), "base64").toString("latin1"));
}

/**
 * HPACK fields as literals without indexing and without Huffman coding, which need no encoder state. Throws
 * {@link InvariantError} for a name or value that cannot be sent, before anything is written.
 */
export function encodeFields(fields: MetadataInit): Uint8Array {
  const texts: string[] = [];
  let size = 0;
  for (const [name, given] of fields) {
    const value = typeof given === "string" ? given : Buffer.from(given).toString("base64").replaceAll("=", "");
    assert(/^:?[0-9a-z_.-]+$/.test(name), "a metadata name is lower-case ASCII", { name });
    assert(typeof given === "string" || name.endsWith("-bin"), "metadata in bytes has a name that ends in -bin", {
      name,
    });
    assert(/^[\x20-\xff]*$/.test(value), "a metadata value is printable", { name });
    texts.push(name, value);
    size += name.length + value.length + 11;
  }
  const block = new Uint8Array(size);
  let position = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i] as string;
    if (i % 2 === 0) block[position++] = 0;
    position = writeLength(block, position, text.length);
    position = writeLatin1(text, block, position);
  }
  return block.subarray(0, position);
}

/** The given metadata without what only the protocol may send. */
export function withoutReserved(fields: MetadataInit): MetadataInit {
  return fields.filter(([name]) => !RESERVED.has(name) && !name.startsWith(":") && name !== "content-type");
}

/** An integer with a seven-bit prefix, RFC 7541 section 5.1. */
function writeLength(target: Uint8Array, offset: number, length: number): number {
  let position = offset;
  if (length < 0x7f) {
    target[position++] = length;
    return position;
  }
  target[position++] = 0x7f;
  let rest = length - 0x7f;
  while (rest > 0x7f) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}

/** `grpc-message`: UTF-8, with what is not printable ASCII, and the percent sign, as upper-case percent codes. */
export function percentEncode(message: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
