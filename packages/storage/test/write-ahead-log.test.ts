import { describe, expect, it } from "@jest/globals";
import { StorageError, WriteAheadLog } from "@quorate/storage";
import { SimulatedDisk } from "./support/simulated-disk.ts";
import {
  appendDurably,
  entries,
  entry,
  ManualClock,
  METADATA,
  readAll,
  START,
  state,
  WAL_DIRECTORY,
  walOptions,
} from "./support/wal-fixture.ts";

function created(segmentBytes?: number): { disk: SimulatedDisk; log: WriteAheadLog } {
  const disk = new SimulatedDisk();
  const { log } = WriteAheadLog.create(walOptions(disk, segmentBytes), METADATA);
  return { disk, log };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("WriteAheadLog", () => {
  it("finds what it wrote after it is opened again, and goes on", () => {
    const { disk, log } = created();
    appendDurably(log, disk, entries(1, 4), state(1, 0));
    appendDurably(log, disk, [entry(4, 2, 0)], state(2, 3));
    const again = WriteAheadLog.open(walOptions(disk), START);
    expect(again.contents.entries).toEqual([...entries(1, 4), entry(4, 2, 0)]);
    expect(again.contents.hardState).toEqual(state(2, 3));
    expect(again.contents.metadata).toEqual(METADATA);
    expect(again.contents.last).toEqual({ index: 4, term: 2 });
    appendDurably(again.log, disk, [entry(5, 2)]);
    expect(readAll(disk).entries.length).toBe(5);
    expect(again.log.lastIndex).toBe(5);
  });

  it("makes one write and one sync of what is given while a sync is in flight, and answers in order", () => {
    const { disk, log } = created();
    const answers: number[] = [];
    const { writeCount, syncCount } = disk;
    for (let i = 1; i <= 5; i++) {
      log.append([entry(i)], state(1, i - 1), true, () => answers.push(i));
      expect(answers).toEqual([]);
    }
    disk.finish(1);
    expect(answers).toEqual([1]);
    disk.finish();
    expect(answers).toEqual([1, 2, 3, 4, 5]);
    expect(disk.syncCount - syncCount).toBe(2);
    expect(disk.writeCount - writeCount).toBe(2);
  });

  it("starts the write that has collected before it calls back, and writes what callbacks give as one", () => {
    const { disk, log } = created();
    const { writeCount } = disk;
    let answered = 0;
    for (let i = 1; i <= 3; i++) {
      log.append([entry(i)], undefined, true, () => {
        if (i === 1) expect(disk.writeCount - writeCount).toBe(2);
        log.append([entry(i + 3)], undefined, true, () => answered++);
      });
    }
    disk.finish();
    expect(answered).toBe(3);
    // 1; 2 and 3, in flight while 1 is answered; 4; 5 and 6.
    expect(disk.writeCount - writeCount).toBe(4);
  });

  it("saves a commit index that no write took along, once, and only while nothing is under way", async () => {
    const { disk, log } = created();
    log.saveCommit();
    appendDurably(log, disk, [entry(1), entry(2)], state(1, 0));
    log.append([], state(1, 1), false, () => {});
    await turn();
    const { syncCount } = disk;
    log.append([entry(3)], undefined, true, () => {});
    log.append([], state(1, 2), false, () => {});
    log.saveCommit();
    disk.finish();
    await turn();
    disk.finish();
    await turn();
    expect(disk.syncCount - syncCount).toBe(1);
    log.append([], state(1, 3), false, () => {});
    await turn();
    log.saveCommit();
    log.saveCommit();
    disk.finish();
    await turn();
    log.saveCommit();
    disk.finish();
    expect(disk.syncCount - syncCount).toBe(2);
    expect(readAll(disk).hardState.commit).toBe(3);
  });

  it("keeps a commit index for the next write, and writes it when flushed", async () => {
    const { disk, log } = created();
    appendDurably(log, disk, [entry(1)], state(1, 0));
    const { writeCount } = disk;
    const order: string[] = [];
    log.append([], state(1, 1), false, () => order.push("commit"));
    expect(order).toEqual([]);
    await turn();
    expect(order).toEqual(["commit"]);
    expect(disk.writeCount).toBe(writeCount);
    expect(readAll(disk).hardState.commit).toBe(0);
    log.flush(() => order.push("flush"));
    disk.finish();
    expect(order).toEqual(["commit", "flush"]);
    expect(readAll(disk).hardState.commit).toBe(1);
  });

  it("makes a vote durable before it answers", () => {
    const { disk, log } = created();
    let isDurable = false;
    log.append([], state(3, 0, 9n), true, () => {
      isDurable = true;
    });
    expect(isDurable).toBe(false);
    disk.finish();
    expect(isDurable).toBe(true);
    expect(readAll(disk).hardState).toEqual(state(3, 0, 9n));
  });

  it("syncs a tiny write on this thread, behind what its caller has still to send", async () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create({ ...walOptions(disk), inlineSyncBytesMax: 1024 }, METADATA);
    disk.finish();
    const { syncCount } = disk;
    const order: string[] = [];
    const note = (what: string): void => void order.push(`${what} after ${disk.syncCount - syncCount} syncs`);
    process.nextTick(() => note("sent"));
    log.append([entry(1)], undefined, true, () => note("answered 1"));
    log.append([entry(2)], undefined, true, () => note("answered 2"));
    note("returned");
    await turn();
    expect(order).toEqual([
      "returned after 0 syncs",
      "sent after 0 syncs",
      "answered 1 after 1 syncs",
      "answered 2 after 1 syncs",
    ]);
  });

  it("does not put off a large write, nor tiny ones that have become one", () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create({ ...walOptions(disk), inlineSyncBytesMax: 1024 }, METADATA);
    disk.finish();
    const { writeCount } = disk;
    log.append([entry(1, 1, 600)], undefined, true, () => undefined);
    expect(disk.writeCount - writeCount).toBe(0);
    log.append([entry(2, 1, 600)], undefined, true, () => undefined);
    expect(disk.writeCount - writeCount).toBe(1);
  });

  it("never waits for the disk where it must not", () => {
    const disk = new SimulatedDisk();
    const { log } = WriteAheadLog.create({ ...walOptions(disk), inlineSyncBytesMax: 1024 }, METADATA);
    disk.finish();
    log.mayWaitForDisk = false;
    const { syncCount } = disk;
    let isAnswered = false;
    log.append([entry(1)], undefined, true, () => {
      isAnswered = true;
    });
    expect([disk.syncCount - syncCount, isAnswered]).toEqual([0, false]);
    disk.finish();
    expect(isAnswered).toBe(true);
  });

  it("replaces entries that a new leader overwrites", () => {
    const { disk, log } = created();
    appendDurably(log, disk, entries(1, 6));
    appendDurably(log, disk, entries(3, 5, 2), state(2, 2));
    expect(readAll(disk).entries).toEqual([...entries(1, 3), ...entries(3, 5, 2)]);
  });

  it("cuts segments, reads across them, and releases those below an index", () => {
    const { disk, log } = created(4096);
    for (let i = 1; i <= 200; i++) appendDurably(log, disk, [entry(i, 1, 100)], state(1, i - 1));
    const names = disk.list(WAL_DIRECTORY);
    expect(names.length).toBeGreaterThan(5);
    expect(readAll(disk).entries.length).toBe(200);
    log.saveSnapshotRecord({ index: 150, term: 1, confState: undefined }, () => undefined);
    log.release(150);
    disk.finish();
    expect(disk.list(WAL_DIRECTORY).length).toBeLessThan(names.length);
    expect(log.firstIndex).toBeLessThanOrEqual(150);
    const { contents, log: again } = WriteAheadLog.open(walOptions(disk, 4096), { index: 150, term: 1 });
    expect(contents.entries.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, i) => i + 151));
    expect(contents.snapshots).toEqual([{ index: 150, term: 1, confState: undefined }]);
    appendDurably(again, disk, [entry(201)]);
    expect(() => readAll(disk)).toThrow(/the log does not reach back to index 0/);
  });

  it("releases what an interrupted release has left, and what was there before it was opened", () => {
    const { disk, log } = created(4096);
    for (let i = 1; i <= 200; i++) appendDurably(log, disk, [entry(i, 1, 100)], state(1, i - 1));
    const [, second] = disk.list(WAL_DIRECTORY) as [string, string];
    disk.removeFile(`${WAL_DIRECTORY}/${second}`);
    expect(() => readAll(disk)).toThrow(/a log segment is missing before this one/);
    const again = WriteAheadLog.open(walOptions(disk, 4096), { index: 150, term: 1 });
    again.log.release(150);
    disk.finish(1);
    expect(disk.list(WAL_DIRECTORY)).not.toContain("0000000000000000-0000000000000000.wal");
    disk.finish();
    expect(disk.list(WAL_DIRECTORY)[0]).toContain(again.log.firstIndex.toString(16).padStart(16, "0"));
    expect(again.log.firstIndex).toBeGreaterThan(100);
  });

  it("is read where first indexes fall, because a new leader replaced entries before a cut", () => {
    const { disk, log } = created(2048);
    for (let i = 1; i <= 40; i++) appendDurably(log, disk, [entry(i, 1, 100)], state(1, 0));
    for (let i = 5; i <= 40; i++) appendDurably(log, disk, [entry(i, 2, 100)], state(2, 0));
    expect(readAll(disk).entries.map(({ term }) => term)).toEqual([...Array(4).fill(1), ...Array(36).fill(2)]);
  });

  it("goes on in a new segment when the one it opens is full", () => {
    const { disk, log } = created(2048);
    appendDurably(log, disk, [entry(1, 1, 4000)]);
    const again = WriteAheadLog.open(walOptions(disk, 2048), START);
    appendDurably(again.log, disk, [entry(2)]);
    expect(disk.list(WAL_DIRECTORY).filter((name) => name.endsWith(".wal")).length).toBe(2);
    expect(readAll(disk).entries.length).toBe(2);
  });

  it("refuses a position that the log does not know", () => {
    const { disk, log } = created();
    appendDurably(log, disk, entries(1, 4));
    expect(() => WriteAheadLog.open(walOptions(disk), { index: 2, term: 5 })).toThrow(
      /does not contain index 2 of term 5/,
    );
    expect(() => WriteAheadLog.open(walOptions(disk), { index: 9, term: 1 })).toThrow(/does not contain index 9/);
    expect(WriteAheadLog.open(walOptions(disk), { index: 2, term: 1 }).contents.entries).toEqual([entry(3)]);
  });

  it("changes nothing if what was read is not accepted", () => {
    const { disk, log } = created();
    appendDurably(log, disk, entries(1, 4));
    const { writeCount } = disk;
    const refuse = (): never => {
      throw new Error("not ours");
    };
    expect(() => WriteAheadLog.open(walOptions(disk), START, refuse)).toThrow("not ours");
    expect(disk.writeCount).toBe(writeCount);
  });

  it("continues short writes", () => {
    const { disk, log } = created();
    disk.writeBytesMax = 7;
    appendDurably(log, disk, entries(1, 10));
    expect(readAll(disk).entries).toEqual(entries(1, 10));
  });

  it("is finished by a failed sync: everybody hears of it once, and later calls are refused", async () => {
    const { disk, log } = created();
    const answers: string[] = [];
    const note =
      (name: string) =>
      (error?: Error): void => {
        answers.push(`${name} ${error instanceof StorageError ? error.code : "ok"}`);
      };
    log.append([entry(1)], undefined, true, note("a"));
    log.append([entry(2)], undefined, true, note("b"));
    disk.syncError = new Error("EIO");
    disk.finish();
    await turn();
    expect(answers).toEqual(["a ioFailed", "b ioFailed"]);
    disk.syncError = undefined;
    const { writeCount } = disk;
    log.append([entry(3)], undefined, true, note("c"));
    log.saveSnapshotRecord({ index: 1, term: 1, confState: undefined }, note("d"));
    log.flush(note("e"));
    await turn();
    expect(answers.slice(2)).toEqual(["c ioFailed", "d ioFailed", "e ioFailed"]);
    expect(disk.writeCount).toBe(writeCount);
  });

  it("is finished by a failed write, too", async () => {
    const { disk, log } = created();
    disk.writeError = new Error("ENOSPC");
    let failure: Error | undefined;
    log.append([entry(1)], undefined, true, (error) => {
      failure = error;
    });
    await turn();
    expect(failure?.message).toMatch(/cannot write the log: .*\.wal at byte \d+ \(ENOSPC\); check the disk/);
  });

  it("tells the age of a sync that hangs", () => {
    const disk = new SimulatedDisk();
    const clock = new ManualClock();
    const { log } = WriteAheadLog.create({ ...walOptions(disk), clock }, METADATA);
    expect(log.unfinishedSyncMs()).toBe(0);
    log.append([entry(1)], undefined, true, () => undefined);
    clock.now += 250;
    expect(log.unfinishedSyncMs()).toBe(250);
    expect(log.durableIndex).toBe(0);
    disk.finish();
    expect(log.unfinishedSyncMs()).toBe(0);
    expect(log.durableIndex).toBe(1);
  });

  it("reports durations and bytes", () => {
    const disk = new SimulatedDisk();
    const clock = new ManualClock();
    const reports: number[][] = [];
    const onSync = (ms: number, bytes: number): unknown => reports.push([ms, bytes]);
    const { log } = WriteAheadLog.create({ ...walOptions(disk), clock, onSync }, METADATA);
    log.append([entry(1)], undefined, true, () => undefined);
    clock.now += 3;
    disk.finish();
    expect(reports).toEqual([[3, 72]]);
  });

  it("flushes on close, and refuses afterwards", async () => {
    const { disk, log } = created();
    appendDurably(log, disk, [entry(1)], state(1, 0));
    log.append([], state(1, 1), false, () => undefined);
    await turn();
    let isClosed = false;
    log.close(() => {
      isClosed = true;
    });
    disk.finish();
    expect(isClosed).toBe(true);
    expect(readAll(disk).hardState.commit).toBe(1);
    let failure: Error | undefined;
    log.append([entry(2)], undefined, true, (error) => {
      failure = error;
    });
    await turn();
    expect((failure as StorageError).code).toBe("closed");
  });
});
