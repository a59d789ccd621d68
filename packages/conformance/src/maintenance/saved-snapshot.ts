import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { EtcdNode, requirePeer, type TemporaryDirectory } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

const COMMAND_TIMEOUT_MS = 60_000;
const WRITERS = 8;
const bytes = (text: string): Buffer => Buffer.from(text);

/** A hash of all keys, and the revision it is of. */
export interface HashAt {
  readonly hash: string;
  readonly revision: string;
}

/** What one snapshot, saved while others wrote, came to. */
export interface SavedSnapshot {
  /** `etcdctl snapshot status` of it: hash of the file's content, revision, number of keys. */
  readonly status: { readonly hash: number; readonly revision: number; readonly totalKey: number };
  /** Of the server it was saved from, at the snapshot's revision. */
  readonly saved: HashAt;
  /** Of a real etcd that was started from it. */
  readonly restored: HashAt;
  /** Leases that etcd knows, and the keys of one of them. */
  readonly leases: readonly string[];
  readonly attached: readonly string[];
  /** Writes acknowledged between the beginning and the end of the save. */
  readonly writes: number;
}

/**
 * A server with a history of several kinds saves a snapshot to etcdctl `version` while eight clients write; etcdctl checks the file and
 * restores it, and a real etcd starts from that.
 */
export async function savedSnapshot(
  program: readonly string[],
  version: "3.4" | "3.5",
  scratch: TemporaryDirectory,
): Promise<SavedSnapshot> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  using api = new EtcdApi(node.endpoint);
  await writeHistory(api);
  const file = join(scratch.path, `saved-by-${version}.db`);
  const writers = new Writers(node.endpoint);
  try {
    await run(version, [`--endpoints=${node.endpoint}`, "snapshot", "save", file]);
  } finally {
    await writers.stop();
  }
  const status = JSON.parse(await run("3.5", ["snapshot", "status", file, "-w", "json"])) as SavedSnapshot["status"];
  const saved = await hashAt(api, status.revision);
  return { status, saved, ...(await restore(file, status.revision)), writes: writers.count };
}

async function restore(
  file: string,
  revision: number,
): Promise<Pick<SavedSnapshot, "restored" | "leases" | "attached">> {
  await using node = await EtcdNode.prepare({ program: [requirePeer("etcd-3.5")], medium: "memory" });
  await run("3.5", [
    "snapshot",
    "restore",
    file,
    `--data-dir=${node.dataDirectory}`,
    `--name=${node.name}`,
    `--initial-cluster=${node.name}=${node.peerUrl}`,
    `--initial-advertise-peer-urls=${node.peerUrl}`,
  ]);
  await node.restart();
  using api = new EtcdApi(node.endpoint);
  const restored = await hashAt(api, revision);
  const { leases } = await api.must("Lease/LeaseLeases", {});
  const { keys } = await api.must("Lease/LeaseTimeToLive", { ID: "77", keys: true });
  return {
    restored,
    leases: ((leases ?? []) as readonly Message[]).map(({ ID }) => String(ID)).sort(),
    attached: ((keys ?? []) as readonly Buffer[]).map((key) => key.toString()).sort(),
  };
}

async function writeHistory(api: EtcdApi): Promise<void> {
  for (const ID of ["77", "78"]) await api.must("Lease/LeaseGrant", { ID, TTL: "6000" });
  const put = (key: string, value: Buffer, lease = "0"): Promise<Message> =>
    api.must("KV/Put", { key: bytes(`history/${key}`), value, lease });
  for (let i = 0; i < 300; i++) await put(`${i % 90}`, Buffer.alloc((i * 37) % 5000, i));
  await put("leased", bytes("v"), "77");
  await put("large", Buffer.alloc(300_000, 1));
  await api.must("KV/DeleteRange", { key: bytes("history/1"), range_end: bytes("history/2") });
  await api.must("KV/Compact", { revision: "150", physical: true });
  await api.must("KV/Txn", {
    success: [
      { request_put: { key: bytes("history/a"), value: bytes("1") } },
      { request_put: { key: bytes("history/b"), value: bytes("2") } },
      { request_delete_range: { key: bytes("history/20") } },
    ],
  });
}

async function hashAt(api: EtcdApi, revision: number): Promise<HashAt> {
  const { hash } = await api.must("Maintenance/HashKV", { revision: String(revision) });
  return { hash: String(hash), revision: String(revision) };
}

async function run(version: "3.4" | "3.5", args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(requirePeer(`etcdctl-${version}`), [...args], {
    timeout: COMMAND_TIMEOUT_MS,
    env: { PATH: process.env["PATH"], ETCDCTL_API: "3" },
  });
  return stdout;
}

/** Clients that each put one value after the other. */
class Writers {
  count = 0;
  #isOver = false;
  readonly #finished: Promise<unknown>;

  constructor(endpoint: string) {
    this.#finished = Promise.all(Array.from({ length: WRITERS }, (_, i) => this.#write(endpoint, i)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#finished;
  }

  async #write(endpoint: string, writer: number): Promise<void> {
    using api = new EtcdApi(endpoint);
    for (let i = 0; !this.#isOver; i++) {
      await api.must("KV/Put", { key: bytes(`load/${writer}/${i % 20}`), value: Buffer.alloc(100, i) });
      this.count++;
    }
  }
}
