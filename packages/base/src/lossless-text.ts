import { utf8Bytes, utf8Text, utf8TextStrict } from "./utf8.ts";

/** A byte that is no part of UTF-8 stands as the low surrogate of this and itself, which no UTF-8 decodes to. */
const ESCAPE = 0xdc00;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The text of `bytes`, in which every byte that is not UTF-8 is a lone surrogate of its own (as Python's `surrogateescape` has it), so
 * that different bytes are different texts. PERF: O(bytes).
 */
export function losslessText(bytes: Uint8Array): string {
  const text = utf8TextStrict(bytes);
  if (text !== undefined) return text;
  const parts: string[] = [];
  let from = 0;
  let position = 0;
  while (position < bytes.length) {
    const length = characterLength(bytes, position);
    if (length === 0) {
      parts.push(utf8Text(bytes.subarray(from, position)), String.fromCharCode(ESCAPE + (bytes[position] as number)));
      from = position + 1;
    }
    position += Math.max(length, 1);
  }
  parts.push(utf8Text(bytes.subarray(from)));
  return parts.join("");
}

/** The bytes of which {@link losslessText} made `text`; those of any other text are its UTF-8. In a fresh array. */
export function losslessBytes(text: string): Uint8Array {
  const bytes = utf8Bytes(text);
  if (!LONE_SURROGATE.test(text)) return bytes;
  let to = 0;
  let from = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    // The encoder writes U+FFFD, as long as any character of this size, for a lone surrogate.
    const length = encodedLength(code);
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) bytes[to++] = code - ESCAPE;
    else for (let i = 0; i < length; i++) bytes[to++] = bytes[from + i] as number;
    from += length;
  }
  return bytes.slice(0, to);
}

function encodedLength(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x1_0000 ? 3 : 4;
}

/** Bytes of the character that begins at `position`; 0 where none does. No overlong forms, no surrogates, nothing above U+10FFFF. */
function characterLength(bytes: Uint8Array, position: number): number {
  const first = bytes[position] as number;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[position + 1] ?? 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 2; i < length; i++) if (((bytes[position + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
