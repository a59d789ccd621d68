import { crc32c, type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import { makeDirectoryDurably, writeFileDurably } from "./file-writing.ts";
import { ProcessLock } from "./process-lock.ts";
import { EngineDirectories } from "./snapshot/engine-directories.ts";
import { StorageError } from "./storage-error.ts";
import { WriteAheadLog } from "./wal/write-ahead-log.ts";

/** Who the files belong to. */
export interface MemberIdentity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
}

const FORMAT = 1;
const DIRECTORY_MODE = 0o700;
const MARKER = "quorate.json";
const LOCK = "quorate.lock";
/** What the name of a directory ends with while an offline command fills it. */
export const BUILDING = ".building";
const GIVE_ANOTHER = "give another data directory, or move those files away";

/**
 * The layout `<data-dir>/member/{wal,snap,db}` (after a snapshot was installed `db.<index>` instead of `db`) and everything about it that is neither log nor engine: who may use it, whose
 * it is, what does not belong there.
 */
export class DataDirectory {
  readonly #fs: FileSystem;
  readonly #member: string;
  readonly #lock: ProcessLock;
  readonly walPath: string;
  readonly snapPath: string;
  readonly engines: EngineDirectories;

  private constructor(fs: FileSystem, member: string, wal: string, lock: ProcessLock) {
    this.#fs = fs;
    this.#member = member;
    this.#lock = lock;
    this.walPath = wal;
    this.snapPath = `${member}/snap`;
    this.engines = new EngineDirectories(fs, member);
  }

  /**
   * Makes what is missing, locks it, and removes what interrupted work has left. Throws StorageError `foreign`, `newerFormat`,
   * `locked` or `unwritable`. `walDirectory`: where the log goes, if not into the data directory.
   */
  static open(fs: FileSystem, dataDirectory: string, walDirectory?: string, logger: Logger = NO_LOGGER): DataDirectory {
    const member = `${dataDirectory}/member`;
    const wal = walDirectory ?? `${member}/wal`;
    try {
      makeDirectory(fs, dataDirectory, logger);
      refuseUnfinished(fs, `${member}${BUILDING}`);
      makeDirectory(fs, member, logger);
      refuseForeign(fs, member, wal);
      const lock = ProcessLock.acquire(fs, `${member}/${LOCK}`);
      try {
        makeDirectory(fs, `${member}/snap`, logger);
        removeLeftovers(fs, member, wal, logger);
        return new DataDirectory(fs, member, wal, lock);
      } catch (error) {
        lock.release();
        throw error;
      }
    } catch (error) {
      if (error instanceof StorageError) throw error;
      throw new StorageError("unwritable", "cannot use the data directory", {
        file: dataDirectory,
        remedy: "check that it can be made and written, its owner and the free space",
        cause: error,
      });
    }
  }

  /** Whose the directory is, as its marker says; undefined if it has none. Throws StorageError `damaged`. */
  identity(): MemberIdentity | undefined {
    return readMarker(this.#fs, this.#member);
  }

  /** Writes the marker, durably. */
  claim(identity: MemberIdentity): void {
    writeMarker(this.#fs, this.#member, identity);
  }

  /** Lets others use the directory. */
  close(): void {
    this.#lock.release();
  }
}

/** Says, durably, whose the files of a directory `member` are. */
export function writeMarker(fs: FileSystem, member: string, identity: MemberIdentity): void {
  const marker = {
    format: FORMAT,
    memberId: identity.memberId.toString(16),
    clusterId: identity.clusterId.toString(16),
  };
  const line = `${JSON.stringify(marker)}\n`;
  writeFileDurably(fs, `${member}/${MARKER}`, new TextEncoder().encode(`${line}${checksumLine(line)}`));
}

/** Whether a data directory is one of Quorate's. */
export function hasMarker(fs: FileSystem, dataDirectory: string): boolean {
  if (fs.stat(dataDirectory)?.kind !== "directory") return false;
  return fs.stat(`${dataDirectory}/member/${MARKER}`) !== undefined;
}

function makeDirectory(fs: FileSystem, path: string, logger: Logger): void {
  const stat = fs.stat(path);
  if (stat === undefined) {
    makeDirectoryDurably(fs, path, DIRECTORY_MODE);
    return;
  }
  if (stat.kind !== "directory") {
    throw new StorageError("foreign", "a file stands where a directory should be", {
      file: path,
      remedy: GIVE_ANOTHER,
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    logger.warn("others than the owner may enter the directory", { path, mode: stat.mode.toString(8), want: "700" });
  }
}

/** A member that begins without data, where its data was to be restored, would found a cluster of its own. */
function refuseUnfinished(fs: FileSystem, building: string): void {
  if (fs.stat(building) === undefined) return;
  throw new StorageError("foreign", "restoring this data directory was begun and has not ended", {
    file: building,
    remedy: "wait for its end; where it was interrupted, remove the data directory and restore anew",
  });
}

/** Refuses what another program has made, before anything is touched. */
function refuseForeign(fs: FileSystem, member: string, wal: string): void {
  const database = `${member}/snap/db`;
  if (fs.stat(database)?.kind === "file") {
    throw new StorageError("foreign", "this is the data directory of an etcd member", {
      file: database,
      remedy: "give another data directory; migrate the data with a snapshot, or by adding a member to the cluster",
    });
  }
  if (readMarker(fs, member) !== undefined) return;
  const engine = new EngineDirectories(fs, member).current();
  const foreign = fs.stat(engine) !== undefined ? engine : undefined;
  const log = WriteAheadLog.exists(fs, wal) ? wal : undefined;
  if (foreign === undefined && log === undefined) return;
  throw new StorageError("foreign", `files without Quorate's marker ${MARKER}`, {
    file: foreign ?? log ?? member,
    remedy: GIVE_ANOTHER,
  });
}

function readMarker(fs: FileSystem, member: string): MemberIdentity | undefined {
  const path = `${member}/${MARKER}`;
  if (fs.stat(path) === undefined) return undefined;
  try {
    const text = new TextDecoder().decode(fs.readFile(path));
    const line = text.slice(0, text.indexOf("\n") + 1);
    if (text !== line + checksumLine(line)) throw new TypeError("its checksum does not match");
    const marker = JSON.parse(line) as Record<string, unknown>;
    if (typeof marker["format"] === "number" && marker["format"] > FORMAT) {
      throw new StorageError("newerFormat", `the data directory has format ${marker["format"]}`, {
        file: path,
        remedy: `start a newer release; this one knows formats up to ${FORMAT}`,
      });
    }
    return { memberId: hexId(marker["memberId"]), clusterId: hexId(marker["clusterId"]) };
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    throw new StorageError("damaged", "the marker of the data directory cannot be read", {
      file: path,
      offset: 0,
      remedy: "restore this member from a backup, or add it anew with an empty data directory",
      cause,
    });
  }
}

/** What follows the marker: one flipped bit must not turn it into another member's. */
function checksumLine(line: string): string {
  return `crc32c ${crc32c(0, new TextEncoder().encode(line)).toString(16).padStart(8, "0")}\n`;
}

function hexId(value: unknown): bigint {
  if (typeof value !== "string" || !/^[0-9a-f]{1,16}$/.test(value)) throw new TypeError("an ID in hex");
  return BigInt(`0x${value}`);
}

function removeLeftovers(fs: FileSystem, member: string, wal: string, logger: Logger): void {
  const leftovers = [`${wal}.tmp`, `${member}/${MARKER}.tmp`];
  for (const name of fs.list(`${member}/snap`)) {
    if (name.endsWith(".tmp") || name.startsWith("tmp")) leftovers.push(`${member}/snap/${name}`);
  }
  for (const path of leftovers) {
    if (fs.stat(path) === undefined) continue;
    logger.info("removing what interrupted work has left", { path });
    fs.removeDirectory(path);
  }
}
