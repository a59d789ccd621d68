import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { AgentError, messageOf } from "./agent-error.ts";
import type { ArtifactStore, PutResult, StoredObject } from "./artifact-store.ts";

/** Between an object's name and a random end: a write that was not finished. */
const UNFINISHED = ".part-";

/** Artifacts in a directory, that of a mounted claim. */
export class DirectoryStore implements ArtifactStore {
  readonly name: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
    this.name = `directory ${root}`;
  }

  async put(key: string, source: AsyncIterable<Uint8Array>): Promise<PutResult> {
    const path = this.#path(key);
    const part = `${path}${UNFINISHED}${randomBytes(6).toString("hex")}`;
    let file: FileHandle | undefined;
    try {
      await this.#makeDirectory(dirname(path));
      file = await open(part, "wx", 0o600);
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for await (const piece of source) {
        await file.writeFile(piece);
        hash.update(piece);
        sizeBytes += piece.length;
      }
      await file.sync();
      await file.close();
      const sha256 = hash.digest("hex");
      // Read back through the file system, which may be a network's.
      if ((await digestOf(part)) !== sha256) throw new AgentError("DigestMismatch", `${part} is not what was written`);
      // A link, unlike a rename, fails if the name is taken.
      await link(part, path);
      await rm(part);
      await syncDirectory(dirname(path));
      return { sizeBytes, sha256, isConfirmed: true };
    } catch (error) {
      await file?.close().catch(() => {});
      await rm(part, { force: true }).catch(() => {});
      throw this.#failure(error, key);
    }
  }

  async *get(key: string): AsyncIterable<Uint8Array> {
    try {
      yield* createReadStream(this.#path(key), { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw this.#failure(error, key);
    }
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.#path(key));
      return { key, sizeBytes: size, modifiedMs: mtimeMs };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw this.#failure(error, key);
    }
  }

  async list(folder: string): Promise<readonly StoredObject[]> {
    return (await this.#files(folder)).filter(({ key }) => !key.includes(UNFINISHED));
  }

  async delete(key: string): Promise<void> {
    try {
      const path = this.#path(key);
      await rm(path, { force: true });
      await syncDirectory(dirname(path)).catch(ignoreMissing);
    } catch (error) {
      throw this.#failure(error, key);
    }
  }

  async abandonWrites(folder: string, beforeMs: number): Promise<number> {
    const old = (await this.#files(folder)).filter(
      ({ key, modifiedMs }) => key.includes(UNFINISHED) && modifiedMs < beforeMs,
    );
    for (const { key } of old) await this.delete(key);
    return old.length;
  }

  async #files(folder: string): Promise<readonly StoredObject[]> {
    try {
      const entries = await readdir(this.#path(folder), { withFileTypes: true, recursive: true });
      const files: StoredObject[] = [];
      for (const entry of entries) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = await stat(path);
        const key = path
          .slice(this.#root.length + 1)
          .split(sep)
          .join("/");
        files.push({ key, sizeBytes: size, modifiedMs: mtimeMs });
      }
      return files;
    } catch (error) {
      if (codeOf(error) === "ENOENT") {
        // A cluster without artifacts has no folder; a claim without its mount is no empty store.
        await stat(this.#root).catch((missing: unknown) => {
          throw this.#failure(missing, folder);
        });
        return [];
      }
      throw this.#failure(error, folder);
    }
  }

  /** Makes the folders below the root, which has to be there: a claim that is not mounted must not be written beside. */
  async #makeDirectory(path: string): Promise<void> {
    await stat(this.#root);
    await mkdir(path, { recursive: true, mode: 0o700 });
  }

  #path(key: string): string {
    const path = resolve(this.#root, key);
    if (!path.startsWith(this.#root + sep)) throw new AgentError("DestinationForbidden", `${key} leaves ${this.name}`);
    return path;
  }

  #failure(error: unknown, key: string): unknown {
    if ((error as Error).name === "AgentError") return error;
    const message = `${key} in ${this.name}: ${messageOf(error)}`;
    switch (codeOf(error)) {
      case "EEXIST":
        return new AgentError("AlreadyExists", message, { cause: error });
      case "ENOENT":
        return new AgentError("NotFound", message, { cause: error });
      case "EACCES":
      case "EPERM":
      case "EROFS":
        return new AgentError("DestinationForbidden", message, { cause: error });
      case undefined:
        // Not of the file system: the stream's own failure passes through.
        return error;
      default:
        return new AgentError("DestinationUnreachable", message, { cause: error });
    }
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>) {
    hash.update(piece);
  }
  return hash.digest("hex");
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== "ENOENT") throw error;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === "string" && /^E[A-Z]/.test(code) ? code : undefined;
}
