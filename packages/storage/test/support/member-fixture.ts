import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "@quorate/raft";
import {
  type MemberIdentity,
  type MemberStorage,
  type MemberStorageOptions,
  NODE_FILE_SYSTEM,
  openMemberStorage,
} from "@quorate/storage";
import { barrierAt, bytes } from "./level-fixture.ts";
import { entry, state } from "./wal-fixture.ts";

export const IDENTITY: MemberIdentity = { memberId: 0x2e1259d415f2a040n, clusterId: 0x48276a8f75b6a87n };
const CLOCK = { nowMs: () => performance.now(), wallMs: () => 0 };

export function openMember(dataDirectory: string, options: Partial<MemberStorageOptions> = {}): Promise<MemberStorage> {
  return openMemberStorage({
    dataDirectory,
    fs: NODE_FILE_SYSTEM,
    clock: CLOCK,
    newIdentity: () => IDENTITY,
    wal: { segmentBytes: 16 * 1024 },
    engine: { writeDelayMs: 0 },
    fatal: (error) => {
      throw error;
    },
    ...options,
  });
}

/** What a state machine does with an entry here: the revision is the index, the value the data. */
export function apply(storage: MemberStorage, applied: Entry): void {
  const { backend } = storage;
  backend.putRevision(applied.index, 0, false, applied.data);
  backend.put("cluster", bytes("last"), bytes(String(applied.index)));
  backend.put(
    "meta",
    bytes("consistent_index"),
    Uint8Array.of(0, 0, 0, 0, 0, 0, applied.index >> 8, applied.index & 255),
  );
  backend.commit();
}

export async function propose(storage: MemberStorage, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index++) {
    const proposed = entry(index, 1, 200);
    await new Promise<void>((resolve, reject) => {
      storage.log.append([proposed], state(1, index - 1), true, (error) => (error ? reject(error) : resolve()));
    });
    apply(storage, proposed);
  }
}

export function checkpoint(storage: MemberStorage, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    storage.checkpoint(barrierAt(index, index), index, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The directory as a crash leaves it, without the lock of this process, which is alive. */
export function crashImage(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  rmSync(join(to, "member/quorate.lock"), { force: true });
}
