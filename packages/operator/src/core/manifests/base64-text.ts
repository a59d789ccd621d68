import { utf8Bytes, utf8Text } from "@quorate/base";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Text as the values of Secrets hold it. Source: RFC 4648, section 4. */
export function base64FromText(text: string): string {
  const bytes = utf8Bytes(text);
  let encoded = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j < 4; j++) encoded += i + j > bytes.length ? "=" : ALPHABET[(word >> (18 - 6 * j)) & 63];
  }
  return encoded;
}

/** Undefined if it is no base64. */
export function textFromBase64(encoded: string): string | undefined {
  const digits = encoded.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [word, count, at] = [0, 0, 0];
  for (const character of digits) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return undefined;
    word = ((word << 6) | digit) & 0xffffff;
    if (++count % 4 === 0) {
      bytes[at++] = word >> 16;
      bytes[at++] = (word >> 8) & 255;
      bytes[at++] = word & 255;
    }
  }
  if (count % 4 === 3) {
    bytes[at++] = (word >> 10) & 255;
    bytes[at++] = (word >> 2) & 255;
  } else if (count % 4 === 2) bytes[at++] = (word >> 4) & 255;
  return utf8Text(bytes.subarray(0, at));
}
