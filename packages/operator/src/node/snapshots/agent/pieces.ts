/** The stream in pieces of exactly `sizeBytes`, the last one smaller; nothing for an empty stream. Each piece is the receiver's to keep. */
export async function* pieces(source: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array, void> {
  let held = new Uint8Array(sizeBytes);
  let used = 0;
  for await (const chunk of source) {
    let taken = 0;
    while (taken < chunk.length) {
      const count = Math.min(chunk.length - taken, sizeBytes - used);
      held.set(chunk.subarray(taken, taken + count), used);
      taken += count;
      used += count;
      if (used === sizeBytes) {
        yield held;
        held = new Uint8Array(sizeBytes);
        used = 0;
      }
    }
  }
  if (used > 0) yield held.subarray(0, used);
}
