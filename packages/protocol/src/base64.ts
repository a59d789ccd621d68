const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: ReadonlyMap<string, number> = new Map([
  ...ALPHABET.split("").map((char, i) => [char, i] as const),
  ["-", 62],
  ["_", 63],
]);

/** Standard base64 with padding. */
export function base64FromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += `${ALPHABET[word >> 18]}${ALPHABET[(word >> 12) & 63]}`;
    text += left > 1 ? ALPHABET[(word >> 6) & 63] : "=";
    text += left > 2 ? ALPHABET[word & 63] : "=";
  }
  return text;
}

/** Bytes of standard or URL-safe base64, padded or not; undefined where it is neither. */
export function bytesFromBase64(text: string): Uint8Array | undefined {
  const unpadded = text.replace(/={1,2}$/, "");
  if (unpadded.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((unpadded.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let position = 0;
  for (const char of unpadded) {
    const value = VALUES.get(char);
    if (value === undefined) return undefined;
    word = ((word << 6) | value) & 0xff_ffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[position++] = (word >> bits) & 0xff;
    }
  }
  return bytes;
}
