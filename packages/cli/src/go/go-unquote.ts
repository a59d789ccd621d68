import type { ByteText } from "./byte-text.ts";
import { byteText } from "./byte-text.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const CODE_MAX = 0x10ffff;
const encoder = new TextEncoder();

/** A quoted text at the beginning of another, as Go's `%q` scans it. */
export interface Quoted {
  readonly value: ByteText;
  /** How many characters it takes, quotes included. */
  readonly length: number;
}

/**
 * Reads the text in double quotes or back quotes that `text` begins with; undefined where it does not begin with a right one. As in Go,
 * `\xff` and `\377` are one byte, which need not be UTF-8, and `\u00ff` is a code point.
 */
export function goUnquote(text: ByteText): Quoted | undefined {
  if (text.startsWith("`")) {
    const end = text.indexOf("`", 1);
    return end < 0 ? undefined : { value: text.slice(1, end), length: end + 1 };
  }
  if (!text.startsWith('"')) return undefined;
  let value = "";
  for (let at = 1; at < text.length; ) {
    const character = text.charAt(at);
    if (character === '"') return { value, length: at + 1 };
    if (character === "\n") return undefined;
    if (character !== "\\") {
      value += character;
      at += 1;
      continue;
    }
    const escape = readEscape(text.slice(at + 1));
    if (escape === undefined) return undefined;
    value += escape.value;
    at += 1 + escape.length;
  }
  return undefined;
}

function readEscape(text: ByteText): Quoted | undefined {
  const simple = SIMPLE[text.charAt(0)];
  if (simple !== undefined) return { value: simple, length: 1 };
  const wide = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/.exec(text);
  if (wide === null) return undefined;
  const [matched, x, u, long, octal] = wide;
  const length = matched.length;
  if (x !== undefined) return { value: String.fromCharCode(Number.parseInt(x, 16)), length };
  if (octal !== undefined) return { value: String.fromCharCode(Number.parseInt(octal, 8)), length };
  const code = Number.parseInt(u ?? long ?? "0", 16);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  if (code > CODE_MAX || isSurrogate) return undefined;
  return { value: byteText(encoder.encode(String.fromCodePoint(code))), length };
}
