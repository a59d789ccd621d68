import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { concatBytes, EMPTY_BYTES, equalBytes } from "@quorate/base";
import type { SnapshotResponse } from "@quorate/protocol";
import { EtcdError } from "./etcd-error.ts";
import { GrpcStatus } from "./grpc-status.ts";
import type { ReadStream } from "./read-stream.ts";

/** How far a snapshot is. */
export interface SnapshotProgress {
  readonly receivedBytes: number;
  /** What the server still has to send, without the checksum. */
  readonly remainingBytes: number;
}

/** What was saved. */
export interface SavedSnapshot {
  /** Of the file, with the checksum at its end. */
  readonly sizeBytes: number;
  /** The version of the store, such as `3.7.0`; empty from servers before 3.6. */
  readonly version: string;
}

const DIGEST_BYTES = 32;

/**
 * A snapshot on its way: the whole store at one revision, in etcd's format, its SHA-256 at its end. Iterate it once, or `save()` it.
 * Both throw `snapshotDamaged` if it ended early or its checksum is another. Source: reference of the API, section 9.4.
 */
export class Snapshot implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #stream: ReadStream<SnapshotResponse>;
  readonly #onProgress: ((progress: SnapshotProgress) => void) | undefined;
  #version = "";

  constructor(stream: ReadStream<SnapshotResponse>, onProgress?: (progress: SnapshotProgress) => void) {
    this.#stream = stream;
    this.#onProgress = onProgress;
  }

  /** The endpoint it comes from. */
  get endpoint(): string {
    return this.#stream.endpoint;
  }

  /** Known after the first piece. */
  get version(): string {
    return this.#version;
  }

  /** The pieces of the file, the checksum in the last. It is checked before the iteration ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const check = new DigestCheck();
    let receivedBytes = 0;
    let remainingBytes = 0;
    for await (const response of this.#stream) {
      if (response.version !== "") this.#version = response.version;
      receivedBytes += response.blob.length;
      remainingBytes = response.remainingBytes;
      check.update(response.blob);
      yield response.blob;
      this.#onProgress?.({ receivedBytes, remainingBytes });
    }
    const fault = remainingBytes > 0 ? `it ended ${remainingBytes} bytes early` : check.fault();
    if (fault !== undefined) throw damagedError(fault, this.endpoint);
  }

  /**
   * Writes it to `path`, readable for its owner only. It is written to `<path>.part`, checked, synced and only then renamed, and the
   * name is made durable: `path` is whole or as it was. Rejects with the error of the file as well.
   */
  async save(path: string): Promise<SavedSnapshot> {
    const part = `${path}.part`;
    let file: FileHandle | undefined;
    try {
      file = await open(part, "w", 0o600);
      let sizeBytes = 0;
      for await (const piece of this) {
        await file.writeFile(piece);
        sizeBytes += piece.length;
      }
      await file.sync();
      await file.close();
      await rename(part, path);
      await syncDirectory(dirname(path));
      return { sizeBytes, version: this.#version };
    } catch (error) {
      await file?.close().catch(() => {});
      if (file !== undefined) await rm(part, { force: true });
      throw error;
    } finally {
      this.#stream.cancel();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stream.cancel();
    return Promise.resolve();
  }
}

/** The SHA-256 of everything but the last 32 bytes, and those. */
class DigestCheck {
  readonly #hash: Hash = createHash("sha256");
  #tail: Uint8Array = EMPTY_BYTES;

  update(piece: Uint8Array): void {
    const all = this.#tail.length === 0 ? piece : concatBytes([this.#tail, piece]);
    const split = Math.max(0, all.length - DIGEST_BYTES);
    this.#hash.update(all.subarray(0, split));
    this.#tail = Uint8Array.from(all.subarray(split));
  }

  fault(): string | undefined {
    if (this.#tail.length < DIGEST_BYTES) return `it has ${this.#tail.length} bytes, fewer than a checksum`;
    return equalBytes(this.#hash.digest(), this.#tail) ? undefined : "its checksum is another than the server sent";
  }
}

/** Without it a power cut may take the new name away again. */
async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await open(path, "r");
  } catch (error) {
    // One that its writers may not list cannot be synced by them; the file itself is.
    if ((error as NodeJS.ErrnoException).code === "EACCES") return;
    throw error;
  }
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function damagedError(fault: string, endpoint: string): EtcdError {
  const message = `the snapshot is damaged: ${fault}`;
  return new EtcdError({ code: "snapshotDamaged", grpcCode: GrpcStatus.DATA_LOSS, message, endpoint });
}
