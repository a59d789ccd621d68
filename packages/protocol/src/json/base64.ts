import { latin1FromBytes } from "@quorate/base";

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NOT_A_DIGIT = 255;
const PADDING = 0x3d;

const DIGITS = Uint8Array.from(STANDARD, (char) => char.charCodeAt(0));
const STANDARD_VALUES = valuesOf(STANDARD);
const URL_VALUES = valuesOf(`${STANDARD.slice(0, 62)}-_`);

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(256).fill(NOT_A_DIGIT);
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;
  return values;
}

/** Standard base64 with padding. */
export function base64FromBytes(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  let position = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text[position] = DIGITS[word >> 18] as number;
    text[position + 1] = DIGITS[(word >> 12) & 63] as number;
    if (left > 1) text[position + 2] = DIGITS[(word >> 6) & 63] as number;
    if (left > 2) text[position + 3] = DIGITS[word & 63] as number;
    position += 4;
  }
  return latin1FromBytes(text);
}

/**
 * Bytes of standard or URL-safe base64, padded or not; undefined where it is neither, also where the alphabets are mixed.
 * Line breaks are passed over, as etcd's gateway does.
 */
export function bytesFromBase64(given: string): Uint8Array | undefined {
  const text = /[\r\n]/.test(given) ? given.replace(/[\r\n]/g, "") : given;
  const values = /[-_]/.test(text) ? URL_VALUES : STANDARD_VALUES;
  let length = text.length;
  if (length % 4 === 0) for (let i = 0; i < 2 && text.charCodeAt(length - 1) === PADDING; i++) length--;
  if (length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let word = 0;
  let bits = 0;
  let position = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 256 ? (values[code] as number) : NOT_A_DIGIT;
    if (value === NOT_A_DIGIT) return undefined;
    word = ((word << 6) | value) & 0xff_ffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[position++] = (word >> bits) & 0xff;
    }
  }
  return bytes;
}
