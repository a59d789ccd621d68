import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesFromLatin1, crc32c, latin1FromBytes } from "@quorate/base";
import type { Backend, Bucket, RevisionRecord } from "@quorate/mvcc";
import { type Barrier, LevelBackend, type LevelBackendOptions, NODE_FILE_SYSTEM } from "@quorate/storage";

const NOBODY = { voters: [1n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
export const BUCKETS: readonly Bucket[] = ["alarm", "auth", "lease", "members", "meta"];

/** A directory that is gone after the test. */
export function scratch(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "quorate-storage-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function openLevel(directory: string, options: Partial<LevelBackendOptions> = {}): Promise<LevelBackend> {
  return LevelBackend.open({
    directory,
    fs: NODE_FILE_SYSTEM,
    writeDelayMs: 0,
    fatal: (error) => {
      throw error;
    },
    ...options,
  });
}

export function barrierAt(index: number, revision: number): Barrier {
  return { index, term: 1, revision, confState: NOBODY };
}

export function writeBarrier(backend: LevelBackend, info: Barrier): Promise<void> {
  return new Promise((resolve, reject) => {
    backend.barrier(info, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

export function scanAll(backend: Backend): Promise<RevisionRecord[]> {
  return new Promise((resolve, reject) => {
    const found: RevisionRecord[] = [];
    const next = (main: number, sub: number): void => {
      backend.scanRevisions(main, sub, 100, (error, records) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        found.push(...records);
        const last = records.at(-1);
        if (last === undefined || records.length < 100) resolve(found);
        else next(last.main, last.sub + 1);
      });
    };
    next(0, 0);
  });
}

/** Everything a backend holds, in short. */
export async function dump(backend: Backend): Promise<string> {
  const revisions = (await scanAll(backend)).map(
    ({ main, sub, tombstone, value }) => `${main}.${sub}${tombstone ? "t" : ""}=${value.length}:${crc32c(0, value)}`,
  );
  const buckets = BUCKETS.flatMap((bucket) =>
    backend.list(bucket).map(({ key, value }) => `${bucket}/${latin1FromBytes(key)}=${latin1FromBytes(value)}`),
  );
  return [...revisions, ...buckets].join("\n");
}

export function bytes(text: string): Uint8Array {
  return bytesFromLatin1(text);
}

/** A copy of a directory in use, as a crash at this moment leaves it; false if files went away meanwhile. */
export function copyDirectory(from: string, to: string): boolean {
  rmSync(to, { recursive: true, force: true });
  try {
    cpSync(from, to, { recursive: true });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return false;
    throw error;
  }
  return readdirSync(to).length > 0;
}
