import { KeyValuePeek } from "@quorate/protocol";

/** Tells values of bucket `key` from what a file without checksums may hold in their place. */
export class KeyValueCheck {
  readonly #peek = new KeyValuePeek();

  /** Whether a value is an encoded KeyValue with a key, or empty, as that of a revision that was bumped is. */
  holds(value: Uint8Array): boolean {
    try {
      this.#peek.read(value);
    } catch {
      return false;
    }
    return value.length === 0 || this.#peek.keyEnd > this.#peek.keyStart;
  }
}
