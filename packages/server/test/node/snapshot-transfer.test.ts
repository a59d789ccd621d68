import { Readable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { createMessage, EMPTY_CONF_STATE, type HardState, type Message, MessageType } from "@quorate/raft";
import { type MemberStorage, type SnapshotStream, StorageError } from "@quorate/storage";
import { installSnapshot, type SnapshotInstallDeps } from "../../src/node/snapshot-install.ts";
import { SnapshotTransfer, type SnapshotTransferDeps } from "../../src/node/snapshot-transfer.ts";

const SILENT: SnapshotTransferDeps["logger"] = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => SILENT,
} as unknown as SnapshotTransferDeps["logger"];

const snapshotAt = (index: number): Message["snapshot"] & object => ({
  index,
  term: 3,
  confState: EMPTY_CONF_STATE,
  data: new Uint8Array(0),
});
const messageAt = (index: number): Message =>
  createMessage({ type: MessageType.Snap, from: 1n, to: 2n, term: 3, snapshot: snapshotAt(index) });

/** A storage whose files arrive when the test says so, and a replica that goes on from every newer snapshot. */
class Bench {
  readonly stepped: number[] = [];
  readonly discarded: string[] = [];
  readonly arrivals: { readonly index: number; readonly done: (error?: Error) => void }[] = [];
  restoredAt = 0;
  readonly transfer: SnapshotTransfer;

  constructor() {
    const storage = {
      receiveSnapshot: (index: number) =>
        new Promise<string>((resolve, reject) => {
          const done = (error?: Error): void => (error === undefined ? resolve(`file ${index}`) : reject(error));
          this.arrivals.push({ index, done });
        }),
      discardSnapshot: (path: string) => {
        this.discarded.push(path);
        return Promise.resolve();
      },
    };
    this.transfer = new SnapshotTransfer({
      storage: storage as unknown as MemberStorage,
      membership: undefined as never,
      logger: SILENT,
      send: () => {},
      failed: () => {},
      step: ({ snapshot }) => {
        const index = snapshot?.index ?? 0;
        this.stepped.push(index);
        this.restoredAt = Math.max(this.restoredAt, index);
      },
      isRestoredAt: (index) => index === this.restoredAt,
      fatal: () => {},
    });
  }

  receive(index: number): Promise<void> {
    return this.transfer.receive(messageAt(index), Readable.from([]));
  }
}

describe("snapshots that are sent", () => {
  const damage = new StorageError("damaged", "damaged table of the engine", {
    file: "000005.ldb",
    remedy: "remove it",
  });
  const full = new StorageError("ioFailed", "the engine cannot write", { file: "db", remedy: "check the disk" });

  /** Sends one whose stream gives these chunks, or fails; what became of it. */
  async function send(open: () => Promise<SnapshotStream>): Promise<Record<string, unknown>> {
    const told: { fatal: Error[]; failed: bigint[]; read: string; error: unknown } = {
      fatal: [],
      failed: [],
      read: "",
      error: undefined,
    };
    let done = (): void => {};
    const over = new Promise<void>((resolve) => {
      done = resolve;
    });
    const transfer = new SnapshotTransfer({
      storage: { backend: { freeze: () => ({}) }, openSnapshot: open } as unknown as MemberStorage,
      membership: { list: () => [], removedIds: [], clusterVersion: "3.7.0" } as never,
      logger: SILENT,
      send: (_message, database) => {
        database.on("data", (chunk: Buffer) => {
          told.read += chunk.toString("latin1");
        });
        database.on("error", (error) => {
          told.error = error;
        });
        database.on("close", done);
      },
      failed: (id) => {
        told.failed.push(id);
        setImmediate(done);
      },
      step: () => {},
      isRestoredAt: () => false,
      fatal: (error) => told.fatal.push(error),
    });
    transfer.send(messageAt(7), snapshotAt(7));
    await over;
    return told;
  }

  function streamOf(chunks: readonly (string | Error)[], closed: { count: number }): SnapshotStream {
    const left = [...chunks];
    return {
      bytes: 0,
      next: () => {
        const chunk = left.shift();
        return chunk instanceof Error
          ? Promise.reject(chunk)
          : Promise.resolve(chunk === undefined ? undefined : Buffer.from(chunk));
      },
      digest: () => new Uint8Array(0),
      close: () => {
        closed.count++;
        return Promise.resolve();
      },
    };
  }

  it("are read to the end and let go", async () => {
    const closed = { count: 0 };
    const told = await send(() => Promise.resolve(streamOf(["ab", "cd"], closed)));
    expect(told).toEqual({ fatal: [], failed: [], read: "abcd", error: undefined });
    expect(closed.count).toBe(1);
  });

  it("end the member where the engine turns out to be damaged, at once or on the way, and for nothing else", async () => {
    const closed = { count: 0 };
    const onTheWay = await send(() => Promise.resolve(streamOf(["ab", damage], closed)));
    expect(onTheWay).toEqual({ fatal: [damage], failed: [], read: "ab", error: damage });
    expect(closed.count).toBe(1);
    expect(await send(() => Promise.reject(damage))).toMatchObject({ fatal: [damage], failed: [2n] });
    expect(await send(() => Promise.reject(full))).toMatchObject({ fatal: [], failed: [2n] });
    expect(await send(() => Promise.resolve(streamOf([full], closed)))).toMatchObject({ fatal: [], error: full });
  });
});

describe("snapshots that arrive", () => {
  it("are handed on once they are on disk, and several may wait for their turn to be installed", async () => {
    const bench = new Bench();
    const received = [100, 200, 300].map((index) => bench.receive(index));
    expect(bench.stepped).toEqual([]);
    for (const { done } of bench.arrivals) done();
    await Promise.all(received);
    expect(bench.stepped).toEqual([100, 200, 300]);
    expect([100, 200, 300].map((index) => bench.transfer.pathOf(index))).toEqual(["file 100", "file 200", "file 300"]);

    bench.transfer.installed(100);
    expect([100, 200, 300].map((index) => bench.transfer.pathOf(index))).toEqual([undefined, "file 200", "file 300"]);
    expect(bench.discarded).toEqual([]);
  });

  it("leave no file behind when the replica does not need them", async () => {
    const bench = new Bench();
    bench.restoredAt = 500;
    const received = bench.receive(100);
    bench.arrivals[0]?.done();
    await received;
    expect(bench.discarded).toEqual(["file 100"]);
    expect(bench.transfer.pathOf(100)).toBeUndefined();
  });

  it("are refused while the same one arrives or waits: its file is being used", async () => {
    const bench = new Bench();
    const first = bench.receive(100);
    await expect(bench.receive(100)).rejects.toThrow("snapshot at 100 is here already");
    bench.arrivals[0]?.done();
    await first;
    await expect(bench.receive(100)).rejects.toThrow("snapshot at 100 is here already");
    expect(bench.arrivals).toHaveLength(1);

    const broken = bench.receive(200);
    bench.arrivals[1]?.done(new Error("ENOSPC"));
    await expect(broken).rejects.toThrow("ENOSPC");
    const again = bench.receive(200);
    bench.arrivals[2]?.done();
    await again;
    expect(bench.stepped).toEqual([100, 200]);
  });
});

describe("the installation of a snapshot", () => {
  function bench(path: string | undefined): {
    readonly deps: SnapshotInstallDeps;
    readonly log: string[];
    readonly hardStates: HardState[];
    readonly finishHold: () => void;
    readonly finishInstall: (error?: Error) => void;
  } {
    const log: string[] = [];
    const hardStates: HardState[] = [];
    let held = (): void => {};
    let installed = (_error?: Error): void => {};
    const note = (text: string) => (): void => void log.push(text);
    const deps = {
      member: {
        // Behind the snapshot at 100 entries have come, and are committed.
        raftLog: { initialState: () => ({ hardState: { term: 4, vote: 1n, commit: 110 } }) },
        membership: { list: () => [], reload: note("membership") },
        alarms: { reload: note("alarms") },
        auth: { reload: note("auth") },
        lessor: { restore: note("lessor") },
        store: {
          restore: (done: () => void) => {
            log.push("store");
            done();
          },
        },
        storage: {
          installSnapshot: (from: string, _snapshot: unknown, hardState: HardState, done: (error?: Error) => void) => {
            log.push(`storage from ${from}`);
            hardStates.push(hardState);
            installed = done;
          },
        },
      },
      peers: {
        snapshots: { pathOf: () => path, installed: (index: number) => log.push(`installed ${index}`) },
        reconcile: note("peers"),
      },
      checkpoints: {
        hold: (done: () => void) => {
          log.push("checkpoints held");
          held = done;
        },
        resume: note("checkpoints go on"),
      },
      compaction: { pause: note("compaction pauses"), resume: note("compaction goes on"), start: () => {} },
      catchUp: { pause: note("watchers pause"), resume: note("watchers go on") },
      watchHub: { onRestored: note("watchers told") },
      logger: SILENT,
    } as unknown as SnapshotInstallDeps;
    return { deps, log, hardStates, finishHold: () => held(), finishInstall: (error) => installed(error) };
  }

  it("waits for the background, replaces the storage, and then has every part read anew, once", () => {
    const { deps, finishHold, finishInstall, hardStates, log } = bench("the file");
    const outcomes: unknown[] = [];
    installSnapshot(deps, snapshotAt(100), (error) => outcomes.push(error));
    expect(log).toEqual(["compaction pauses", "watchers pause", "checkpoints held"]);
    finishHold();
    // What is not in the log yet cannot be committed in it: a restart would take it for lost.
    expect(hardStates).toEqual([{ term: 4, vote: 1n, commit: 100 }]);
    expect(outcomes).toEqual([]);
    finishInstall();
    expect(outcomes).toEqual([undefined]);
    expect(log.slice(3)).toEqual([
      "storage from the file",
      "lessor",
      "store",
      "compaction goes on",
      "watchers go on",
      "checkpoints go on",
      "installed 100",
      "alarms",
      "auth",
      "membership",
      "peers",
      "watchers told",
    ]);
  });

  it("tells why it failed, and reads nothing of what is not there", () => {
    const { deps, finishHold, finishInstall, log } = bench("the file");
    const outcomes: unknown[] = [];
    installSnapshot(deps, snapshotAt(100), (error) => outcomes.push(error));
    finishHold();
    finishInstall(new Error("EIO"));
    expect(outcomes).toEqual([new Error("EIO")]);
    expect(log).not.toContain("store");

    const without = bench(undefined);
    installSnapshot(without.deps, snapshotAt(7), (error) => outcomes.push(error));
    expect(outcomes[1]).toEqual(new Error("the database of the snapshot at index 7 is not here"));
    expect(without.log).toEqual([]);
  });
});
