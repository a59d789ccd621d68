/** Text in quotes as Go's `%q` prints it, of text or of bytes that need not be UTF-8. */

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};
const encoder = new TextEncoder();

export function goQuote(value: string | Uint8Array): string {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  let out = '"';
  for (const { code, length, at } of runes(bytes)) {
    out += code < 0 ? byteEscape(bytes, at, length) : runeText(code);
  }
  return `${out}"`;
}

/**
 * The code points of `bytes`; `code` is -1 where a byte begins none, as Go's decoder sees it: one byte at a time, no
 * surrogates, no overlong forms.
 */
export function* runes(
  bytes: Uint8Array,
): Generator<{ readonly code: number; readonly at: number; readonly length: number }> {
  for (let at = 0; at < bytes.length; ) {
    const rune = decodeRune(bytes, at);
    yield { code: rune.code, at, length: rune.length };
    at += rune.length;
  }
}

const INVALID = { code: -1, length: 1 } as const;

function decodeRune(bytes: Uint8Array, at: number): { readonly code: number; readonly length: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { code: first, length: 1 };
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return INVALID;
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return INVALID;
    code = (code << 6) | (next & 0x3f);
  }
  const smallest = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80;
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code < smallest || code > 0x10ffff || isSurrogate ? INVALID : { code, length };
}

function runeText(code: number): string {
  const escape = ESCAPES[code];
  if (escape !== undefined) return escape;
  const text = String.fromCodePoint(code);
  if (PRINTABLE.test(text)) return text;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function byteEscape(bytes: Uint8Array, at: number, length: number): string {
  let out = "";
  for (let i = at; i < at + length; i++) out += `\\x${hex(bytes[i] ?? 0, 2)}`;
  return out;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
