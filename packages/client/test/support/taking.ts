import { withTimeout } from "@quorate/testkit";

/** The next `count` of something, or fewer if it ends, each within 10 s. The iterator is left open. */
export async function take<T>(from: AsyncIterable<T>, count: number): Promise<readonly T[]> {
  const taken: T[] = [];
  const iterator = from[Symbol.asyncIterator]();
  while (taken.length < count) {
    const what = `item ${taken.length + 1} of ${count}`;
    const { value, done } = await withTimeout(iterator.next(), { what, timeoutMs: 10_000 });
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
