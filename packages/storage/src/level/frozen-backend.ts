import { assert, copyBytes, type FileSystem, type OpenFile } from "@quorate/base";
import type { Bucket, BucketRecord, RevisionRecord } from "@quorate/mvcc";
import { StorageError } from "../storage-error.ts";
import { type FrozenState, frozenRevisions } from "./frozen-state.ts";
import { ENGINE_REMEDY, flushEngine, type LevelDatabase } from "./level-engine.ts";
import { type LiveTable, type ManifestReader, newestLogNumber } from "./live-tables.ts";

/** Tables go away between being named and being opened only when the engine has just merged them into others. */
const ATTEMPTS_MAX = 10;
/** What a list of revisions holds at most, about. */
const LIST_RECORDS = 1000;
const LIST_BYTES = 1024 * 1024;
/** Files opened or closed before others get a turn. */
const FILES_PER_TURN = 32;

/** The state of a backend at one instant, while that goes on. Close it: it holds files open. */
export interface FrozenBackend {
  /** The records of a small bucket in key order. */
  list(bucket: Bucket): readonly BucketRecord[];
  /**
   * All revisions in order, in lists of about 1,000 records or 1 MiB at most. Throws StorageError `damaged` naming a record or a
   * table, or what kept the engine from writing its tables.
   */
  revisions(): AsyncGenerator<readonly RevisionRecord[], void, void>;
  /** All of it as values, for another thread, and the open tables; good as long as this is not closed. Rejects as `revisions` throws. */
  opened(): Promise<FrozenFiles>;
  /** Lets go; once is enough, more do no harm. */
  close(): Promise<void>;
}

/** What an engine's state lies in. */
export interface FrozenFiles {
  readonly state: FrozenState;
  readonly files: readonly OpenFile[];
}

/** Open tables of the engine, copies of what they lacked, and of the small buckets. Memory: the latter two. */
export class FrozenLevelBackend implements FrozenBackend {
  readonly #buckets: ReadonlyMap<Bucket, readonly BucketRecord[]>;
  readonly #captured: Promise<FrozenFiles>;
  #isClosed = false;

  constructor(buckets: ReadonlyMap<Bucket, readonly BucketRecord[]>, captured: Promise<FrozenFiles>) {
    this.#buckets = buckets;
    this.#captured = captured;
    // Whoever reads it hears of it.
    captured.catch(() => undefined);
  }

  list(bucket: Bucket): readonly BucketRecord[] {
    return this.#buckets.get(bucket) ?? [];
  }

  async *revisions(): AsyncGenerator<readonly RevisionRecord[], void, void> {
    const { state, files } = await this.#captured;
    const records = frozenRevisions(state, files);
    for (;;) {
      // The numbers of closed files may be those of others by now.
      assert(!this.#isClosed, "a frozen backend is read while it is open");
      const list = nextList(records);
      if (list.length === 0) return;
      yield list;
    }
  }

  opened(): Promise<FrozenFiles> {
    return this.#captured;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const captured = await this.#captured.catch(() => undefined);
    await closeAll(captured?.files ?? []);
  }
}

/** The engine whose tables are opened. */
export interface TableSource {
  readonly database: LevelDatabase;
  readonly directory: string;
  readonly manifest: ManifestReader;
}

/** Copies: the records are borrowed. Empty at the end. */
function nextList(records: Iterator<RevisionRecord, void>): RevisionRecord[] {
  const list: RevisionRecord[] = [];
  for (let bytes = 0; list.length < LIST_RECORDS && bytes < LIST_BYTES; ) {
    const { done, value: record } = records.next();
    if (done === true) break;
    list.push({ ...record, value: copyBytes(record.value) });
    bytes += record.value.length;
  }
  return list;
}

/**
 * Has the engine write what it holds in memory, and opens all its tables: what they hold stays readable whatever the engine does
 * later. Rejects with StorageError `ioFailed` where the engine could not write, `damaged` where its manifest makes no sense, or with
 * what the system says.
 */
export async function openTables(
  fs: FileSystem,
  { database, directory, manifest: reader }: TableSource,
): Promise<readonly OpenTable[]> {
  const log = newestLogNumber(fs, directory);
  await flushEngine(database);
  for (let attempt = 1; ; attempt++) {
    const manifest = reader.read();
    if (manifest === undefined) {
      throw new StorageError("damaged", "cannot read the engine's manifest", {
        file: directory,
        remedy: ENGINE_REMEDY,
      });
    }
    // The engine does not say that it could not; but a flush that succeeded has begun another log and left the older ones behind.
    if (manifest.logNumber <= log) {
      throw new StorageError("ioFailed", "the engine cannot write what it holds in memory", {
        file: directory,
        remedy: "check the disk, its free space and the limit of open files",
      });
    }
    const opened = await openAll(fs, manifest.tables, attempt < ATTEMPTS_MAX);
    if (opened !== undefined) return opened;
  }
}

type OpenTable = LiveTable & { readonly file: OpenFile };

/** Undefined where one is gone and `mayBeGone`: the engine has merged it into others. */
async function openAll(
  fs: FileSystem,
  tables: readonly LiveTable[],
  mayBeGone: boolean,
): Promise<OpenTable[] | undefined> {
  const opened: OpenTable[] = [];
  try {
    for (const table of tables) {
      opened.push({ ...table, file: fs.open(table.path, "read") });
      if (opened.length % FILES_PER_TURN === 0) await nextTurn();
    }
    return opened;
  } catch (error) {
    await closeAll(opened.map(({ file }) => file));
    if (!mayBeGone || (error as { readonly code?: unknown }).code !== "ENOENT") throw error;
    await nextTurn();
    return undefined;
  }
}

/** The last one to close a file that has no name any more waits until its space is free: a few a turn. */
async function closeAll(files: readonly OpenFile[]): Promise<void> {
  for (const [i, file] of files.entries()) {
    file.close();
    if ((i + 1) % FILES_PER_TURN === 0) await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
