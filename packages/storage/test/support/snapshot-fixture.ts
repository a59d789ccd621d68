import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesFromLatin1, SeededPrng, utf8Bytes } from "@quorate/base";
import { type Backend, type HashKvResult, Lessor, Store } from "@quorate/mvcc";
import { createDeleteRangeRequest, createPutRequest } from "@quorate/protocol";
import { type FrozenBackend, NODE_FILE_SYSTEM, type SnapshotPosition, writeBboltFile } from "@quorate/storage";
import { snapshotSources } from "../../src/snapshot/snapshot-sources.ts";
import { contentOf } from "../../src/snapshot/snapshot-stream.ts";
import { openLevel } from "./level-fixture.ts";

const OLD_MEMBER = 0xabcn;
const CONF = { voters: [OLD_MEMBER], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** A snapshot file as `snapshot save` makes it, and what it holds. */
export interface SavedSnapshot {
  readonly path: string;
  /** The database without the digest. */
  readonly database: Uint8Array;
  readonly hash: HashKvResult;
  readonly keyCount: number;
}

/** Saves the state of a store of another cluster: keys, tombstones, leases, a user, a compaction. */
export async function savedSnapshot(directory: string, changes = 800): Promise<SavedSnapshot> {
  const backend = await openLevel(join(directory, "source"));
  const lessor = new Lessor({ minTtlSeconds: 2 }, { backend });
  const store = new Store(backend, { leases: lessor });
  const prng = new SeededPrng(changes);
  for (let lease = 1; lease <= 5; lease++) lessor.grant(BigInt(lease), 3600, 0);
  for (let i = 0; i < changes; i++) {
    const key = bytesFromLatin1(`key-${prng.below(200)}`);
    const value = new Uint8Array(prng.below(50) === 0 ? 9000 : prng.below(200)).fill(i);
    if (prng.below(5) === 0) store.deleteRange(createDeleteRangeRequest({ key }));
    else store.put(createPutRequest({ key, value, lease: prng.below(4) === 0 ? BigInt(1 + prng.below(5)) : 0n }));
  }
  store.compact(Math.floor(changes / 4));
  backend.put("authUsers", utf8Bytes("root"), Uint8Array.of(0x0a, 4, 0x72, 0x6f, 0x6f, 0x74, 0x22, 0));
  backend.put(
    "members",
    utf8Bytes("abc"),
    utf8Bytes(`{"id":${OLD_MEMBER},"peerURLs":["http://old:2380"],"name":"old"}`),
  );
  backend.put("members_removed", utf8Bytes("def"), utf8Bytes("removed"));
  backend.put("cluster", utf8Bytes("clusterVersion"), utf8Bytes("3.6.0"));
  backend.commit();
  const path = join(directory, "saved.db");
  await writeSnapshot(path, backend.freeze(), { index: 7777, term: 9, confState: CONF });
  const hash = await storeHash(backend);
  await backend.close();
  const database = readFileSync(path);
  saveWithDigest(path, database);
  return { path, database, hash, keyCount: store.keyCount };
}

/** Writes a frozen state, which is closed, as a database file; resolves with its size. */
export async function writeSnapshot(path: string, frozen: FrozenBackend, position: SnapshotPosition): Promise<number> {
  const { files, state } = await frozen.opened();
  const bytes = await writeBboltFile(NODE_FILE_SYSTEM, path, snapshotSources(contentOf(state, files), position));
  await frozen.close();
  return bytes;
}

/** Writes a database and the digest that belongs to it. */
export function saveWithDigest(path: string, database: Uint8Array): void {
  writeFileSync(path, Buffer.concat([database, createHash("sha256").update(database).digest()]));
}

/** HashKV of what a backend holds. */
export async function storeHash(backend: Backend, revision = 0): Promise<HashKvResult> {
  const store = new Store(backend);
  await new Promise<void>((resolve, reject) =>
    store.restore((error) => (error === undefined ? resolve() : reject(error))),
  );
  return await new Promise<HashKvResult>((resolve, reject) => {
    store.hashKv(revision, (error, found) => (found === undefined ? reject(new Error(error)) : resolve(found)));
  });
}
