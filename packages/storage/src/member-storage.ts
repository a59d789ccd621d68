import { assert, type Clock, type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import type { HardState } from "@quorate/raft";
import type { Barrier } from "./barrier.ts";
import { DataDirectory, type MemberIdentity } from "./data-directory.ts";
import type { FrozenBackend } from "./level/frozen-backend.ts";
import { LevelBackend, type LevelBackendOptions } from "./level/level-backend.ts";
import type { SnapshotPosition } from "./snapshot/snapshot-sources.ts";
import { SnapshotStore } from "./snapshot/snapshot-store.ts";
import type { SnapshotStream } from "./snapshot/snapshot-stream.ts";
import { StorageError } from "./storage-error.ts";
import { decodeWalMetadata, encodeWalMetadata } from "./wal/record-codec.ts";
import { reachesBeginning } from "./wal/segment-list.ts";
import type { WalContents } from "./wal/wal-contents.ts";
import { findSnapshotRecord } from "./wal/wal-reader.ts";
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
  readonly newIdentity: () => MemberIdentity | Promise<MemberIdentity>;
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
   * at a time. `done` is called later, once; an error is final. While a snapshot is installed nothing is done: that makes a
   * newer state durable.
   */
  checkpoint(info: Barrier, keepFromIndex: number, done: (error?: Error) => void): void;
  /**
   * A state frozen by `backend.freeze()`, which is closed with it, as etcd's database file, to be sent to a member or saved. `position`
   * is that of the instant of freezing. Memory: constant; other work goes on. Rejects as {@link SnapshotStream.next} does.
   */
  openSnapshot(frozen: FrozenBackend, position: SnapshotPosition): Promise<SnapshotStream>;
  /**
   * Takes in a database file that a peer sends, of the state at log index `index`: writes and syncs `%016x.snap.db`, reads it to
   * the last page, and builds an engine from it beside the one in use. Resolves with the path; the message that came with it can
   * be given to raft then. Rejects with what `body` throws, or with StorageError `damaged`, `foreign` or `ioFailed`; nothing
   * is left then. A later one replaces an earlier one that was not installed.
   */
  receiveSnapshot(index: number, body: AsyncIterable<Uint8Array>): Promise<string>;
  /** Forgets a received file that raft did not want. */
  discardSnapshot(path: string): Promise<void>;
  /**
   * Replaces the content of `backend` by that of a received file, and the log up to `position.index` by a snapshot record. A stop
   * at any point leaves either the state before, with its log, or this one; ADR 3. The state machine must not write meanwhile, and
   * nothing may be appended to the log, until `done`: called later, once, in the very turn in which the content changes, so
   * whoever has read the backend must read it anew before anything else looks. An error is final. `hardState` goes with the
   * record. One at a time.
   */
  installSnapshot(
    path: string,
    position: SnapshotPosition,
    hardState: HardState | undefined,
    done: (error?: Error) => void,
  ): void;
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
    const newIdentity = isNew ? await options.newIdentity() : undefined;
    if (newIdentity !== undefined) directory.claim(newIdentity);
    let log: WriteAheadLog | undefined;
    const durableIndex = (): number => log?.durableIndex ?? 0;
    const snapshots = new SnapshotStore(fs, directory.snapPath, directory.engines, options.logger);
    backend = await openBackend(options, directory, durableIndex);
    if (await finishInstall(options, directory, snapshots, backend)) {
      await backend.close();
      backend = await openBackend(options, directory, durableIndex);
    }
    const wal = openLog(options, directory, backend, newIdentity);
    log = wal.log;
    await snapshots.removeObsolete(Number.POSITIVE_INFINITY);
    return new OpenMemberStorage(directory, isNew, backend, log, wal.contents, snapshots);
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
  readonly #snapshots: SnapshotStore;
  /** Resolves when the newest checkpoint is done with, whatever became of it. */
  #checkpoint: Promise<void> = Promise.resolve();
  #installing: Promise<void> | undefined;

  constructor(
    directory: DataDirectory,
    isNew: boolean,
    backend: LevelBackend,
    log: WriteAheadLog,
    contents: WalContents,
    snapshots: SnapshotStore,
  ) {
    this.#directory = directory;
    this.#snapshots = snapshots;
    this.identity = decodeWalMetadata(contents.metadata) as MemberIdentity;
    this.isNew = isNew;
    this.log = log;
    this.backend = backend;
    this.barrier = backend.newestBarrier;
    this.contents = liftedTo(contents, this.barrier);
    this.snapDirectory = directory.snapPath;
  }

  checkpoint(info: Barrier, keepFromIndex: number, done: (error?: Error) => void): void {
    if (this.#installing !== undefined) {
      setImmediate(done);
      return;
    }
    this.#checkpoint = new Promise((resolve) => {
      this.#saveCheckpoint(info, keepFromIndex, (error) => {
        resolve();
        done(error);
      });
    });
  }

  #saveCheckpoint(info: Barrier, keepFromIndex: number, done: (error?: Error) => void): void {
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

  openSnapshot(frozen: FrozenBackend, position: SnapshotPosition): Promise<SnapshotStream> {
    return this.#snapshots.open(frozen, position);
  }

  receiveSnapshot(index: number, body: AsyncIterable<Uint8Array>): Promise<string> {
    return this.#snapshots.receive(index, body);
  }

  discardSnapshot(path: string): Promise<void> {
    return this.#snapshots.discard(path);
  }

  installSnapshot(
    path: string,
    position: SnapshotPosition,
    hardState: HardState | undefined,
    done: (error?: Error) => void,
  ): void {
    assert(this.#installing === undefined, "one snapshot is installed at a time");
    let isDone = false;
    const once = (error?: Error): void => {
      if (isDone) return;
      isDone = true;
      this.#installing = undefined;
      // What it throws is the caller's failure, not the installation's.
      try {
        done(error);
      } catch (thrown) {
        setImmediate(() => {
          throw thrown;
        });
      }
    };
    this.#installing = this.#install(path, position, hardState, once).catch((error: unknown) => {
      once(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #install(
    path: string,
    position: SnapshotPosition,
    hardState: HardState | undefined,
    onReplaced: () => void,
  ): Promise<void> {
    await this.#checkpoint;
    assert(position.index > (this.backend.newestBarrier?.index ?? 0), "a snapshot is newer than what is there");
    await this.#snapshots.build(path, position);
    await new Promise<void>((resolve, reject) => {
      this.log.installSnapshot(position, hardState, (error) => (error === undefined ? resolve() : reject(error)));
    });
    const engine = this.#directory.engines.install(position.index);
    await this.backend.replace(engine, onReplaced);
    this.log.release(position.index);
    await this.#snapshots.removeObsolete(position.index);
  }

  async close(): Promise<void> {
    await this.#installing;
    await this.#snapshots.close();
    await new Promise<void>((resolve, reject) => {
      this.log.close((error) => (error === undefined ? resolve() : reject(error)));
    });
    await this.backend.close();
    this.#directory.close();
  }
}

/**
 * Builds the engine of a snapshot that the log says was installed, where the stop came before the engine counted; whether there
 * was one. A received file that the log does not know of is none.
 */
async function finishInstall(
  options: MemberStorageOptions,
  directory: DataDirectory,
  snapshots: SnapshotStore,
  backend: LevelBackend,
): Promise<boolean> {
  const { fs, logger = NO_LOGGER } = options;
  const barrierIndex = backend.newestBarrier?.index ?? 0;
  if (!WriteAheadLog.exists(fs, directory.walPath)) return false;
  for (const { index, path } of snapshots.received()) {
    if (index <= barrierIndex) return false;
    const record = findSnapshotRecord(fs, directory.walPath, index);
    if (record?.confState === undefined) continue;
    logger.info("finishing the installation of a snapshot", { path, index });
    await snapshots.build(path, { index, term: record.term, confState: record.confState });
    directory.engines.install(index);
    return true;
  }
  return false;
}

async function openBackend(
  options: MemberStorageOptions,
  directory: DataDirectory,
  durableIndex: () => number,
): Promise<LevelBackend> {
  const { fs, logger = NO_LOGGER, rebuildEngine = "never" } = options;
  const open = (): Promise<LevelBackend> =>
    LevelBackend.open({
      ...options.engine,
      directory: directory.engines.current(),
      fs,
      logger,
      durableIndex,
      fatal: options.fatal,
    });
  const rebuild = (): void => {
    const path = directory.engines.current();
    if (WriteAheadLog.exists(fs, directory.walPath)) refuseRebuild(fs, directory.walPath);
    logger.warn("rebuilding the engine from the log", { path });
    LevelBackend.destroy({ fs, directory: path });
  };
  if (rebuildEngine === "always") rebuild();
  try {
    return await open();
  } catch (error) {
    if (rebuildEngine !== "ifDamaged" || !(error instanceof StorageError) || error.code !== "damaged") throw error;
    logger.error("the engine is damaged", { error: error.message });
    rebuild();
    return open();
  }
}

/** Throws StorageError `missing` unless the log makes up the whole state. */
function refuseRebuild(fs: FileSystem, walPath: string): void {
  let cause: unknown;
  if (reachesBeginning(fs, walPath)) {
    try {
      checkSnapshots(WriteAheadLog.read(fs, walPath, { index: 0, term: 0 }), walPath, undefined);
      return;
    } catch (error) {
      cause = error;
    }
  }
  throw new StorageError("missing", "the log no longer reaches back to its beginning: no rebuild", {
    file: walPath,
    remedy: REMEDY,
    cause,
  });
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
    checkSnapshots(contents, directory.walPath, newestBarrier);
    checkLogEnd(backend, contents);
  });
}

/**
 * What a barrier covers is committed, also where the log's newest hard state is older than it; and its term was seen, where a
 * snapshot came with a new one.
 */
function liftedTo(contents: WalContents, barrier: Barrier | undefined): WalContents {
  if (barrier === undefined) return contents;
  const { hardState } = contents;
  const { term, vote } = hardState.term >= barrier.term ? hardState : { term: barrier.term, vote: 0n };
  return { ...contents, hardState: { term, vote, commit: Math.max(hardState.commit, barrier.index) } };
}

/** A snapshot that took the place of entries must be in the engine, for it is nowhere else. */
function checkSnapshots(contents: WalContents, walPath: string, barrier: Barrier | undefined): void {
  const from = barrier?.index ?? 0;
  const lost = contents.snapshots.find(
    ({ index, term }) => index > from && contents.entries[index - from - 1]?.term !== term,
  );
  if (lost === undefined) return;
  throw new StorageError("missing", `the log says that a snapshot of index ${lost.index} was installed; it is gone`, {
    file: walPath,
    remedy: REMEDY,
  });
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
