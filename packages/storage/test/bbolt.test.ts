import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { BboltReader, NODE_FILE_SYSTEM, StorageError, writeBboltFile } from "@quorate/storage";
import { type Content, randomRecords, readContent, shown, writeContent } from "./support/bbolt-fixture.ts";
import { bytes, scratch } from "./support/level-fixture.ts";

jest.setTimeout(60_000);

const PAGE = 4096;

function randomContent(prng: SeededPrng): Content {
  const content = new Map<string, ReturnType<typeof randomRecords>>();
  for (let i = 0; i < 1 + prng.below(4); i++) {
    const size = prng.below(3) === 0 ? prng.below(3) : prng.below(900);
    content.set(`bucket${i}`, randomRecords(prng, size, prng.below(4) === 0 ? 1800 : 24, 1 + prng.below(600)));
  }
  return content;
}

function smallRecords(prng: SeededPrng, count: number, keyBytes: number): ReturnType<typeof randomRecords> {
  return randomRecords(prng, count, keyBytes, 2).map(({ key, value }) => ({ key, value: value.subarray(0, 60) }));
}

/** What each branch page of a file has as children, by reading the pages as they lie. */
function childCounts(file: Uint8Array): number[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const counts: number[] = [];
  for (let page = 0; page < file.length / PAGE; page += view.getUint32(page * PAGE + 12, true) + 1) {
    if (view.getUint16(page * PAGE + 8, true) === 1) counts.push(view.getUint16(page * PAGE + 10, true));
  }
  return counts;
}

describe("a bbolt file", () => {
  it("gives back what was written, whatever that is", async () => {
    using directory = scratch();
    for (let seed = 1; seed <= 20; seed++) {
      const content = randomContent(new SeededPrng(seed));
      const path = join(directory.path, "db");
      const size = await writeContent(path, content);
      expect([seed, statSync(path).size, size % PAGE]).toEqual([seed, size, 0]);
      const read = readContent(path);
      if (read !== shown(content)) throw new Error(`seed ${seed}: not what was written`);
    }
  });

  it("has at least two children in every branch, however many records there are", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    let branches = 0;
    const prng = new SeededPrng(3);
    // Long keys make the heights grow fast; the counts go through every remainder.
    for (let count = 1; count <= 60; count++) {
      const content = new Map([["a", randomRecords(prng, count, 1700, 900)]]);
      await writeContent(path, content);
      expect(readContent(path)).toBe(shown(content));
      const counts = childCounts(readFileSync(path));
      branches += counts.length;
      expect(Math.min(2, ...counts)).toBe(2);
    }
    expect(branches).toBeGreaterThan(100);
  });

  it("can be empty, and can have empty buckets", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    for (const content of [new Map(), new Map([["a", []]])]) {
      await writeContent(path, content);
      expect(readContent(path)).toBe(shown(content));
    }
    const reader = BboltReader.open(NODE_FILE_SYSTEM, path);
    expect([reader.bucket("a")?.name, reader.bucket("b"), reader.sizeBytes]).toEqual(["a", undefined, 4 * PAGE]);
    reader.close();
  });

  it("is read with the older meta where the newer one is broken, and with what follows it", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    const content = new Map([["a", [{ key: bytes("k"), value: bytes("v") }]]]);
    await writeContent(path, content);
    const file = readFileSync(path);
    for (const at of [16, 20, 24, 40, 79]) {
      const damaged = Buffer.concat([file, Buffer.alloc(32, 7)]);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      expect(readContent(path)).toBe(shown(content));
      damaged[PAGE + at] = (damaged[PAGE + at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      expect(() => readContent(path)).toThrow(
        /(no valid meta page|not a bbolt file): .*db at byte 0; use another copy/,
      );
    }
  });

  it("that is none, is cut off or is not there is refused, naming it", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    expect(() => readContent(path)).toThrow(/cannot open a bbolt file: .*ENOENT/);
    for (const other of ["", "text", "x".repeat(100_000)]) {
      writeFileSync(path, other);
      expect(() => readContent(path)).toThrow(/not a bbolt file: .*db at byte 0/);
    }
    await writeContent(path, new Map([["a", randomRecords(new SeededPrng(1), 500, 20, 200)]]));
    const { size } = statSync(path);
    for (const cut of [size - 1, size - PAGE, 2 * PAGE, 5000]) {
      truncateSync(path, cut);
      expect(() => readContent(path)).toThrow(/damaged bbolt file: it ends too early: .*db at byte \d+/);
    }
  });

  it("with a bit flipped anywhere never does worse than say so, or give other bytes", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    const prng = new SeededPrng(11);
    const content = new Map([
      ["a", smallRecords(prng, 150, 12)],
      ["b", smallRecords(prng, 12, 900)],
    ]);
    await writeContent(path, content);
    const file = readFileSync(path);
    const pages = file.length / PAGE;
    const errors = new Set<string>();
    let survived = 0;
    for (let i = 0; i < 2000; i++) {
      // Two of three hit what describes a page, where it hurts.
      const at = prng.below(3) === 0 ? prng.below(file.length) : prng.below(pages) * PAGE + prng.below(120);
      const bit = 1 << prng.below(8);
      file[at] = (file[at] ?? 0) ^ bit;
      writeFileSync(path, file);
      try {
        readContent(path);
        survived++;
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError);
        const { code, file: named, message } = error as StorageError;
        expect([named, ["damaged", "foreign"].includes(code)]).toEqual([path, true]);
        errors.add(message.slice(0, message.indexOf(path)));
      }
      file[at] = (file[at] ?? 0) ^ bit;
    }
    // Changed keys and values go unnoticed, as they do in bbolt.
    expect(survived).toBeLessThan(1600);
    expect(errors.size).toBeGreaterThan(8);
  });

  it("does not hold up other work while it is written", async () => {
    using directory = scratch();
    const records = randomRecords(new SeededPrng(5), 20_000, 20, 100);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await writeContent(join(directory.path, "db"), new Map([["a", records]]));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("that does not come out as it was planned is not written", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    const records = (isForPlan: boolean) => [[{ key: bytes("k"), value: new Uint8Array(isForPlan ? 5000 : 50) }]];
    await expect(writeBboltFile(NODE_FILE_SYSTEM, path, [{ name: "a", records }])).rejects.toThrow(/planned/);
    expect(NODE_FILE_SYSTEM.stat(path)).toBeUndefined();
  });

  it("is not left half written where its source fails", async () => {
    using directory = scratch();
    const path = join(directory.path, "db");
    function* failing(isForPlan: boolean): Generator<{ key: Uint8Array; value: Uint8Array }[]> {
      yield [{ key: bytes("k"), value: bytes("v") }];
      if (!isForPlan) throw new Error("no more");
    }
    await expect(writeBboltFile(NODE_FILE_SYSTEM, path, [{ name: "a", records: failing }])).rejects.toThrow("no more");
    expect(NODE_FILE_SYSTEM.stat(path)).toBeUndefined();
    const below = join(path, "below");
    writeFileSync(path, "");
    await expect(writeBboltFile(NODE_FILE_SYSTEM, below, [])).rejects.toThrow(
      /cannot write a snapshot: .*below .*ENOTDIR/,
    );
  });
});
