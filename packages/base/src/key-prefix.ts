/** One zero byte: as the end of a range it stands for "no end". Source: reference of the API, section 2.4. */
const NO_END = Uint8Array.of(0);

/**
 * The end of the range of all keys that begin with `prefix`, given to the caller: its last byte that is not 255 made one larger, what is
 * behind that left out. One zero byte, which ends no range, where there is no such byte.
 */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] as number;
    if (byte === 0xff) continue;
    const end = new Uint8Array(prefix.subarray(0, i + 1));
    end[i] = byte + 1;
    return end;
  }
  return NO_END.slice();
}
