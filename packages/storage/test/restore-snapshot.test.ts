import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { SeededPrng, utf8Bytes, utf8Text } from "@quorate/base";
import { bootstrapClusterId, foundersOf, parseInitialCluster } from "@quorate/protocol";
import {
  BboltReader,
  bboltBackend,
  type MemberStorage,
  NODE_FILE_SYSTEM,
  type RestoreOptions,
  restoreSnapshot,
  StorageError,
  snapshotDigest,
  snapshotStatus,
  WriteAheadLog,
} from "@quorate/storage";
import { FailingFileSystem } from "./support/failing-file-system.ts";
import { scratch } from "./support/level-fixture.ts";
import { openMember } from "./support/member-fixture.ts";
import { type SavedSnapshot, savedSnapshot, saveWithDigest, storeHash } from "./support/snapshot-fixture.ts";

jest.setTimeout(120_000);

const CLOCK = { nowMs: () => performance.now(), wallMs: () => 0 };

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}

function founders(): ReturnType<typeof foundersOf> {
  const parsed = parseInitialCluster("a=http://h1:2380,b=http://h2:2380,c=http://h3:2380");
  if ("error" in parsed) throw new Error(parsed.error);
  return foundersOf(parsed.value, "token", sha1);
}

function optionsFor(directory: string, snapshotPath: string): RestoreOptions {
  const members = founders();
  const self = members[0];
  if (self === undefined) throw new Error("no founder");
  const clusterId = bootstrapClusterId(
    members.map(({ id }) => id),
    sha1,
  );
  return {
    fs: NODE_FILE_SYSTEM,
    clock: CLOCK,
    dataDirectory: join(directory, "data"),
    snapshotPath,
    identity: { memberId: self.id, clusterId },
    founders: members,
    bumpRevision: 0,
    signal: new AbortController().signal,
  };
}

function neverNew(): never {
  throw new Error("the directory is taken for a new one");
}

/** Opens what was restored, as the member that it is. */
function openRestored(options: RestoreOptions): Promise<MemberStorage> {
  const { dataDirectory, walDirectory } = options;
  return openMember(dataDirectory, {
    newIdentity: neverNew,
    ...(walDirectory === undefined ? {} : { walDirectory }),
  });
}

/** One snapshot for all tests of a group. */
async function withSnapshot(test: (directory: string, saved: SavedSnapshot) => Promise<void>): Promise<void> {
  using directory = scratch();
  await test(directory.path, await savedSnapshot(directory.path));
}

describe("restoring a snapshot", () => {
  it("keeps keys, leases and users, and makes a member of a new cluster", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      const restored = await restoreSnapshot(options);
      expect(restored).toEqual({ revision: saved.hash.currentRevision, index: 3 });
      expect(readdirSync(options.dataDirectory)).toEqual(["member"]);
      const member = await openRestored(options);
      expect(member.identity).toEqual(options.identity);
      expect(member.isNew).toBe(false);
      const voters = options.founders.map(({ id }) => id);
      expect(member.barrier).toMatchObject({ index: 3, term: 1, revision: restored.revision });
      expect(member.barrier?.confState.voters).toEqual(voters);
      expect(member.contents.hardState).toEqual({ term: 1, vote: voters[0], commit: 3 });
      expect(member.contents.entries).toEqual([]);
      const { backend } = member;
      expect(await storeHash(backend)).toEqual(saved.hash);
      expect(backend.list("lease").length).toBe(5);
      expect(backend.list("authUsers").length).toBe(1);
      expect(backend.list("members_removed")).toEqual([]);
      const names = backend.list("members").map(({ value }) => (JSON.parse(utf8Text(value)) as { name: string }).name);
      expect(names.sort()).toEqual(["a", "b", "c"]);
      expect(utf8Text(backend.get("cluster", utf8Bytes("clusterVersion")) ?? new Uint8Array(0))).toBe("3.6.0");
      await member.close();
    }));

  it("writes a log that begins with the founders, as theirs who found a cluster", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      await restoreSnapshot(options);
      const contents = WriteAheadLog.read(NODE_FILE_SYSTEM, join(options.dataDirectory, "member/wal"), {
        index: 0,
        term: 0,
      });
      expect(contents.entries.map(({ index, term, type }) => [index, term, type])).toEqual([
        [1, 1, 1],
        [2, 1, 1],
        [3, 1, 1],
      ]);
      expect(contents.snapshots.map(({ index, term }) => [index, term])).toEqual([
        [0, 0],
        [3, 1],
      ]);
    }));

  it("is never rebuilt from its log, which does not hold the data", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      await restoreSnapshot(options);
      const engine = join(options.dataDirectory, "member/db");
      for (const name of readdirSync(engine).filter((each) => each.endsWith(".ldb"))) {
        const table = readFileSync(join(engine, name));
        table[100] = (table[100] ?? 0) ^ 1;
        writeFileSync(join(engine, name), table);
      }
      for (const rebuildEngine of ["ifDamaged", "always"] as const) {
        const opening = openMember(options.dataDirectory, { newIdentity: neverNew, rebuildEngine });
        await expect(opening).rejects.toMatchObject({ code: "missing" });
      }
    }));

  it("puts the log elsewhere if it is told to", () =>
    withSnapshot(async (directory, saved) => {
      const options = { ...optionsFor(directory, saved.path), walDirectory: join(directory, "logs/wal") };
      await restoreSnapshot(options);
      expect(readdirSync(join(directory, "logs"))).toEqual(["wal"]);
      expect(existsSync(join(options.dataDirectory, "member/wal"))).toBe(false);
      const member = await openRestored(options);
      expect(await storeHash(member.backend)).toEqual(saved.hash);
      await member.close();
    }));

  it("puts the log into the data directory if its place there is what it is told", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      const walDirectory = `${directory}/./data//member/wal`;
      await restoreSnapshot({ ...options, walDirectory });
      expect(readdirSync(options.dataDirectory)).toEqual(["member"]);
      expect(readdirSync(join(options.dataDirectory, "member")).sort()).toContain("wal");
      const member = await openRestored({ ...options, walDirectory: join(options.dataDirectory, "member/wal") });
      expect(await storeHash(member.backend)).toEqual(saved.hash);
      await member.close();
    }));

  it("refuses other places in the member's directory", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      for (const name of ["member", "member/db", "member/wal/wal", "member.building/wal"]) {
        const walDirectory = join(options.dataDirectory, name);
        const refused = restoreSnapshot({ ...options, walDirectory });
        await expect(refused).rejects.toMatchObject({ code: "unwritable", file: walDirectory });
        expect(existsSync(options.dataDirectory)).toBe(false);
      }
    }));

  it("bumps the revision and marks it as compacted", () =>
    withSnapshot(async (directory, saved) => {
      const options = { ...optionsFor(directory, saved.path), bumpRevision: 1_000_000 };
      const revision = saved.hash.currentRevision + 1_000_000;
      expect(await restoreSnapshot(options)).toMatchObject({ revision });
      const member = await openRestored(options);
      expect(await storeHash(member.backend)).toMatchObject({ currentRevision: revision, compactRevision: revision });
      await member.close();
    }));

  it("refuses places that are taken, and changes nothing there", () =>
    withSnapshot(async (directory, saved) => {
      const options = optionsFor(directory, saved.path);
      const { dataDirectory } = options;
      await restoreSnapshot(options);
      await expect(restoreSnapshot(options)).rejects.toMatchObject({ code: "unwritable" });
      const wal = join(dataDirectory, "member/wal");
      const other = { ...options, dataDirectory: join(directory, "other"), walDirectory: wal };
      await expect(restoreSnapshot(other)).rejects.toMatchObject({ code: "unwritable", file: wal });
      expect(existsSync(other.dataDirectory)).toBe(false);
      const member = await openRestored(options);
      await member.close();
    }));

  it("leaves nothing when it is interrupted", () =>
    withSnapshot(async (directory, saved) => {
      const controller = new AbortController();
      const options = {
        ...optionsFor(directory, saved.path),
        dataDirectory: join(directory, "new/deep/data"),
        walDirectory: join(directory, "new/logs/wal"),
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("enough")),
      };
      await expect(restoreSnapshot(options)).rejects.toThrow("enough");
      expect(readdirSync(directory).sort()).toEqual(["saved.db", "source"]);
    }));

  it("leaves nothing that a member starts on when the disk fails, wherever that is", () =>
    withSnapshot(async (directory, saved) => {
      const failing = new FailingFileSystem();
      const options = {
        ...optionsFor(directory, saved.path),
        fs: failing.fs,
        walDirectory: join(directory, "wal"),
      };
      await restoreSnapshot(options);
      const changes = failing.count;
      expect(changes).toBeGreaterThan(20);
      for (let failsFrom = 1; failsFrom <= changes; failsFrom++) {
        rmSync(options.dataDirectory, { recursive: true, force: true });
        for (const wal of ["wal", "wal.building"]) rmSync(join(directory, wal), { recursive: true, force: true });
        failing.count = 0;
        failing.failsFrom = failsFrom;
        await expect(restoreSnapshot(options)).rejects.toThrow();
        if (!existsSync(options.dataDirectory) || readdirSync(options.dataDirectory).length === 0) continue;
        rmSync(join(options.dataDirectory, "member.building/quorate.lock"), { force: true });
        const opened = await openRestored(options).catch((error: unknown) => error as StorageError);
        if (opened instanceof StorageError) expect([failsFrom, opened.code]).toEqual([failsFrom, "foreign"]);
        else {
          expect([failsFrom, await storeHash((opened as MemberStorage).backend)]).toEqual([failsFrom, saved.hash]);
          await (opened as MemberStorage).close();
        }
      }
    }));

  it("refuses a database of a newer etcd", () =>
    withSnapshot(async (directory, saved) => {
      const path = join(directory, "newer.db");
      const text = Buffer.from(saved.database)
        .toString("latin1")
        .replaceAll("clusterVersion3.6.0", "clusterVersion3.8.0");
      saveWithDigest(path, Buffer.from(text, "latin1"));
      const options = optionsFor(directory, path);
      await expect(restoreSnapshot(options)).rejects.toMatchObject({ code: "newerFormat" });
      expect(existsSync(options.dataDirectory)).toBe(false);
    }));
});

describe("the status of a snapshot", () => {
  it("counts and hashes what is in it", () =>
    withSnapshot(async (_, saved) => {
      const status = await snapshotStatus(NODE_FILE_SYSTEM, saved.path);
      expect(status).toMatchObject({
        revision: saved.hash.currentRevision,
        totalKey: saved.keyCount,
        totalSize: saved.database.length,
        version: "3.6.0",
      });
    }));

  it("is read by a store as the database that it is", () =>
    withSnapshot(async (_, saved) => {
      const reader = BboltReader.open(NODE_FILE_SYSTEM, saved.path);
      expect(await storeHash(bboltBackend(reader, saved.path))).toEqual(saved.hash);
      reader.close();
    }));
});

describe("a damaged snapshot", () => {
  it("is told by its digest, whichever bit it is", () =>
    withSnapshot(async (directory, saved) => {
      const prng = new SeededPrng(5);
      const whole = readFileSync(saved.path);
      const path = join(directory, "flipped.db");
      for (let round = 0; round < 150; round++) {
        const bytes = Uint8Array.from(whole);
        const at = prng.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
        writeFileSync(path, bytes);
        const digest = await snapshotDigest(NODE_FILE_SYSTEM, path);
        expect([at, Buffer.from(digest?.stored ?? []).equals(Buffer.from(digest?.computed ?? []))]).toEqual([
          at,
          false,
        ]);
      }
    }));

  it("never ends the process, and leaves nothing where it is refused, without the digest too", () =>
    withSnapshot(async (directory, saved) => {
      const path = join(directory, "mutated.db");
      const outcomes = { refused: 0, accepted: 0 };
      for (let seed = 1; seed <= 80; seed++) {
        writeFileSync(path, mutated(saved.database, new SeededPrng(seed)));
        const status = await snapshotStatus(NODE_FILE_SYSTEM, path).catch(storageErrorOnly(seed));
        const options = optionsFor(directory, path);
        const restored = await restoreSnapshot(options).catch(storageErrorOnly(seed));
        if (restored instanceof StorageError) {
          outcomes.refused++;
          expect([seed, existsSync(options.dataDirectory)]).toEqual([seed, false]);
          continue;
        }
        // What a file without digest says is believed where its pages hold together: a store must be able to read it.
        outcomes.accepted++;
        expect([seed, status instanceof StorageError]).toEqual([seed, false]);
        const member = await openRestored(options);
        await storeHash(member.backend);
        await member.close();
        rmSync(options.dataDirectory, { recursive: true });
      }
      expect(outcomes.refused).toBeGreaterThan(20);
      expect(outcomes.accepted).toBeGreaterThan(5);
    }));
});

/** A database cut short, or with bytes, bits or pages changed. */
function mutated(database: Uint8Array, prng: SeededPrng): Uint8Array {
  const bytes = Uint8Array.from(database);
  const kind = prng.below(5);
  if (kind === 0) return bytes.subarray(0, prng.below(bytes.length));
  for (let changes = 1 + prng.below(4); changes > 0; changes--) {
    const at = prng.below(bytes.length);
    const page = at - (at % 4096);
    if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
    else if (kind === 2) bytes[page + prng.below(64)] = prng.below(256);
    else if (kind === 3) bytes.copyWithin(page, prng.below(bytes.length / 4096) * 4096, page + 4096);
    else bytes.fill(0, at, at + prng.below(600));
  }
  return bytes;
}

function storageErrorOnly(seed: number): (error: unknown) => StorageError {
  return (error) => {
    if (error instanceof StorageError) return error;
    throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
  };
}
