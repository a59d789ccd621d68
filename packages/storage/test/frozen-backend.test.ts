import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { crc32c, latin1FromBytes, SeededPrng } from "@quorate/base";
import type { FrozenBackend, LevelBackend } from "@quorate/storage";
import { BUCKETS, barrierAt, bytes, dump, openLevel, scratch, writeBarrier } from "./support/level-fixture.ts";

/** What a frozen view holds, in the words of `dump`. */
async function frozenDump(frozen: FrozenBackend): Promise<string> {
  const lines: string[] = [];
  for await (const records of frozen.revisions()) {
    for (const { main, sub, tombstone, value } of records) {
      lines.push(`${main}.${sub}${tombstone ? "t" : ""}=${value.length}:${crc32c(0, value)}`);
    }
  }
  for (const bucket of BUCKETS) {
    for (const { key, value } of frozen.list(bucket)) {
      lines.push(`${bucket}/${latin1FromBytes(key)}=${latin1FromBytes(value)}`);
    }
  }
  return lines.join("\n");
}

/** A few random writes; returns the last revision. */
function write(prng: SeededPrng, backend: LevelBackend, from: number): number {
  let main = from;
  for (let i = 0; i < 40; i++) {
    main++;
    for (let sub = 0; sub < 1 + prng.below(3); sub++) {
      backend.putRevision(main, sub, prng.below(6) === 0, new Uint8Array(prng.below(400)).fill(main + sub));
    }
    if (prng.below(3) === 0)
      backend.put(BUCKETS[prng.below(BUCKETS.length)] ?? "meta", bytes(`k${prng.below(9)}`), bytes(`${main}`));
    if (prng.below(5) === 0) backend.delete(BUCKETS[prng.below(BUCKETS.length)] ?? "meta", bytes(`k${prng.below(9)}`));
    if (prng.below(2) === 0) {
      for (const isTombstone of [false, true]) backend.deleteRevision(1 + prng.below(main), prng.below(2), isTombstone);
    }
    if (prng.below(4) === 0) backend.commit();
  }
  backend.commit();
  return main;
}

describe("a frozen backend", () => {
  it("stays what it was at its instant, whatever is written, deleted and made durable later", async () => {
    using directory = scratch();
    const backend = await openLevel(join(directory.path, "db"), {
      cacheBytes: 64 * 1024,
      writeBufferBytes: 128 * 1024,
    });
    const prng = new SeededPrng(23);
    const frozen: { view: FrozenBackend; expected: string }[] = [];
    let revision = 0;
    let barrier: Promise<void> = Promise.resolve();
    for (let round = 1; round <= 60; round++) {
      revision = write(prng, backend, revision);
      if (prng.below(3) === 0) {
        await barrier;
        barrier = writeBarrier(backend, barrierAt(round, revision));
      }
      if (prng.below(3) !== 0) continue;
      // Not a turn in between: what the backend answers now is what is frozen now.
      const view = backend.freeze();
      frozen.push({ view, expected: await dump(backend) });
    }
    await barrier;
    await writeBarrier(backend, barrierAt(61, revision));
    expect(frozen.length).toBeGreaterThan(10);
    for (const { view, expected } of frozen) {
      expect(await frozenDump(view)).toBe(expected);
      await view.close();
      await view.close();
    }
    await backend.close();
  });

  it("is read page by page beside writes, and ends with the engine", async () => {
    using directory = scratch();
    const backend = await openLevel(join(directory.path, "db"));
    for (let main = 1; main <= 5000; main++) {
      backend.putRevision(main, 0, false, new Uint8Array(50).fill(main));
      if (main % 10 === 0) backend.commit();
    }
    const view = backend.freeze();
    const pages: number[] = [];
    for await (const records of view.revisions()) {
      pages.push(records.length);
      backend.putRevision(5000 + pages.length, 0, false, bytes("later"));
      backend.commit();
    }
    expect(pages.reduce((sum, count) => sum + count, 0)).toBe(5000);
    expect(Math.max(...pages)).toBe(1000);
    await backend.close();
    await expect(view.revisions().next()).rejects.toThrow();
  });
});
