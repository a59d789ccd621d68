const TWO_32 = 0x1_0000_0000;

/** Eight bytes of a safe integer, most significant first, as etcd keeps indexes and revisions in its buckets. */
export function bigEndianNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / TWO_32));
  view.setUint32(4, value % TWO_32);
  return bytes;
}

/** Reads {@link bigEndianNumber}. */
export function readBigEndianNumber(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0) * TWO_32 + view.getUint32(4);
}
