import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import type { FileSystem } from "@quorate/base";
import type { HardState } from "@quorate/raft";
import { type MemberStorage, NODE_FILE_SYSTEM, type SnapshotPosition } from "@quorate/storage";
import { FailingFileSystem } from "./support/failing-file-system.ts";
import { dump, scratch } from "./support/level-fixture.ts";
import { apply, checkpoint, crashImage, openMember, propose } from "./support/member-fixture.ts";
import { entry, state } from "./support/wal-fixture.ts";

const CONF = {
  voters: [1n, 0x2e1259d415f2a040n],
  learners: [5n],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function position(index: number, term = 1): SnapshotPosition {
  return { index, term, confState: CONF };
}

/** The database file of a member that applied entries up to `index`, and what its backend holds. */
async function leaderFile(directory: string, index: number): Promise<{ path: string; content: string }> {
  const leader = await openMember(join(directory, `leader${index}`));
  await propose(leader, 1, index + 1);
  const frozen = leader.backend.freeze();
  const stream = await leader.openSnapshot(frozen, position(index));
  const chunks: Uint8Array[] = [];
  for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next())
    chunks.push(Buffer.from(chunk));
  await stream.close();
  await expect(frozen.revisions().next()).rejects.toThrow();
  const path = join(directory, `leader${index}.db`);
  const file = Buffer.concat(chunks);
  expect(file.length).toBe(stream.bytes);
  expect(Buffer.from(stream.digest())).toEqual(createHash("sha256").update(file).digest());
  writeFileSync(path, file);
  const content = await dump(leader.backend);
  await leader.close();
  return { path, content };
}

function install(storage: MemberStorage, path: string, at: SnapshotPosition, hardState?: HardState): Promise<void> {
  return new Promise((resolve, reject) => {
    storage.installSnapshot(path, at, hardState, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** What of `meta` a snapshot adds to what these members write themselves. */
function withoutMeta(content: string): string {
  return content
    .split("\n")
    .filter((line) => !line.startsWith("meta/"))
    .join("\n");
}

function snapFiles(data: string): string[] {
  return readdirSync(join(data, "member/snap"));
}

/** Real files, but every change of a directory is preceded by a call. */
function watched(onChange: () => void): FileSystem {
  const names = new Set(["rename", "syncDirectory", "removeFile", "removeFileLater", "removeDirectory"]);
  return new Proxy(NODE_FILE_SYSTEM, {
    get(target, name): unknown {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (names.has(String(name))) onChange();
        return (value as (...all: unknown[]) => unknown).apply(target, given);
      };
    },
  });
}

jest.setTimeout(60_000);

describe("installing a snapshot", () => {
  it("replaces engine and log, which go on behind it", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 400);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    await propose(follower, 1, 150);
    await checkpoint(follower, 149);
    const path = await follower.receiveSnapshot(400, createReadStream(file.path));
    expect(path).toBe(join(data, "member/snap/0000000000000190.snap.db"));
    expect(follower.backend.newestBarrier?.index).toBe(149);
    const { backend } = follower;
    await install(follower, path, position(400, 3), state(3, 400));
    expect(follower.backend).toBe(backend);
    expect(withoutMeta(await dump(backend))).toBe(withoutMeta(file.content));
    expect(backend.newestBarrier).toMatchObject({ index: 400, term: 3, revision: 400, confState: CONF });
    const next = entry(401, 3, 100);
    await new Promise<void>((resolve) => follower.log.append([next], state(3, 401), true, () => resolve()));
    apply(follower, next);
    const expected = await dump(backend);
    await follower.close();
    expect(snapFiles(data)).toEqual([]);
    expect(readdirSync(join(data, "member")).sort()).toEqual(["db.0000000000000190", "quorate.json", "snap", "wal"]);
    expect(readdirSync(join(data, "member/wal")).length).toBeLessThan(3);
    const again = await openMember(data);
    expect(again.barrier).toMatchObject({ index: 400, term: 3, revision: 400, confState: CONF });
    expect(again.contents.entries).toEqual([next]);
    expect(again.contents.hardState).toEqual(state(3, 401));
    apply(again, next);
    expect(await dump(again.backend)).toBe(expected);
    await checkpoint(again, 401);
    await again.close();
  });

  it("leaves, stopped at any point, the state before with its log or the new one", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 300);
    const data = join(directory.path, "follower");
    const images: string[] = [];
    const capture = (): void => {
      const image = join(directory.path, `image${images.length}`);
      try {
        crashImage(data, image);
        images.push(image);
      } catch (error) {
        if ((error as { code?: unknown }).code !== "ENOENT") throw error;
        rmSync(image, { recursive: true, force: true });
      }
    };
    let isWatching = false;
    const fs = watched(() => {
      if (isWatching) capture();
    });
    const follower = await openMember(data, { fs });
    await propose(follower, 1, 60);
    await checkpoint(follower, 40);
    const before = await dump(follower.backend);
    isWatching = true;
    const path = await follower.receiveSnapshot(300, createReadStream(file.path));
    capture();
    const installed = new Promise<void>((resolve, reject) => {
      follower.installSnapshot(path, position(300, 2), state(2, 300), (error) => {
        capture();
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    const timer = setInterval(capture, 1);
    await installed;
    clearInterval(timer);
    await follower.close();
    isWatching = false;
    capture();
    const outcomes = { before: 0, after: 0 };
    for (const image of images) {
      const member = await openMember(image);
      const { entries, hardState } = member.contents;
      if (member.barrier?.index === 300) {
        expect([entries, hardState.commit, hardState.term]).toEqual([[], 300, 2]);
        expect(withoutMeta(await dump(member.backend))).toBe(withoutMeta(file.content));
        outcomes.after++;
      } else {
        expect([member.barrier?.index, entries.map(({ index }) => index)]).toEqual([
          40,
          Array.from({ length: 19 }, (_, i) => 41 + i),
        ]);
        for (const each of entries) apply(member, each);
        expect(await dump(member.backend)).toBe(before);
        expect(outcomes.after).toBe(0);
        outcomes.before++;
      }
      await member.close();
      expect(snapFiles(image)).toEqual([]);
      expect(readdirSync(join(image, "member")).filter((name) => name.startsWith("db")).length).toBe(1);
    }
    expect(outcomes.before).toBeGreaterThan(3);
    expect(outcomes.after).toBeGreaterThan(3);
  });

  it("leaves, where the disk fails at any point, the same", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 120);
    const outcomes = new Map<string, number>();
    for (let failsAt = 1; ; failsAt++) {
      expect(failsAt).toBeLessThan(200);
      const data = join(directory.path, `follower${failsAt}`);
      const disk = new FailingFileSystem();
      const follower = await openMember(data, { fs: disk.fs });
      await propose(follower, 1, 30);
      const before = await dump(follower.backend);
      disk.failsFrom = disk.count + failsAt;
      let outcome = "nothing";
      try {
        const path = await follower.receiveSnapshot(120, createReadStream(file.path));
        outcome = "received";
        await install(follower, path, position(120, 2), state(2, 120));
        outcome = "installed";
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      const isOver = disk.count < disk.failsFrom;
      const image = join(directory.path, `failed${failsAt}`);
      // Nothing may change while the copy is made. The disk stays gone: closing writes nothing to it.
      await follower.close().catch(() => follower.backend.close());
      crashImage(data, image);
      const member = await openMember(image);
      if (member.barrier === undefined) {
        for (const each of member.contents.entries) apply(member, each);
        expect(await dump(member.backend)).toBe(before);
        outcome += ", before";
      } else {
        expect([member.barrier.index, member.contents.entries]).toEqual([120, []]);
        expect(withoutMeta(await dump(member.backend))).toBe(withoutMeta(file.content));
        outcome += ", after";
      }
      await member.close();
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (isOver) break;
    }
    expect([...outcomes.keys()].sort()).toEqual([
      "installed, after",
      "nothing, before",
      "received, after",
      "received, before",
    ]);
  });

  it("is finished at the next start where the stop came behind the log's record, torn or not", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 200);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    await propose(follower, 1, 20);
    const path = await follower.receiveSnapshot(200, createReadStream(file.path));
    const fresh = join(directory.path, "fresh");
    crashImage(data, fresh);
    await new Promise<void>((resolve) =>
      follower.log.installSnapshot(position(200, 7), state(7, 200), () => resolve()),
    );
    const recorded = join(directory.path, "recorded");
    crashImage(data, recorded);
    const lost = join(directory.path, "lost");
    crashImage(data, lost);
    rmSync(join(lost, "member/snap/00000000000000c8.snap.db"));
    await follower.close();
    expect(existsSync(path)).toBe(true);
    const forgotten = await openMember(fresh);
    expect([forgotten.barrier, forgotten.contents.entries.length, snapFiles(fresh)]).toEqual([undefined, 19, []]);
    await forgotten.close();
    const finished = await openMember(recorded);
    expect(finished.barrier).toMatchObject({ index: 200, term: 7, confState: CONF });
    expect(finished.contents).toMatchObject({ entries: [], hardState: { term: 7, commit: 200 } });
    expect(withoutMeta(await dump(finished.backend))).toBe(withoutMeta(file.content));
    await finished.close();
    await expect(openMember(lost)).rejects.toThrow(/a snapshot of index 200 was installed; it is gone: .*wal; restore/);
    await expect(openMember(lost, { rebuildEngine: "always" })).rejects.toThrow(/no longer reaches back/);
  });

  it("takes the place of a log that had gone another way", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 100);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    await propose(follower, 1, 50);
    const stale = Array.from({ length: 150 }, (_, i) => entry(50 + i, 1, 300));
    await new Promise<void>((resolve) => follower.log.append(stale, state(1, 49), true, () => resolve()));
    const path = await follower.receiveSnapshot(100, createReadStream(file.path));
    await install(follower, path, position(100, 2), state(2, 100));
    const own = [entry(101, 2), entry(102, 2)];
    await new Promise<void>((resolve) => follower.log.append(own, state(2, 100), true, () => resolve()));
    await follower.close();
    const again = await openMember(data);
    expect(again.contents.entries).toEqual(own);
    expect(again.contents.last).toEqual({ index: 102, term: 2 });
    await again.close();
  });

  it("is done again and again, also of files that were not prepared, and beside checkpoints", async () => {
    using directory = scratch();
    const data = join(directory.path, "follower");
    let follower = await openMember(data);
    for (const index of [10, 120, 130]) {
      const file = await leaderFile(directory.path, index);
      const path = await follower.receiveSnapshot(index, createReadStream(file.path));
      if (index === 120) {
        // Another one comes in and is not wanted: what was prepared is gone, the file still good.
        const other = await leaderFile(directory.path, 125);
        await follower.discardSnapshot(await follower.receiveSnapshot(125, createReadStream(other.path)));
      }
      const installed = install(follower, path, position(index), undefined);
      await checkpoint(follower, 5);
      await installed;
      expect(withoutMeta(await dump(follower.backend))).toBe(withoutMeta(file.content));
      if (index === 120) {
        await follower.close();
        follower = await openMember(data);
      }
    }
    await propose(follower, 131, 140);
    await checkpoint(follower, 139);
    await follower.close();
    const again = await openMember(data);
    expect([again.barrier?.index, again.contents.entries]).toEqual([139, []]);
    await again.close();
  });
});

describe("a received snapshot", () => {
  it("that is damaged, of another index or of another program leaves nothing behind", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 50);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    await propose(follower, 1, 5);
    const before = await dump(follower.backend);
    const good = readFileSync(file.path);
    const cases: [Uint8Array, number, RegExp][] = [
      [good, 51, /a snapshot of log index 51 holds the state of index 50/],
      [good.subarray(0, good.length - 4096), 50, /it ends too early/],
      [new Uint8Array(0), 50, /not a bbolt file/],
      [Buffer.from(good).fill(0xff, 8192 + 8, 8192 + 12), 50, /damaged bbolt file/],
    ];
    for (const [content, index, message] of cases) {
      const path = join(directory.path, "sent");
      writeFileSync(path, content);
      await expect(follower.receiveSnapshot(index, createReadStream(path))).rejects.toThrow(message);
      expect(snapFiles(data)).toEqual([]);
      expect(existsSync(join(data, "member/db.building"))).toBe(false);
    }
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield good.subarray(0, 5000);
      await Promise.resolve();
      throw new Error("the peer went away");
    }
    await expect(follower.receiveSnapshot(50, broken())).rejects.toThrow("the peer went away");
    expect(snapFiles(data)).toEqual([]);
    expect(await dump(follower.backend)).toBe(before);
    await follower.close();
  });

  it("does not hold up the end of the member", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 2500);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    const received = follower.receiveSnapshot(2500, createReadStream(file.path)).catch((error: unknown) => error);
    const building = join(data, "member/db.building");
    for (let i = 0; i < 5000 && !existsSync(building); i++) await new Promise((resolve) => setTimeout(resolve, 1));
    await follower.close();
    expect(await received).toMatchObject({ code: "closed" });
    expect([snapFiles(data), existsSync(building)]).toEqual([[], false]);
  });

  it("that was never installed is gone at the next start", async () => {
    using directory = scratch();
    const file = await leaderFile(directory.path, 50);
    const data = join(directory.path, "follower");
    const follower = await openMember(data);
    await follower.receiveSnapshot(50, createReadStream(file.path));
    expect(snapFiles(data)).toEqual(["0000000000000032.snap.db"]);
    await follower.close();
    const again = await openMember(data);
    expect(snapFiles(data)).toEqual([]);
    await again.close();
  });
});
