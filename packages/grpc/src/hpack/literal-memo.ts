import type { HeaderField } from "./field.ts";

/** Longest literal remembered, in coded bytes: paths and the like, not tokens. */
const LITERAL_BYTES_MAX = 128;
const SLOTS = 64;

/**
 * Fields that came as literals without indexing, by their coded bytes. Some encoders never index `:path` and a few others
 * (nghttp2, so Node's own clients too) and send the same literal with every request; here it costs a comparison instead of
 * decoding, and gives the same object each time. One entry a slot, the newest wins: bounded without bookkeeping.
 */
export class LiteralMemo {
  readonly #codes: (Uint8Array | undefined)[] = Array.from({ length: SLOTS });
  readonly #fields: (HeaderField | undefined)[] = Array.from({ length: SLOTS });

  /** The field remembered for `source[start, end)`. */
  find(source: Uint8Array, start: number, end: number): HeaderField | undefined {
    if (end - start > LITERAL_BYTES_MAX) return undefined;
    const slot = slotOf(source, start, end);
    const code = this.#codes[slot];
    if (code === undefined || code.length !== end - start) return undefined;
    for (let i = 0; i < code.length; i++) if (code[i] !== source[start + i]) return undefined;
    return this.#fields[slot];
  }

  /** Remembers `field` for `source[start, end)`, whose meaning must depend on nothing but these bytes. */
  remember(source: Uint8Array, start: number, end: number, field: HeaderField): void {
    if (end - start > LITERAL_BYTES_MAX) return;
    const slot = slotOf(source, start, end);
    this.#codes[slot] = Uint8Array.prototype.slice.call(source, start, end);
    this.#fields[slot] = field;
  }
}

function slotOf(source: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (source[i] as number)) | 0;
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
