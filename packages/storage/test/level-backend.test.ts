import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { type LevelBackend, MemoryBackend, StorageError } from "@quorate/storage";
import {
  BUCKETS,
  barrierAt,
  bytes,
  copyDirectory,
  dump,
  openLevel,
  scanAll,
  scratch,
  writeBarrier,
} from "./support/level-fixture.ts";

/** Random writes on both; returns the last main revision. */
function write(prng: SeededPrng, from: number, count: number, backend: LevelBackend, model: MemoryBackend): number {
  let main = from;
  for (let i = 0; i < count; i++) {
    main++;
    const changes = 1 + (prng.below(5) === 0 ? prng.below(4) : 0);
    for (let sub = 0; sub < changes; sub++) {
      const value = new Uint8Array(prng.below(20) === 0 ? 3000 : prng.below(200)).fill(main + sub);
      const isTombstone = prng.below(6) === 0;
      for (const each of [backend, model]) each.putRevision(main, sub, isTombstone, value);
    }
    if (prng.below(4) === 0) {
      const bucket = BUCKETS[prng.below(BUCKETS.length)] ?? "meta";
      const key = bytes(`k${prng.below(8)}`);
      const isDelete = prng.below(3) === 0;
      for (const each of [backend, model]) {
        if (isDelete) each.delete(bucket, key);
        else each.put(bucket, key, bytes(`at ${main}`));
      }
    }
    if (prng.below(4) === 0) {
      const old = 1 + prng.below(main);
      for (const each of [backend, model]) {
        for (const isTombstone of [false, true]) each.deleteRevision(old, 0, isTombstone);
      }
    }
    if (prng.below(3) === 0) backend.commit();
  }
  backend.commit();
  return main;
}

describe("LevelBackend", () => {
  it("holds after a crash exactly what its newest barrier says, whenever that is", async () => {
    using directory = scratch();
    const image = join(directory.path, "image");
    const backend = await openLevel(join(directory.path, "db"), {
      cacheBytes: 64 * 1024,
      writeBufferBytes: 128 * 1024,
    });
    const model = new MemoryBackend();
    const prng = new SeededPrng(7);
    const expected = new Map<number, string>([[0, ""]]);
    let main = 0;
    let found = 0;
    for (let round = 1; round <= 25; round++) {
      main = write(prng, main, 30, backend, model);
      const info = barrierAt(round, main);
      expected.set(round, await dump(model));
      const barrier = writeBarrier(backend, info);
      main = write(prng, main, 30, backend, model);
      if (round % 3 === 0) await barrier;
      if (copyDirectory(join(directory.path, "db"), image)) {
        const reopened = await openLevel(image);
        const index = reopened.newestBarrier?.index ?? 0;
        expect({ index, dump: await dump(reopened) }).toEqual({ index, dump: expected.get(index) });
        expect(index).toBeGreaterThanOrEqual(round % 3 === 0 ? round : round - 1);
        found++;
        await reopened.close();
      }
      await barrier;
      expect(await dump(backend)).toBe(await dump(model));
    }
    await backend.close();
    expect(found).toBeGreaterThan(10);
  });

  it("has what a barrier covers in synced tables, not in the engine's log", async () => {
    using directory = scratch();
    const backend = await openLevel(directory.path, { writeBufferBytes: 128 * 1024 });
    for (let main = 1; main <= 3000; main++) {
      backend.putRevision(main, 0, false, new Uint8Array(500).fill(main));
      backend.commit();
    }
    await writeBarrier(backend, barrierAt(1, 3000));
    const logs = readdirSync(directory.path).filter((name) => name.endsWith(".log"));
    const logBytes = logs.reduce((sum, name) => sum + statSync(join(directory.path, name)).size, 0);
    expect(logBytes).toBeLessThan(4096);
    await backend.close();
  });

  it("survives a page of the engine's log that the disk has lost", async () => {
    using directory = scratch();
    const [db, image] = [join(directory.path, "db"), join(directory.path, "image")];
    const backend = await openLevel(db);
    for (let main = 1; main <= 50; main++) backend.putRevision(main, 0, false, bytes(`value ${main}`));
    backend.put("meta", bytes("a"), bytes("1"));
    await writeBarrier(backend, barrierAt(50, 50));
    const expected = await dump(backend);
    for (let main = 51; main <= 500; main++) {
      backend.putRevision(main, 0, false, new Uint8Array(300).fill(main));
      backend.put("meta", bytes("a"), bytes(`${main}`));
      backend.deleteRevision(main - 50, 0, false);
      backend.commit();
      if (main % 50 === 0) await backend.settle();
    }
    expect(copyDirectory(db, image)).toBe(true);
    await backend.close();
    const log = readdirSync(image).filter((name) => name.endsWith(".log"))[0] as string;
    const content = readFileSync(join(image, log));
    for (let page = 4096; page + 4096 < content.length; page += 4096 * 7) {
      const damaged = Buffer.from(content).fill(0, page, page + 4096);
      const again = join(directory.path, "again");
      copyDirectory(image, again);
      writeFileSync(join(again, log), damaged);
      const reopened = await openLevel(again);
      expect(await dump(reopened)).toBe(expected);
      await reopened.close();
    }
  });

  it("never serves a record that has changed on disk", async () => {
    using directory = scratch();
    const [db, image] = [join(directory.path, "db"), join(directory.path, "image")];
    const backend = await openLevel(db);
    for (let main = 1; main <= 400; main++) backend.putRevision(main, 0, false, new Uint8Array(100).fill(main));
    for (let i = 0; i < 20; i++) backend.put("lease", bytes(`lease ${i}`), bytes(`ttl ${i}`));
    await writeBarrier(backend, barrierAt(1, 400));
    const expected = await dump(backend);
    await backend.close();
    const tables = readdirSync(db).filter((name) => name.endsWith(".ldb"));
    const prng = new SeededPrng(11);
    let refused = 0;
    for (let round = 0; round < 60; round++) {
      copyDirectory(db, image);
      const path = join(image, tables[prng.below(tables.length)] as string);
      const content = readFileSync(path);
      const at = prng.below(content.length);
      content[at] = (content[at] as number) ^ (1 << prng.below(8));
      writeFileSync(path, content);
      let found = expected;
      try {
        const reopened = await openLevel(image);
        try {
          found = await dump(reopened);
        } finally {
          await reopened.close();
        }
      } catch (error) {
        refused++;
        expect(String(error)).toMatch(/damaged|engine|Corruption|corrupt/);
      }
      expect(found).toBe(expected);
    }
    expect(refused).toBeGreaterThan(30);
  });

  it("names the damaged record and the remedy", async () => {
    using directory = scratch();
    const backend = await openLevel(directory.path, { cacheBytes: 0 });
    backend.putRevision(5, 0, false, bytes("a value to be found in the table"));
    await writeBarrier(backend, barrierAt(1, 5));
    await backend.close();
    for (const name of readdirSync(directory.path).filter((each) => each.endsWith(".ldb"))) {
      const content = readFileSync(join(directory.path, name), "latin1");
      writeFileSync(
        join(directory.path, name),
        content.replace("a value to be", "a lie is to be".slice(0, 13)),
        "latin1",
      );
    }
    await expect(openLevel(directory.path)).rejects.toThrow(/damaged table of the engine: .*\.ldb at byte \d+;/);
    const reopened = await openLevel(directory.path, { verifyTables: false });
    expect(() => reopened.getRevision(5, 0)).toThrow(
      /damaged record of revision 5\.0: .*; remove that directory to have/,
    );
    await expect(scanAll(reopened)).rejects.toThrow(/damaged record of revision 5\.0/);
    const scrubbed = await new Promise<Error | undefined>((resolve) => reopened.scrub(undefined, resolve));
    expect((scrubbed as StorageError).message).toMatch(/damaged table of the engine: .*\.ldb at byte \d+; remove that/);
    await reopened.close();
  });

  it("refuses an engine that lost its CURRENT, a file in its place, and a database of somebody else", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    await (await openLevel(db)).close();
    rmSync(join(db, "CURRENT"));
    await expect(openLevel(db)).rejects.toThrow(/CURRENT is missing: .*db; remove that directory/);
    writeFileSync(join(directory.path, "file"), "x");
    await expect(openLevel(join(directory.path, "file"))).rejects.toThrow(/a file stands where/);
    const { ClassicLevel } = await import("classic-level");
    const other = new ClassicLevel(join(directory.path, "other"));
    await other.put("some", "thing");
    await other.close();
    await expect(openLevel(join(directory.path, "other"))).rejects.toThrow(/not Quorate's/);
  });

  it("is locked while it is open", async () => {
    using directory = scratch();
    const backend = await openLevel(directory.path);
    await expect(openLevel(directory.path)).rejects.toMatchObject({ code: "locked" });
    await backend.close();
    await (await openLevel(directory.path)).close();
  });

  it("reads values that left its memory from the engine, and remembers the highest applied index", async () => {
    using directory = scratch();
    const backend = await openLevel(directory.path, { cacheBytes: 1024 });
    for (let main = 1; main <= 20; main++) {
      backend.putRevision(main, 0, false, new Uint8Array(100_000).fill(main));
      backend.put("meta", bytes("consistent_index"), Uint8Array.of(0, 0, 0, 0, 0, 0, 1, main));
      backend.commit();
      if (main % 5 === 0) await backend.settle();
    }
    for (let main = 1; main <= 20; main++) {
      expect(backend.getRevision(main, 0)?.every((byte) => byte === main)).toBe(true);
    }
    await backend.close();
    const reopened = await openLevel(directory.path);
    expect(reopened.appliedIndexAtOpen).toBe(256 + 20);
    expect(reopened.newestBarrier).toBeUndefined();
    expect(await dump(reopened)).toBe("");
    await reopened.close();
  });

  it("gives space back when asked to, and goes on meanwhile", async () => {
    using directory = scratch();
    const backend = await openLevel(directory.path, { cacheBytes: 1024 });
    for (let main = 1; main <= 2000; main++) backend.putRevision(main, 0, false, new Uint8Array(1000).fill(main));
    await writeBarrier(backend, barrierAt(1, 2000));
    for (let main = 1; main < 2000; main++) backend.deleteRevision(main, 0, false);
    expect(backend.pendingDeleteCount).toBe(1999);
    await writeBarrier(backend, barrierAt(2, 2000));
    expect(backend.pendingDeleteCount).toBe(0);
    expect(backend.sizeInUseBytes()).toBeLessThan(3000);
    const before = backend.sizeBytes();
    await new Promise<void>((resolve) => {
      backend.compactFiles(() => resolve());
      backend.putRevision(2001, 0, false, bytes("new"));
      backend.commit();
    });
    expect(before).toBeGreaterThan(1_500_000);
    expect(backend.sizeBytes()).toBeLessThan(500_000);
    expect((await scanAll(backend)).map(({ main }) => main)).toEqual([2000, 2001]);
    await backend.close();
  });
});
