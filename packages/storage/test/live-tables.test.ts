import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { FileSystem } from "@quorate/base";
import { NODE_FILE_SYSTEM } from "@quorate/storage";
import { liveTables, type Manifest, ManifestReader, newestLogNumber } from "../src/level/live-tables.ts";
import { openLevel, scratch } from "./support/level-fixture.ts";

/** An engine whose manifest has many edits, some longer than a block. */
async function engine(directory: string): Promise<void> {
  const backend = await openLevel(directory, { writeBufferBytes: 64 * 1024 });
  for (let main = 1; main <= 3000; main++) {
    backend.putRevision(main, 0, false, new Uint8Array(400).fill(main));
    if (main % 100 === 0) {
      backend.commit();
      await backend.settle();
    }
  }
  await backend.close();
  // A table that was being written when it closed has no name in the manifest: the next one to open removes it.
  await (await openLevel(directory)).close();
}

function readManifest(fs: FileSystem, directory: string): Manifest | undefined {
  return new ManifestReader(fs, directory).read();
}

function manifestOf(directory: string): string {
  return join(directory, readFileSync(join(directory, "CURRENT"), "latin1").trim());
}

describe("the engine's manifest", () => {
  it("names the tables that are there, and the log behind them", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    await engine(db);
    const manifest = readManifest(NODE_FILE_SYSTEM, db);
    const names = readdirSync(db).filter((name) => name.endsWith(".ldb"));
    expect(manifest?.tables.map(({ path }) => path)).toEqual(names.map((name) => join(db, name)));
    expect(names.length).toBeGreaterThan(3);
    expect(manifest?.logNumber).toBe(newestLogNumber(NODE_FILE_SYSTEM, db));
    for (const { smallest } of manifest?.tables ?? []) expect(smallest.length).toBeGreaterThan(6);
  });

  it("cut off anywhere tells a state that was once; changed anywhere it tells nothing", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    await engine(db);
    const path = manifestOf(db);
    const whole = readFileSync(path);
    let counts: number[] = [];
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      counts = [...counts, readManifest(NODE_FILE_SYSTEM, db)?.tables.length ?? -1];
    }
    expect(counts).not.toContain(-1);
    expect(counts.at(-1)).toBeGreaterThan(3);
    for (let at = 0; at < whole.length; at += 3) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] as number) ^ 4;
      writeFileSync(path, changed);
      const tables = readManifest(NODE_FILE_SYSTEM, db)?.tables;
      // A length that reaches beyond the end looks like a write that was cut off: what came before it counts then.
      if (tables !== undefined) expect(at % 32768 < 6 || isLength(whole, at)).toBe(true);
    }
  });

  it("is read once, and from then on only what was added to it", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    await engine(db);
    const path = manifestOf(db);
    const whole = readFileSync(path);
    let readBytes = 0;
    const counting = Object.create(NODE_FILE_SYSTEM) as FileSystem;
    counting.open = (...args) => {
      const file = NODE_FILE_SYSTEM.open(...args);
      const read = file.read.bind(file);
      file.read = (...parts) => {
        const count = read(...parts);
        readBytes += count;
        return count;
      };
      return file;
    };
    writeFileSync(path, whole.subarray(0, 0));
    const reader = new ManifestReader(counting, db);
    expect(reader.read()).toEqual({ tables: [], logNumber: 0 });
    // Written in steps that end anywhere: within headers, fragments and blocks.
    for (let length = 0; length < whole.length; length += 37) {
      writeFileSync(path, whole.subarray(0, length));
      expect([length, reader.read()]).toEqual([length, readManifest(NODE_FILE_SYSTEM, db)]);
    }
    writeFileSync(path, whole);
    expect(reader.read()).toEqual(readManifest(NODE_FILE_SYSTEM, db));
    readBytes = 0;
    for (let i = 0; i < 10; i++) reader.read();
    expect(readBytes).toBe(0);
  });

  it("that the system does not give is an error of the system, where that matters", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    await engine(db);
    const failing = Object.create(NODE_FILE_SYSTEM) as FileSystem;
    failing.open = () => {
      throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    };
    expect(() => readManifest(failing, db)).toThrow("too many open files");
    expect(liveTables(new ManifestReader(failing, db))).toBeUndefined();
  });
});

/** Whether a byte of a log file belongs to the length of a record. */
function isLength(bytes: Uint8Array, at: number): boolean {
  for (let position = 0; position + 7 <= bytes.length; ) {
    const length = (bytes[position + 4] as number) + (bytes[position + 5] as number) * 256;
    if (at === position + 4 || at === position + 5) return true;
    position += 7 + length;
  }
  return false;
}

describe("a state that is frozen", () => {
  it("is refused where the engine cannot write what it holds, though the engine does not say so", async () => {
    using directory = scratch();
    const db = join(directory.path, "db");
    const backend = await openLevel(db);
    for (let main = 1; main <= 100; main++) backend.putRevision(main, 0, false, new Uint8Array(50).fill(main));
    backend.commit();
    await backend.settle();
    // A directory where the next log, or the table, should be: as with a full disk, or no file descriptors left.
    const next = newestLogNumber(NODE_FILE_SYSTEM, db) + 1;
    const blocked = Array.from({ length: 8 }, (_, i) => join(db, `${String(next + i).padStart(6, "0")}.log`));
    for (const path of blocked) mkdirSync(path);
    const refused = backend.freeze();
    await expect(refused.opened()).rejects.toMatchObject({
      code: "ioFailed",
      message: expect.stringContaining("cannot write what it holds in memory"),
    });
    await refused.close();
    for (const path of blocked) rmSync(path, { recursive: true });
    const view = backend.freeze();
    let count = 0;
    for await (const records of view.revisions()) count += records.length;
    expect(count).toBe(100);
    await view.close();
    await backend.close();
  });
});
