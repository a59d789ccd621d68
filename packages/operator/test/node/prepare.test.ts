import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { EtcdClient } from "@quorate/client";
import { EtcdNode, serverUnderTest, type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { formatManifest, MANIFEST_FORMAT, type Manifest, manifestKey } from "../../src/core/index.ts";
import { PREPARE_EXIT, type PrepareTask, parsePrepareTask, prepare, runPrepare } from "../../src/node/prepare/index.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const QUORATECTL = [join(ROOT, "packages", "cli", "bin", "quoratectl.js")];

let directory: TemporaryDirectory;

beforeEach(() => {
  directory = temporaryDirectory("quorate-prepare-");
});

afterEach(() => {
  directory.remove();
});

describe("prepare", () => {
  it("marks an empty volume for a member that has not joined, and takes it again", async () => {
    expect(await exitCode({})).toBe(PREPARE_EXIT.ready);
    expect(mark("incarnation")).toBe("uid-1");
    expect(await exitCode({})).toBe(PREPARE_EXIT.ready);
  });

  it("lets a member that has joined start on its data", async () => {
    await exitCode({});
    putData();

    expect(await exitCode({ mustHaveData: true })).toBe(PREPARE_EXIT.ready);
  });

  it.each([
    ["the volume is empty", () => undefined],
    ["the mark is there and the data is gone", () => writeFileSync(path("incarnation"), "uid-1\n")],
    ["the data is there without the mark", () => putData()],
  ])("stops a member that has joined when %s", async (_what, arrange) => {
    arrange();

    expect(await exitCode({ mustHaveData: true })).toBe(PREPARE_EXIT.dataLost);
  });

  it("stops a member on another's volume, marked or not", async () => {
    writeFileSync(path("incarnation"), "uid-0\n");
    expect(await exitCode({})).toBe(PREPARE_EXIT.foreignData);

    rmSync(path("incarnation"));
    putData();
    expect(await exitCode({})).toBe(PREPARE_EXIT.foreignData);
    expect(existsSync(path("incarnation"))).toBe(false);
  });

  it("gives the volume of a former member to the one that takes its place, with its data only", async () => {
    writeFileSync(path("incarnation"), "uid-0\n");
    expect(await exitCode({ adopts: true })).toBe(PREPARE_EXIT.dataLost);

    putData();
    expect(await exitCode({ adopts: true })).toBe(PREPARE_EXIT.ready);
    expect(mark("incarnation")).toBe("uid-1");
  });

  it("lets a cluster of one be forced once per recovery", async () => {
    await exitCode({});
    putData();

    expect(await exitCode({ forceEpoch: 1 })).toBe(PREPARE_EXIT.ready);
    expect(await exitCode({ forceEpoch: 1 })).toBe(PREPARE_EXIT.alreadyForced);
    expect(await exitCode({})).toBe(PREPARE_EXIT.ready);
    expect(await exitCode({ forceEpoch: 3 })).toBe(PREPARE_EXIT.ready);
    expect(await exitCode({ forceEpoch: 2 })).toBe(PREPARE_EXIT.alreadyForced);
    expect(mark("recovery-epoch")).toBe("3");
  });

  it("does not force what has no data", async () => {
    await exitCode({});

    expect(await exitCode({ forceEpoch: 1 })).toBe(PREPARE_EXIT.dataLost);
    expect(existsSync(path("recovery-epoch"))).toBe(false);
  });
});

describe("parsePrepareTask", () => {
  const env = { VOLUME_PATH: "/v", MEMBER_UID: "u", MUST_HAVE_DATA: "false", JOINED: "" };

  it("reads what the Pod says", () => {
    expect(parsePrepareTask(env)).toEqual({
      volume: "/v",
      memberUid: "u",
      mustHaveData: false,
      adopts: false,
      forceEpoch: undefined,
      restore: undefined,
    });
    expect(parsePrepareTask({ ...env, JOINED: "true" }).mustHaveData).toBe(true);
    expect(parsePrepareTask({ ...env, MUST_HAVE_DATA: "true", FORCE_EPOCH: "7", ADOPTS: "true" })).toMatchObject({
      mustHaveData: true,
      forceEpoch: 7,
      adopts: true,
    });
  });

  it("names the variable that is missing", async () => {
    expect(() => parsePrepareTask({ VOLUME_PATH: "/v" })).toThrow("the environment variable MEMBER_UID is not set");
    expect(() => parsePrepareTask({ ...env, FORCE_EPOCH: "-1" })).toThrow("FORCE_EPOCH");

    const lines: string[] = [];
    expect(await runPrepare({}, (line) => lines.push(line))).toBe(PREPARE_EXIT.failed);
    expect(lines).toEqual(["the environment variable VOLUME_PATH is not set"]);
  });
});

describe("prepare with a snapshot", () => {
  it("restores it before the first start, wipes what an attempt before has left, and does it once", async () => {
    const program = serverUnderTest(ROOT) ?? [];
    const store = join(directory.path, "store");
    const volume = join(directory.path, "volume");
    mkdirSync(store);
    mkdirSync(join(volume, "data"), { recursive: true });
    writeFileSync(join(volume, "data", "half"), "of a directory");
    const revision = await saveSnapshot(program, join(store, "one.db"));
    const task = restoreTask(volume, writeManifest(store));
    const deps = { env: { QUORATE_STORE_DIRECTORY: store }, quoratectl: QUORATECTL };

    const first = await prepare(task, deps);

    expect(first).toMatchObject({ exitCode: PREPARE_EXIT.ready });
    expect(readFileSync(join(volume, "incarnation"), "utf8").trim()).toBe("uid-1");
    expect(existsSync(join(volume, "data", "half"))).toBe(false);
    expect(existsSync(join(volume, "artifact.db"))).toBe(false);

    // Once it is marked the store is not needed any more, and the data not touched.
    rmSync(store, { recursive: true });
    writeFileSync(join(volume, "data", "trace"), "");
    expect(await prepare(task, deps)).toMatchObject({ exitCode: PREPARE_EXIT.ready });
    expect(existsSync(join(volume, "data", "trace"))).toBe(true);
    rmSync(join(volume, "data", "trace"));

    await using node = await EtcdNode.prepare({ program, name: "c-4", readyTimeoutMs: 60_000 });
    rmSync(node.dataDirectory, { recursive: true });
    renameSync(join(volume, "data"), node.dataDirectory);
    await node.restart();
    await using client = new EtcdClient({ endpoints: [node.clientUrl] });
    const { kvs, header } = await client.kv.get("a");
    expect(Buffer.from(kvs[0]?.value ?? []).toString()).toBe("1");
    expect(header.revision).toBeGreaterThanOrEqual(revision + 1000);
  }, 120_000);

  it("fails, to be tried again, when the artifact is not there", async () => {
    const volume = join(directory.path, "volume");
    mkdirSync(volume);

    const attempt = prepare(restoreTask(volume, "0".repeat(64)), {
      env: { QUORATE_STORE_DIRECTORY: directory.path },
      quoratectl: QUORATECTL,
    });

    await expect(attempt).rejects.toMatchObject({ reason: "NotFound" });
    expect(existsSync(join(volume, "incarnation"))).toBe(false);
  });
});

function restoreTask(volume: string, sha256: string): PrepareTask {
  return {
    ...taskOf({ volume }),
    restore: {
      source: { destination: { pvc: { claimName: "backups" } }, key: "one.db", sha256, revisionBump: 1000 },
      memberName: "c-4",
      peerUrl: "http://127.0.0.1:2380",
      clusterToken: "token",
    },
  };
}

function taskOf(changes: Partial<PrepareTask>): PrepareTask {
  return {
    volume: directory.path,
    memberUid: "uid-1",
    mustHaveData: false,
    adopts: false,
    forceEpoch: undefined,
    restore: undefined,
    ...changes,
  };
}

async function exitCode(changes: Partial<PrepareTask>): Promise<number> {
  return (await prepare(taskOf(changes), { env: {}, quoratectl: QUORATECTL })).exitCode;
}

function path(name: string): string {
  return join(directory.path, name);
}

function mark(name: string): string {
  return readFileSync(path(name), "utf8").trim();
}

function putData(): void {
  mkdirSync(path("data"), { recursive: true });
  writeFileSync(join(path("data"), "wal"), "entries");
}

/** Beside the artifact, as the agent of snapshots writes it. Gives the artifact's digest. */
function writeManifest(store: string): string {
  const bytes = readFileSync(join(store, "one.db"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const manifest: Manifest = {
    formatVersion: MANIFEST_FORMAT,
    backup: { name: "one", uid: "u" },
    cluster: { namespace: "ns", name: "c", uid: "u", id: "1", alarms: [] },
    member: { name: "c-1", id: "1", role: "Leader", version: "3.7.1" },
    storageVersion: "3.7.0",
    revision: "2",
    fileHash: "0",
    raftTerm: 2,
    raftIndex: 5,
    totalKeys: 1,
    key: "one.db",
    compression: "None",
    sizeBytes: bytes.length,
    storedSizeBytes: bytes.length,
    sha256,
    storedSha256: sha256,
    startedAt: "2026-01-01T00:00:00Z",
    finishedAt: "2026-01-01T00:00:00Z",
    tool: "test",
    verification: { level: "Digest", time: "2026-01-01T00:00:00Z", durationSeconds: 0 },
  };
  writeFileSync(join(store, manifestKey("one.db")), formatManifest(manifest));
  return sha256;
}

/** Saves the store of a member with one key. Resolves to its revision. */
async function saveSnapshot(program: readonly string[], file: string): Promise<number> {
  await using node = await EtcdNode.start({ program, readyTimeoutMs: 60_000 });
  await using client = new EtcdClient({ endpoints: [node.clientUrl] });
  const { header } = await client.kv.put("a", "1");
  await (await client.maintenance.snapshot()).save(file);
  return header.revision;
}
