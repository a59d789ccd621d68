import { crc32c, type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import { EMPTY_CONF_STATE, type Snapshot } from "@quorate/raft";
import { writeFileDurably } from "../file-writing.ts";
import { ProtoBuilder, ProtoFields } from "../proto-fields.ts";
import { StorageError } from "../storage-error.ts";
import { decodeConfState, encodeConfState } from "../wal/record-codec.ts";
import type { WalPosition } from "../wal/wal-contents.ts";

/** The name of a snapshot file: term, then index, each 16 hex digits. Source: etcd server/etcdserver/api/snap. */
export function snapFileName(position: WalPosition): string {
  return `${hex(position.term)}-${hex(position.index)}.snap`;
}

/** The file's bytes: snappb.Snapshot {1 crc, 2 data} around raftpb.Snapshot {1 data, 2 metadata}. */
export function encodeSnapFile(snapshot: Snapshot): Uint8Array {
  const metadata = new ProtoBuilder()
    .bytes(1, encodeConfState(snapshot.confState))
    .number(2, snapshot.index)
    .number(3, snapshot.term)
    .build();
  const message = new ProtoBuilder();
  if (snapshot.data.length > 0) message.bytes(1, snapshot.data);
  const data = message.bytes(2, metadata).build();
  return new ProtoBuilder().number(1, crc32c(0, data)).bytes(2, data).build();
}

/** The snapshot inside a file's bytes, sharing their memory; undefined if they are damaged or none. */
export function decodeSnapFile(bytes: Uint8Array): Snapshot | undefined {
  const file = new ProtoFields(bytes);
  let crc = 0;
  let data: Uint8Array | undefined;
  for (let field = file.next(); field !== 0; field = file.next()) {
    if (field === 1) crc = file.number();
    else if (field === 2) data = file.bytes();
    else file.skip();
  }
  // A file that holds a snapshot has a checksum; etcd takes zero for "none", too.
  if (file.failed || data === undefined || data.length === 0 || crc === 0 || crc32c(0, data) !== crc) return undefined;
  return decodeSnapshot(data);
}

function decodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  const fields = new ProtoFields(bytes);
  let data = bytes.subarray(0, 0);
  let [index, term, confState] = [0, 0, EMPTY_CONF_STATE];
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) data = fields.bytes();
    else if (field === 2) {
      const metadata = new ProtoFields(fields.bytes());
      for (let inner = metadata.next(); inner !== 0; inner = metadata.next()) {
        if (inner === 1) {
          const decoded = decodeConfState(metadata.bytes());
          if (decoded === undefined) return undefined;
          confState = decoded;
        } else if (inner === 2) index = metadata.number();
        else if (inner === 3) term = metadata.number();
        else metadata.skip();
      }
      if (metadata.failed) return undefined;
    } else fields.skip();
  }
  return fields.failed ? undefined : { index, term, confState, data };
}

/** The `.snap` files of a directory. */
export class SnapFiles {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #logger: Logger;

  constructor(fs: FileSystem, directory: string, logger: Logger = NO_LOGGER) {
    this.#fs = fs;
    this.#directory = directory;
    this.#logger = logger;
  }

  /** Writes a snapshot, durably; returns the file's path. Throws StorageError `ioFailed`. */
  save(snapshot: Snapshot): string {
    const path = `${this.#directory}/${snapFileName(snapshot)}`;
    try {
      writeFileDurably(this.#fs, path, encodeSnapFile(snapshot));
    } catch (cause) {
      throw new StorageError("ioFailed", "cannot write a snapshot file", {
        file: path,
        remedy: "check the disk and its free space",
        cause,
      });
    }
    return path;
  }

  /** The snapshot in a file. Throws StorageError `missing` or `damaged`; the file stays as it is. */
  load(name: string): Snapshot {
    const path = `${this.#directory}/${name}`;
    let bytes: Uint8Array;
    try {
      bytes = this.#fs.readFile(path);
    } catch (cause) {
      throw new StorageError("missing", "cannot read a snapshot file", {
        file: path,
        remedy: "use another one",
        cause,
      });
    }
    const snapshot = decodeSnapFile(bytes);
    if (snapshot !== undefined && name === snapFileName(snapshot)) return snapshot;
    throw new StorageError("damaged", "damaged snapshot file", {
      file: path,
      remedy: "remove it; an older one is used",
    });
  }

  /**
   * The newest snapshot that can be read and that `isWanted` (for example: the log has a record of it), or undefined. Damaged
   * files on the way are renamed to `<name>.broken`.
   */
  newest(isWanted: (position: WalPosition) => boolean = () => true): Snapshot | undefined {
    for (const name of this.list().reverse()) {
      try {
        const snapshot = this.load(name);
        if (isWanted(snapshot)) return snapshot;
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== "damaged") throw error;
        this.#logger.warn("set a damaged snapshot file aside", { path: error.file });
        this.#fs.rename(error.file, `${error.file}.broken`);
      }
    }
    return undefined;
  }

  /** Names of the files, oldest first. */
  list(): string[] {
    return this.#fs.list(this.#directory).filter((name) => /^[0-9a-f]{16}-[0-9a-f]{16}\.snap$/.test(name));
  }

  /** Removes all but the newest `keep` files. etcd keeps 5. */
  purge(keep: number): void {
    const names = this.list();
    for (const name of names.slice(0, Math.max(0, names.length - keep))) {
      const path = `${this.#directory}/${name}`;
      this.#fs.removeFileLater(path, (error) => {
        if (error !== undefined) this.#logger.warn("cannot remove a snapshot file", { path, error: error.message });
      });
    }
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(16, "0");
}
