import { type Clock, crc32c, EMPTY_BYTES } from "@quorate/base";
import type { Entry, HardState } from "@quorate/raft";
import { WriteAheadLog } from "@quorate/storage";
import type { SimulatedDisk } from "./simulated-disk.ts";

export const WAL_DIRECTORY = "/data/member/wal";
export const METADATA: Uint8Array = Uint8Array.of(8, 7, 16, 9);
export const START = { index: 0, term: 0 };

/** A clock moved by hand. */
export class ManualClock implements Clock {
  now = 1000;
  nowMs(): number {
    return this.now;
  }
  wallMs(): number {
    return this.now;
  }
}

/** An entry whose data tells its index and has the given size. */
export function entry(index: number, term = 1, dataBytes = 40): Entry {
  const data = dataBytes === 0 ? EMPTY_BYTES : new Uint8Array(dataBytes).fill((index * 7 + term) & 0xff);
  return { term, index, type: 0, data };
}

export function entries(from: number, to: number, term = 1, dataBytes = 40): Entry[] {
  return Array.from({ length: to - from }, (_, i) => entry(from + i, term, dataBytes));
}

export function state(term: number, commit: number, vote = 0x2e1259d415f2a040n): HardState {
  return { term, vote, commit };
}

/** Options for a log on a simulated disk, with small segments and every sync "later". */
export function walOptions(
  disk: SimulatedDisk,
  segmentBytes = 16 * 1024,
): {
  directory: string;
  fs: SimulatedDisk;
  clock: ManualClock;
  segmentBytes: number;
  inlineSyncBytesMax: number;
} {
  return { directory: WAL_DIRECTORY, fs: disk, clock: new ManualClock(), segmentBytes, inlineSyncBytesMax: 0 };
}

/** Appends and waits until it is durable. */
export function appendDurably(
  log: WriteAheadLog,
  disk: SimulatedDisk,
  list: readonly Entry[],
  hardState?: HardState,
): void {
  let isDurable = false;
  log.append(list, hardState, true, (error) => {
    if (error !== undefined) throw error;
    isDurable = true;
  });
  disk.finish();
  if (!isDurable) throw new Error("the append is not durable after all syncs");
}

/** What a reader finds from the beginning. */
export function readAll(disk: SimulatedDisk): ReturnType<typeof WriteAheadLog.read> {
  return WriteAheadLog.read(disk, WAL_DIRECTORY, START);
}

/** Entries in short, for comparing many of them quickly. */
export function fingerprint(list: readonly Entry[]): string {
  return list
    .map(({ term, index, type, data }) => `${term}.${index}.${type}.${data.length}.${crc32c(0, data)}`)
    .join(" ");
}
