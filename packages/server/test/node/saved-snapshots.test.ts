import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Logger, NO_LOGGER } from "@quorate/base";
import type { StreamCall } from "@quorate/grpc";
import { decodeSnapshotResponse, type SnapshotResponse } from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { SavedSnapshots } from "../../src/node/saved-snapshots.ts";
import type { NodeContext } from "../../src/node/services/node-context.ts";
import { snapshotHandler } from "../../src/node/services/snapshot.ts";
import { b, type EtcdClient } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const INTERNAL = 13;
const CANCELLED = 1;
const atOnce = (run: () => void): void => run();

describe("snapshots for clients", () => {
  let made: number;
  let closed: number;
  let observed: number;

  beforeEach(() => {
    [made, closed, observed] = [0, 0, 0];
  });

  function snapshots(fails = false): SavedSnapshots {
    return new SavedSnapshots({
      make: () => {
        made++;
        if (fails) return Promise.reject(new Error("the engine is damaged"));
        return Promise.resolve({
          bytes: made,
          next: () => Promise.resolve(undefined),
          digest: () => Uint8Array.of(1),
          close: () => {
            closed++;
            return Promise.resolve();
          },
        });
      },
      took: { observe: () => observed++ },
      nowMs: () => 0,
    });
  }

  it("are four at a time; who waits gets the next place, unless it has gone", async () => {
    const saved = snapshots();
    const { signal } = new AbortController();
    const first = await Promise.all([1, 2, 3, 4].map(() => saved.open(atOnce, signal)));
    const gone = new AbortController();
    const given = saved.open(atOnce, gone.signal);
    const waiting = saved.open(atOnce, signal);
    gone.abort(new Error("has gone"));
    await expect(given).rejects.toThrow("has gone");
    expect([made, observed]).toEqual([4, 4]);
    await first[0]?.close();
    await first[0]?.close();
    const fifth = await waiting;
    expect([made, closed]).toEqual([5, 1]);
    expect([fifth.bytes, await fifth.next(), fifth.digest()]).toEqual([5, undefined, Uint8Array.of(1)]);
    for (const each of [...first, fifth]) await each.close();
    const again = await Promise.all([1, 2, 3, 4].map(() => saved.open(atOnce, signal)));
    for (const each of again) await each.close();
    expect([made, closed]).toEqual([9, 9]);
  });

  it("that cannot be made leave their place", async () => {
    const saved = snapshots(true);
    for (let i = 0; i < 10; i++) {
      await expect(saved.open(atOnce, new AbortController().signal)).rejects.toThrow("the engine is damaged");
    }
    expect(observed).toBe(0);
  });
});

describe("a snapshot that cannot be closed", () => {
  const { signal } = new AbortController();
  const saved = (): SavedSnapshots =>
    new SavedSnapshots({
      make: () =>
        Promise.resolve({
          bytes: 0,
          next: () => Promise.resolve(undefined),
          digest: () => Uint8Array.of(1),
          close: () => Promise.reject(new Error("the thread has ended")),
        }),
      took: { observe: () => {} },
      nowMs: () => 0,
    });

  it("leaves its place", async () => {
    const snapshots = saved();
    for (let i = 0; i < 10; i++) {
      const stream = await snapshots.open(atOnce, signal);
      await expect(stream.close()).rejects.toThrow("the thread has ended");
    }
    expect(snapshots.openCount).toBe(0);
  });

  it("ends its call and nothing else", async () => {
    const snapshots = saved();
    const context = { whenServing: atOnce, membership: { clusterVersion: undefined } } as unknown as NodeContext;
    let ended = 0;
    const errors: string[] = [];
    const logger: Logger = { ...NO_LOGGER, error: (message) => void errors.push(message) };
    const call = { ended: false, writable: true, send: () => true, end: () => ended++ } as unknown as StreamCall;
    const fatal = (error: Error): void => void errors.push(`fatal: ${String(error)}`);
    snapshotHandler(context, { snapshots, logger, fatal })(call);
    call.onMessage?.(new Uint8Array(0));
    // What is rejected and heard by nobody fails the test, as it would end the process.
    await waitUntil(() => errors.length > 0, { what: "the error", timeoutMs: 5000 });
    expect([ended, errors, snapshots.openCount]).toEqual([1, ["cannot close a database snapshot"], 0]);
  });
});

describe("Maintenance.Snapshot", () => {
  let directory: TemporaryDirectory;
  let node: TestNode;
  let client: EtcdClient;

  beforeAll(async () => {
    directory = temporaryDirectory("quorate-snapshot-", "memory");
    node = await TestNode.start(directory.path);
    client = node.client;
    for (let i = 0; i < 12; i++) await client.put({ key: b(`k${i}`), value: randomBytes(1_000_000) });
  });
  afterAll(async () => {
    await node.stop();
    directory.remove();
  });

  async function save(): Promise<SnapshotResponse[]> {
    const stream = client.serverStream("Maintenance/Snapshot", new Uint8Array(0));
    const responses: SnapshotResponse[] = [];
    expect(await stream.ended()).toEqual({ code: 0, details: "" });
    while (stream.waiting > 0) responses.push(decodeSnapshotResponse(await stream.next()));
    return responses;
  }

  it("sends blobs of 256 KiB that count down, then the digest; no header, the storage's version in each", async () => {
    const responses = await save();
    const last = responses.pop();
    const database = Buffer.concat(responses.map(({ blob }) => blob));
    let left = database.length;
    for (const { blob, header, remainingBytes, version } of responses) {
      left -= blob.length;
      expect([header, remainingBytes, version]).toEqual([undefined, left, "3.7.0"]);
      expect(blob.length === 256 * 1024 || left === 0).toBe(true);
    }
    expect(left).toBe(0);
    expect(database.length % 512).toBe(0);
    expect(last).toMatchObject({ header: undefined, remainingBytes: 0, version: "3.7.0" });
    expect(Buffer.from(last?.blob ?? [])).toEqual(createHash("sha256").update(database).digest());
  });

  it("is held up by a client that does not read, and is over once that has gone", async () => {
    const stream = client.serverStream("Maintenance/Snapshot", new Uint8Array(0));
    stream.pause();
    await waitUntil(() => openTables() > 0, { what: "open tables", timeoutMs: 5000 });
    const before = openTables();
    await client.put({ key: b("meanwhile"), value: b("v") });
    expect(openTables()).toBe(before);
    stream.cancel();
    expect((await stream.ended()).code).toBe(CANCELLED);
    await waitUntil(() => openTables() < before, { what: "tables to be closed", timeoutMs: 5000 });
  });

  it("refuses a malformed request", async () => {
    const stream = client.serverStream("Maintenance/Snapshot", Uint8Array.of(0xff));
    expect(await stream.ended()).toMatchObject({
      code: INTERNAL,
      details: expect.stringContaining("failed to unmarshal"),
    });
  });

  /** Tables of the engine that are open: LevelDB maps its own and keeps none of them so. */
  function openTables(): number {
    return readdirSync("/proc/self/fd").filter((fd) => /member\/db\/\d+\.ldb/.test(target(fd))).length;
  }

  function target(descriptor: string): string {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // It was closed since it was listed.
      return "";
    }
  }
});
