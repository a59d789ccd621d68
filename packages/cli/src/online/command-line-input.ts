import type { Readable } from "node:stream";
import { type ByteText, byteText } from "../go/byte-text.ts";

/** All of standard input. */
export async function readAll(input: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/**
 * Standard input line by line, byte for byte; `undefined` at its end, when a last line without a newline is dropped, as Go's reader
 * has it.
 */
export class LineReader {
  readonly #chunks: AsyncIterator<unknown>;
  #rest: ByteText = "";

  constructor(input: Readable) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** The next line without its newline. */
  async next(): Promise<ByteText | undefined> {
    for (;;) {
      const at = this.#rest.indexOf("\n");
      if (at >= 0) {
        const line = this.#rest.slice(0, at);
        this.#rest = this.#rest.slice(at + 1);
        return line;
      }
      const chunk = await this.#chunks.next();
      if (chunk.done === true) return undefined;
      this.#rest += byteText(chunk.value as Uint8Array);
    }
  }
}

/** Go's `\s` is white space of ASCII alone; that of JavaScript has the byte 0xa0, a part of many characters, too. */
const WORDS = /"(?:[^"\\]|\\.)*"|'[^']*'|[^'"\t\n\f\r ][^\t\n\f\r ]*[^'"\t\n\f\r ]?/g;

/**
 * Splits a line into arguments as etcdctl does in transactions and interactive watches: words, '…' as it stands, "…" with Go's
 * escapes. Throws CommandError for a wrong escape.
 */
export function splitArguments(line: ByteText, unquote: (text: ByteText) => ByteText): readonly ByteText[] {
  return (line.match(WORDS) ?? []).map((word) => {
    if (word.startsWith("'")) return word.slice(1, -1);
    return word.startsWith('"') ? unquote(word) : word;
  });
}
