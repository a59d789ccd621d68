import { type Clock, type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import type { Barrier } from "./barrier.ts";
import { DataDirectory, type MemberIdentity } from "./data-directory.ts";
import { LevelBackend, type LevelBackendOptions } from "./level/level-backend.ts";
import { StorageError } from "./storage-error.ts";
import { decodeWalMetadata, encodeWalMetadata } from "./wal/record-codec.ts";
import { reachesBeginning } from "./wal/segment-list.ts";
import type { WalContents } from "./wal/wal-contents.ts";
import { type WalOptions, WriteAheadLog } from "./wal/write-ahead-log.ts";

const REMEDY =
  "restore this member from a backup, or remove it from the cluster and add it anew with an empty directory";

/** What a member's storage is opened with. */
export interface MemberStorageOptions {
  readonly dataDirectory: string;
  /** Where the log goes, if not into the data directory. */
  readonly walDirectory?: string;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Asked only when the directory is new. */
  readonly newIdentity: () => MemberIdentity;
  /** See {@link WalOptions}. */
  readonly wal?: Pick<WalOptions, "segmentBytes" | "inlineSyncBytesMax" | "onSync">;
  /** See {@link LevelBackendOptions}. */
  readonly engine?: Pick<LevelBackendOptions, "cacheBytes" | "writeBufferBytes" | "blockCacheBytes" | "writeDelayMs">;
  /**
   * Whether the engine is thrown away and rebuilt by replaying the whole log, which is possible as long as nothing was
   * released from it: `never` (default), only `ifDamaged` when it is opened, or `always` (damage was found later).
   */
  readonly rebuildEngine?: "never" | "ifDamaged" | "always";
  /** The engine failed for good. (The log says so to whoever appends.) */
  readonly fatal: (error: Error) => void;
}

/** Everything a member keeps on disk, opened. */
export interface MemberStorage {
  readonly identity: MemberIdentity;
  /** Nothing was there before: the caller bootstraps. */
  readonly isNew: boolean;
  readonly log: WriteAheadLog;
  /** Holds the state at `barrier` exactly, and nothing if that is undefined. */
  readonly backend: LevelBackend;
  readonly barrier: Barrier | undefined;
  /**
   * What the log says behind the barrier: apply `entries` up to `hardState.commit` to get to the state before the stop (all
   * of them once they are committed).
   */
  readonly contents: WalContents;
  /** Where `.snap` files are. */
  readonly snapDirectory: string;
  /**
   * Makes the applied state of this moment durable in the engine, and releases what the log need not keep: log flush, barrier,
   * snapshot record, release up to `keepFromIndex` (not above `info.index`; followers may still need what is behind it). One
   * at a time. `done` is called later, once; an error is final.
   */
  checkpoint(info: Barrier, keepFromIndex: number, done: (error?: Error) => void): void;
  /** Flushes and closes everything, and lets the lock go. Call {@link checkpoint} before, to spare the next start the replay. */
  close(): Promise<void>;
}

/**
 * Opens or creates a member's storage: lock, engine, log, in this order, because the engine's lock is the one that counts and
 * the log is repaired when it is opened. Rejects with StorageError.
 */
export async function openMemberStorage(options: MemberStorageOptions): Promise<MemberStorage> {
  const { fs } = options;
  const directory = DataDirectory.open(fs, options.dataDirectory, options.walDirectory, options.logger);
  let backend: LevelBackend | undefined;
  try {
    const isNew = !WriteAheadLog.exists(fs, directory.walPath);
    const newIdentity = isNew ? options.newIdentity() : undefined;
    if (newIdentity !== undefined) directory.claim(newIdentity);
    let log: WriteAheadLog | undefined;
    backend = await openBackend(options, directory, () => log?.durableIndex ?? 0);
    const wal = openLog(options, directory, backend, newIdentity);
    log = wal.log;
    return new OpenMemberStorage(directory, isNew, backend, log, wal.contents);
  } catch (error) {
    await backend?.close();
    directory.close();
    throw error;
  }
}

class OpenMemberStorage implements MemberStorage {
  readonly #directory: DataDirectory;
  readonly identity: MemberIdentity;
  readonly isNew: boolean;
  readonly log: WriteAheadLog;
  readonly backend: LevelBackend;
  readonly barrier: Barrier | undefined;
  readonly contents: WalContents;
  readonly snapDirectory: string;

  constructor(
    directory: DataDirectory,
    isNew: boolean,
    backend: LevelBackend,
    log: WriteAheadLog,
    contents: WalContents,
  ) {
    this.#directory = directory;
    this.identity = decodeWalMetadata(contents.metadata) as MemberIdentity;
    this.isNew = isNew;
    this.log = log;
    this.backend = backend;
    this.barrier = backend.newestBarrier;
    this.contents = liftedTo(contents, this.barrier);
    this.snapDirectory = directory.snapPath;
  }

  checkpoint(info: Barrier, keepFromIndex: number, done: (error?: Error) => void): void {
    const logIsDurable = new Promise<void>((resolve, reject) => {
      this.log.flush((error) => (error === undefined ? resolve() : reject(error)));
    });
    const onBarrier = (error?: Error): void => {
      if (error !== undefined) {
        done(error);
        return;
      }
      this.log.saveSnapshotRecord(info, (failure) => {
        if (failure === undefined) this.log.release(Math.min(keepFromIndex, info.index));
        done(failure);
      });
    };
    this.backend.barrier(info, onBarrier, logIsDurable);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.log.close((error) => (error === undefined ? resolve() : reject(error)));
    });
    await this.backend.close();
    this.#directory.close();
  }
}

async function openBackend(
  options: MemberStorageOptions,
  directory: DataDirectory,
  durableIndex: () => number,
): Promise<LevelBackend> {
  const { fs, logger = NO_LOGGER, rebuildEngine = "never" } = options;
  const engine = { ...options.engine, directory: directory.enginePath, fs, logger, durableIndex, fatal: options.fatal };
  const rebuild = (): void => {
    if (WriteAheadLog.exists(fs, directory.walPath) && !reachesBeginning(fs, directory.walPath)) {
      throw new StorageError("missing", "the log no longer reaches back to its beginning: no rebuild", {
        file: directory.walPath,
        remedy: REMEDY,
      });
    }
    logger.warn("rebuilding the engine from the log", { path: directory.enginePath });
    LevelBackend.destroy(engine);
  };
  if (rebuildEngine === "always") rebuild();
  try {
    return await LevelBackend.open(engine);
  } catch (error) {
    if (rebuildEngine !== "ifDamaged" || !(error instanceof StorageError) || error.code !== "damaged") throw error;
    logger.error("the engine is damaged", { error: error.message });
    rebuild();
    return LevelBackend.open(engine);
  }
}

function openLog(
  options: MemberStorageOptions,
  directory: DataDirectory,
  backend: LevelBackend,
  newIdentity: MemberIdentity | undefined,
): { readonly log: WriteAheadLog; readonly contents: WalContents } {
  const wal: WalOptions = {
    ...options.wal,
    directory: directory.walPath,
    fs: options.fs,
    clock: options.clock,
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  };
  const { newestBarrier } = backend;
  if (newIdentity !== undefined) {
    if (newestBarrier !== undefined || backend.appliedIndexAtOpen > 0) {
      throw new StorageError("missing", "the log is gone, but the engine holds data", {
        file: directory.walPath,
        remedy: REMEDY,
      });
    }
    return WriteAheadLog.create(wal, encodeWalMetadata(newIdentity.memberId, newIdentity.clusterId));
  }
  const from = { index: newestBarrier?.index ?? 0, term: newestBarrier?.term ?? 0 };
  return WriteAheadLog.open(wal, from, (contents) => {
    checkIdentity(directory, contents);
    checkLogEnd(backend, contents);
  });
}

/** What a barrier covers is committed, also where the log's newest hard state is older than it. */
function liftedTo(contents: WalContents, barrier: Barrier | undefined): WalContents {
  const { hardState } = contents;
  if (barrier === undefined || hardState.commit >= barrier.index) return contents;
  return { ...contents, hardState: { ...hardState, commit: barrier.index } };
}

/** The log may lie in a directory of its own: it must be this member's. */
function checkIdentity(directory: DataDirectory, contents: WalContents): void {
  const logs = decodeWalMetadata(contents.metadata);
  const ours = directory.identity();
  if (logs !== undefined && logs.memberId === ours?.memberId && logs.clusterId === ours.clusterId) return;
  throw new StorageError("wrongIdentity", "the log belongs to another member or cluster", {
    file: directory.walPath,
    remedy: "give this member its own log directory",
  });
}

/** What was applied had been durable in the log: one that ends before it has lost entries (fault D6). */
function checkLogEnd(backend: LevelBackend, contents: WalContents): void {
  if (contents.last.index >= backend.appliedIndexAtOpen) return;
  throw new StorageError(
    "damaged",
    `the log ends at index ${contents.last.index}, but index ${backend.appliedIndexAtOpen} had been applied`,
    { file: contents.end.file, offset: contents.end.offset, remedy: REMEDY },
  );
}
