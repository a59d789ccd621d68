import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { crc32c, latin1FromBytes, SeededPrng } from "@quorate/base";
import type { RevisionRecord } from "@quorate/mvcc";
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

  it("is read list by list beside writes, and after the engine was closed", async () => {
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
    let count = 0;
    for await (const records of view.revisions()) count += records.length;
    expect(count).toBe(5000);
    await view.close();
  });

  it("names a table whose bytes have changed, and holds no file open once it is closed", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    const backend = await openLevel(db);
    for (let main = 1; main <= 5000; main++) backend.putRevision(main, 0, false, new Uint8Array(50).fill(main));
    backend.commit();
    await backend.settle();
    const before = openDescriptors();
    const view = backend.freeze();
    const { tables } = (await view.opened()).state;
    expect(openDescriptors()).toBeGreaterThanOrEqual(before + tables.length);
    const table = tables.at(-1)?.path ?? "";
    const content = readFileSync(table);
    content[2000] = (content[2000] as number) ^ 1;
    writeFileSync(table, content);
    await expect(drain(view)).rejects.toThrow(/damaged table of the engine: .*\.ldb at byte \d+; remove that/);
    await view.close();
    await expect(view.revisions().next()).rejects.toThrow(/while it is open/);
    expect(openDescriptors()).toBeLessThan(before + tables.length);
    await backend.close();
  });

  it("has the newest of what lies in several tables under one key, and nothing of what was put or deleted later", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    const first = await openLevel(db);
    for (let main = 1; main <= 50; main++) first.putRevision(main, 0, false, bytes("old"));
    first.commit();
    await writeBarrier(first, barrierAt(20, 20));
    await first.close();
    // What the barrier does not cover is removed at the start, and comes again with other content.
    const backend = await openLevel(db);
    for (let main = 21; main <= 30; main++) backend.putRevision(main, 0, false, bytes("new"));
    backend.commit();
    const view = backend.freeze();
    backend.putRevision(31, 0, false, bytes("later"));
    backend.deleteRevision(5, 0, false);
    backend.deleteRevision(25, 0, false);
    await writeBarrier(backend, barrierAt(31, 31));
    const found = await drain(view);
    expect(found.map(({ main }) => main)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(found.map(({ value }) => latin1FromBytes(value))).toEqual([
      ...Array.from({ length: 20 }, () => "old"),
      ...Array.from({ length: 10 }, () => "new"),
    ]);
    await view.close();
    await backend.close();
  });
});

async function drain(view: FrozenBackend): Promise<RevisionRecord[]> {
  const found: RevisionRecord[] = [];
  for await (const records of view.revisions()) found.push(...records);
  return found;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
