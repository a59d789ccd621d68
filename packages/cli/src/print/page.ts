import type { Output } from "../frame/output.ts";

const FLUSH_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/** Collects what a command prints and hands it on in large pieces: a get of a million keys must not be a million writes. */
export class Page {
  readonly #output: Output;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  line(text: string): void {
    this.text(`${text}\n`);
  }

  /** Bytes as they are; shared until `end`. */
  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size >= FLUSH_BYTES) this.end();
  }

  /** Hands on what is left. */
  end(): void {
    if (this.#size > 0) this.#output.write(Buffer.concat(this.#parts, this.#size));
    this.#parts = [];
    this.#size = 0;
  }
}
