import { type FileSystem, type Logger, NO_LOGGER } from "@quorate/base";
import { BboltReader } from "../bbolt/bbolt-reader.ts";
import { syncLater, writeLater } from "../file-writing.ts";
import type { FrozenBackend } from "../level/frozen-backend.ts";
import { StorageError } from "../storage-error.ts";
import { EngineBuilder } from "./engine-builder.ts";
import type { EngineDirectories } from "./engine-directories.ts";
import type { SnapshotPosition } from "./snapshot-sources.ts";
import { LocalSnapshotStream, type SnapshotStream } from "./snapshot-stream.ts";
import { ThreadSnapshotStream } from "./thread-snapshot-stream.ts";

/** Received bytes after which the disk is waited for. */
const SYNC_BYTES = 8 * 1024 * 1024;
const RECEIVED = /^([0-9a-f]{16})\.snap\.db$/;

/** An engine that was built from a received file and waits for its position. */
interface Prepared {
  readonly path: string;
  readonly builder: EngineBuilder;
}

/** The database files that members send each other, and the engines that are made from them. */
export class SnapshotStore {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #engines: EngineDirectories;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  #fileCount = 0;
  #prepared: Prepared | undefined;
  /** Ends when whoever uses the engine in the making is done. */
  #building: Promise<unknown> = Promise.resolve();

  /** `directory`: of the `.snap` files. */
  constructor(fs: FileSystem, directory: string, engines: EngineDirectories, logger: Logger = NO_LOGGER) {
    this.#fs = fs;
    this.#directory = directory;
    this.#engines = engines;
    this.#logger = logger;
  }

  /**
   * A frozen state, which is closed with it, as a database file to be read once; made on a thread of its own where there can be
   * one. Rejects as {@link SnapshotStream.next} does; the state is closed then.
   */
  async open(frozen: FrozenBackend, position: SnapshotPosition): Promise<SnapshotStream> {
    try {
      const { signal } = this.#closing;
      const opened = await frozen.opened();
      if (!ThreadSnapshotStream.isPossible(opened.state)) {
        return new LocalSnapshotStream(frozen, opened, position, signal);
      }
      return await ThreadSnapshotStream.open(opened.state, position, frozen, signal);
    } catch (error) {
      await frozen.close();
      throw error;
    }
  }

  /**
   * Takes in a database file and builds an engine of it. When this resolves with the file's path, the file is durable, was read
   * to the last page, and all that is left to be done is quick. Rejects with what `body` throws, or with StorageError `damaged`,
   * `foreign` or `ioFailed`; nothing is left then.
   */
  async receive(index: number, body: AsyncIterable<Uint8Array>): Promise<string> {
    const temporary = this.#temporary("receive");
    const path = `${this.#directory}/${index.toString(16).padStart(16, "0")}.snap.db`;
    try {
      await this.#save(temporary, body);
      await this.#alone(async () => {
        await this.#discardPrepared();
        const builder = await this.#fill(temporary, index);
        this.#fs.rename(temporary, path);
        this.#fs.syncDirectory(this.#directory);
        this.#prepared = { path, builder };
      });
      return path;
    } catch (error) {
      if (this.#fs.stat(temporary) !== undefined) this.#fs.removeFile(temporary);
      throw error;
    }
  }

  /** Makes the engine of a received file whole and durable, with this position. It does not count yet: see `EngineDirectories`. */
  build(path: string, position: SnapshotPosition): Promise<void> {
    return this.#alone(async () => {
      const prepared = this.#prepared;
      this.#prepared = undefined;
      if (prepared !== undefined && prepared.path !== path) await prepared.builder.discard();
      const builder = prepared?.path === path ? prepared.builder : await this.#fill(path, position.index);
      await builder.finish(position);
    });
  }

  /** Forgets a received file that is not wanted. */
  discard(path: string): Promise<void> {
    return this.#alone(async () => {
      if (this.#prepared?.path === path) await this.#discardPrepared();
      if (this.#fs.stat(path) !== undefined) this.#fs.removeFile(path);
    });
  }

  /** Received files, the newest first. */
  received(): { readonly index: number; readonly path: string }[] {
    const found: { readonly index: number; readonly path: string }[] = [];
    for (const name of this.#fs.list(this.#directory)) {
      const match = RECEIVED.exec(name);
      if (match !== null)
        found.push({ index: Number.parseInt(match[1] as string, 16), path: `${this.#directory}/${name}` });
    }
    return found.reverse();
  }

  /** Removes received files up to an index, and all engines but the one that counts. What cannot be removed is left for later. */
  async removeObsolete(index: number): Promise<void> {
    await this.#alone(async () => {
      try {
        for (const file of this.received()) if (file.index <= index) await this.#remove(file.path);
        for (const engine of this.#engines.others()) {
          if (engine === this.#engines.building && this.#prepared !== undefined) continue;
          for (const name of this.#fs.list(engine)) await this.#remove(`${engine}/${name}`);
          this.#fs.removeDirectory(engine);
        }
      } catch (error) {
        this.#logger.warn("cannot remove what a snapshot has replaced", { error: String(error) });
      }
    });
  }

  /** Lets go of what is open. An engine in the making is given up. */
  close(): Promise<void> {
    const reason = new StorageError("closed", "the storage is closed", {
      file: this.#directory,
      remedy: "open it anew",
    });
    this.#closing.abort(reason);
    return this.#alone(() => this.#discardPrepared());
  }

  async #fill(path: string, index: number): Promise<EngineBuilder> {
    const reader = BboltReader.open(this.#fs, path);
    try {
      const { signal } = this.#closing;
      return await EngineBuilder.fill({ fs: this.#fs, directory: this.#engines.building, reader, path, index, signal });
    } finally {
      reader.close();
    }
  }

  async #save(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const file = this.#fs.open(path, "create", 0o600);
    const disk = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
      } catch (cause) {
        throw new StorageError("ioFailed", "cannot write a received snapshot", {
          file: path,
          remedy: "check the disk and its free space",
          cause,
        });
      }
    };
    try {
      let [position, synced] = [0, 0];
      for await (const chunk of body) {
        await disk(writeLater(file, chunk, position));
        position += chunk.length;
        if (position - synced < SYNC_BYTES) continue;
        synced = position;
        await disk(syncLater(file));
      }
      await disk(syncLater(file));
    } finally {
      file.close();
    }
  }

  async #discardPrepared(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    await prepared?.builder.discard();
  }

  #remove(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fs.removeFileLater(path, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** There is one place for an engine in the making: one at a time. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#building.then(work);
    this.#building = result.catch(() => undefined);
    return result;
  }

  /** Names that begin like this are removed when the directory is opened. */
  #temporary(purpose: string): string {
    this.#fileCount++;
    return `${this.#directory}/tmp-${purpose}-${this.#fileCount}.db`;
  }
}
