/** UTF-8 without host types: Node and browsers have TextEncoder and TextDecoder, but pure packages see no host types. */
interface Encoder {
  encode(text: string): Uint8Array;
}
interface Decoder {
  decode(bytes: Uint8Array): string;
}
interface Host {
  TextEncoder: new () => Encoder;
  TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder;
}

const host = globalThis as unknown as Host;
const encoder = new host.TextEncoder();
const lenient = new host.TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const strict = new host.TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The UTF-8 bytes of `text`, in a fresh array. */
export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 `bytes`; what is not UTF-8 becomes U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** The text of UTF-8 `bytes`, or undefined where they are not valid UTF-8. */
export function utf8TextStrict(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
