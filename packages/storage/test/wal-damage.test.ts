import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import type { Entry } from "@quorate/raft";
import { StorageError, WriteAheadLog } from "@quorate/storage";
import { SimulatedDisk } from "./support/simulated-disk.ts";
import {
  appendDurably,
  entries,
  entry,
  fingerprint,
  METADATA,
  readAll,
  START,
  state,
  WAL_DIRECTORY,
  walOptions,
} from "./support/wal-fixture.ts";

const SEGMENT_BYTES = 20 * 1024;

/** A log of 60 writes in one segment; returns its file, and where its records end. */
function sample(): { disk: SimulatedDisk; path: string; end: number; written: Entry[] } {
  const disk = new SimulatedDisk();
  const { log } = WriteAheadLog.create(walOptions(disk, SEGMENT_BYTES), METADATA);
  const written: Entry[] = [];
  const prng = new SeededPrng(1);
  while (written.length < 90) {
    const from = written.length + 1;
    const batch = entries(from, from + 1 + prng.below(3), 1, prng.below(300));
    appendDurably(log, disk, batch, state(1, written.length));
    written.push(...batch);
  }
  const { end } = readAll(disk);
  return { disk, path: end.file, end: end.offset, written };
}

function withFile(disk: SimulatedDisk, path: string, bytes: Uint8Array): SimulatedDisk {
  const image = disk.copy();
  image.put(path, bytes);
  return image;
}

/** Opens, appends, and opens again; returns what was read first. */
function recovered(disk: SimulatedDisk): Entry[] {
  const { log, contents } = WriteAheadLog.open(walOptions(disk, SEGMENT_BYTES), START);
  const next = entry(contents.last.index + 1, 9);
  appendDurably(log, disk, [next]);
  const again = WriteAheadLog.open(walOptions(disk, SEGMENT_BYTES), START);
  expect(fingerprint(again.contents.entries)).toBe(fingerprint([...contents.entries, next]));
  expect(again.contents.torn).toBeUndefined();
  return contents.entries;
}

describe("a log cut off", () => {
  it("anywhere in its last 4 KiB is a prefix of what was written", () => {
    const { disk, path, end, written } = sample();
    const bytes = disk.readFile(path);
    for (let cut = end - 4096; cut <= end; cut++) {
      const image = withFile(disk, path, bytes.slice(0, cut));
      const found = cut % 64 === 0 ? recovered(image) : readAll(image).entries;
      expect(fingerprint(found)).toBe(fingerprint(written.slice(0, found.length)));
      if (cut === end) expect(found.length).toBe(written.length);
    }
  });

  it("keeps the original aside", () => {
    const { disk, path, end } = sample();
    const image = withFile(disk, path, disk.readFile(path).slice(0, end - 5));
    WriteAheadLog.open(walOptions(image, SEGMENT_BYTES), START);
    expect(image.list(WAL_DIRECTORY)).toContain(`${path.slice(WAL_DIRECTORY.length + 1)}.broken`);
    expect(image.readFile(`${path}.broken`).length).toBe(end - 5);
  });

  it("between writes keeps nothing aside", () => {
    const { disk } = sample();
    WriteAheadLog.open(walOptions(disk, SEGMENT_BYTES), START);
    expect(disk.list(WAL_DIRECTORY).filter((name) => name.endsWith(".broken"))).toEqual([]);
  });

  it("in a segment that is not the last is damage", () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create(walOptions(disk, 2048), METADATA);
    for (let i = 1; i <= 60; i++) appendDurably(log, disk, [entry(i)], state(1, i - 1));
    const [first, second] = disk.list(WAL_DIRECTORY) as [string, string];
    const path = `${WAL_DIRECTORY}/${first}`;
    const bytes = disk.readFile(path);
    expect(() => readAll(withFile(disk, path, bytes.slice(0, bytes.length - 9)))).toThrow(StorageError);
    disk.removeFile(`${WAL_DIRECTORY}/${second}`);
    expect(() => readAll(disk)).toThrow(/a log segment is missing before this one/);
  });
});

describe("a log with a flipped bit", () => {
  it("is read whole or refused, naming file and offset", () => {
    const { disk, path, end, written } = sample();
    const bytes = disk.readFile(path);
    const prng = new SeededPrng(2);
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const bit = prng.below(end * 8);
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      let found: Entry[] | undefined;
      try {
        found = readAll(withFile(disk, path, damaged)).entries;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        refused++;
        expect(error.code).toBe("damaged");
        expect(error.message).toContain(`${path} at byte `);
        expect(Math.abs((error.offset as number) - (bit >> 3))).toBeLessThan(1024);
      }
      if (found !== undefined) expect(fingerprint(found)).toBe(fingerprint(written));
    }
    expect(refused).toBeGreaterThan(1300);
  });

  it("in every bit of its last write is read whole or refused", () => {
    const { disk, path, end, written } = sample();
    const bytes = disk.readFile(path);
    for (let bit = (end - 200) * 8; bit < end * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      let found: Entry[] = written;
      try {
        found = readAll(withFile(disk, path, damaged)).entries;
      } catch (error) {
        expect((error as StorageError).code).toBe("damaged");
      }
      expect({ bit, fromEnd: end - (bit >> 3), entries: fingerprint(found) }).toEqual({
        bit,
        fromEnd: end - (bit >> 3),
        entries: fingerprint(written),
      });
    }
  });
});

describe("a log with a hole", () => {
  it("of whole sectors before a later write is damage", () => {
    const { disk, path, end } = sample();
    const bytes = disk.readFile(path);
    const prng = new SeededPrng(3);
    for (let sector = 1; (sector + 1) * 512 < end - 1200; sector++) {
      const damaged = bytes.slice();
      damaged.fill(0, sector * 512, (sector + 1 + prng.below(2)) * 512);
      expect(() => readAll(withFile(disk, path, damaged))).toThrow(/the log.*at byte/);
    }
  });

  it("inside its last write is torn", () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create(walOptions(disk, SEGMENT_BYTES), METADATA);
    appendDurably(log, disk, entries(1, 5), state(1, 0));
    const { end } = readAll(disk);
    appendDurably(log, disk, entries(5, 30, 1, 200), state(1, 4));
    const bytes = disk.readFile(end.file);
    const hole = 512 * (Math.floor(end.offset / 512) + 3);
    bytes.fill(0, hole, hole + 512);
    disk.put(end.file, bytes);
    const found = recovered(disk);
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(found.length).toBeLessThan(29);
  });
});

describe("a log after a power cut", () => {
  it("holds every acknowledged entry and a prefix of the others, whatever sectors the disk kept", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const prng = new SeededPrng(seed);
      let disk = new SimulatedDisk();
      let { log } = WriteAheadLog.create(walOptions(disk, 8192), METADATA);
      let written: Entry[] = [];
      for (let life = 0; life < 3; life++) {
        let acknowledged = written.length;
        const steps = prng.below(30);
        for (let step = 0; step < steps; step++) {
          const from = written.length + 1;
          const batch = entries(from, from + prng.below(4), life + 1, prng.below(900));
          written.push(...batch);
          const count = written.length;
          log.append(batch, state(life + 1, acknowledged), batch.length > 0, (error) => {
            if (error !== undefined) throw error;
            acknowledged = count;
          });
          if (prng.below(3) === 0) disk.finish(1 + prng.below(4));
        }
        disk = disk.crashed(prng);
        const opened = WriteAheadLog.open(walOptions(disk, 8192), START);
        const found = opened.contents.entries;
        expect({ seed, found: found.length >= acknowledged }).toEqual({ seed, found: true });
        expect(fingerprint(found)).toBe(fingerprint(written.slice(0, found.length)));
        written = found;
        log = opened.log;
      }
    }
  });

  it("holds everything written when only the process died", () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create(walOptions(disk), METADATA);
    log.append(entries(1, 9), state(1, 0), true, () => undefined);
    expect(readAll(disk.copy()).entries).toEqual(entries(1, 9));
  });
});
