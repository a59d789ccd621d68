import { createHash, type Hash } from "node:crypto";
import { assert } from "@quorate/base";
import { BackgroundPace } from "../background-pace.ts";
import { type BboltPlan, type BboltSource, bboltChunks, planBbolt } from "../bbolt/bbolt-chunks.ts";
import { PAGE_BYTES } from "../bbolt/bbolt-format.ts";
import type { FrozenBackend, FrozenFiles } from "../level/frozen-backend.ts";
import { type FrozenState, frozenRevisions } from "../level/frozen-state.ts";
import type { TableFile } from "../level/table-cursor.ts";
import { StorageError } from "../storage-error.ts";
import { type SnapshotContent, type SnapshotPosition, snapshotSources } from "./snapshot-sources.ts";

/** A state as etcd's database file, made while it is read, from front to back. Close it: it holds the engine's files open. */
export interface SnapshotStream {
  /** Size of the whole file. */
  readonly bytes: number;
  /**
   * The next bytes, 256 KiB or the rest, borrowed until the next call; undefined at the end. Rejects with StorageError `damaged` where
   * the engine is, or `closed` when the storage was closed.
   */
  next(): Promise<Uint8Array | undefined>;
  /** SHA-256 of everything, once `next` has told the end. */
  digest(): Uint8Array;
  /** Lets go; once is enough. */
  close(): Promise<void>;
}

/** The content of a frozen state. */
export function contentOf(state: FrozenState, files: readonly TableFile[]): SnapshotContent {
  return {
    list: (bucket) => state.buckets.get(bucket) ?? [],
    revisions: (isVerified) => frozenRevisions(state, files, isVerified),
  };
}

/**
 * A file in the making: its size, its chunks. Goes through the content once before it returns. Throws StorageError `damaged`, as the
 * chunks do.
 */
export function planSnapshot(
  content: SnapshotContent,
  position: SnapshotPosition,
): { readonly bytes: number; readonly chunks: Iterator<Uint8Array, void> } {
  const sources = snapshotSources(content, position);
  const plan = planned(content, sources);
  return { bytes: plan.pageCount * PAGE_BYTES, chunks: bboltChunks(sources, plan) };
}

/** Damage that the plan stumbles over, as checksums are not looked at for it, is named by whoever looks at them. */
function planned(content: SnapshotContent, sources: readonly BboltSource[]): BboltPlan {
  try {
    return planBbolt(sources);
  } catch (error) {
    if (!(error instanceof StorageError)) for (const _ of content.revisions(true)) continue;
    throw error;
  }
}

/** Made on the calling thread, in turns with others. */
export class LocalSnapshotStream implements SnapshotStream {
  readonly bytes: number;
  readonly #chunks: Iterator<Uint8Array, void>;
  readonly #frozen: FrozenBackend;
  readonly #signal: AbortSignal;
  readonly #pace = new BackgroundPace();
  readonly #hash: Hash = createHash("sha256");
  #isClosed = false;

  constructor(frozen: FrozenBackend, { files, state }: FrozenFiles, position: SnapshotPosition, signal: AbortSignal) {
    const { bytes, chunks } = planSnapshot(contentOf(state, files), position);
    this.bytes = bytes;
    this.#chunks = chunks;
    this.#frozen = frozen;
    this.#signal = signal;
  }

  async next(): Promise<Uint8Array | undefined> {
    await this.#pace.rest();
    this.#signal.throwIfAborted();
    assert(!this.#isClosed, "a snapshot is read while it is open");
    const { done, value } = this.#chunks.next();
    if (done === true) return undefined;
    this.#hash.update(value);
    return value;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#frozen.close();
  }
}
