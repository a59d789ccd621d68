import type { ErrorCode } from "@quorate/protocol";
import type { Backend } from "./backend.ts";
import type { KeyIndex } from "./key-index/key-index.ts";
import type { RevisionCompaction } from "./revision-compaction.ts";
import { RevisionHasher } from "./revision-hasher.ts";

/** Records asked of the backend at once: few, since values may be large. */
const PAGE_RECORDS = 256;

/** The answer to HashKV: all revisions are main revisions. */
export interface HashKvResult {
  /** CRC-32C, uint32. */
  readonly hash: number;
  /** The compacted revision that `hash` takes into account; -1 when there is none. */
  readonly compactRevision: number;
  /** The revision that was hashed. */
  readonly hashRevision: number;
  /** The store's revision when the hash was begun. */
  readonly currentRevision: number;
}

/** Called once with one of the two. */
export type HashDone = (error: ErrorCode | undefined, result: HashKvResult | undefined) => void;

export interface HashDeps {
  readonly backend: Backend;
  readonly index: KeyIndex;
  readonly compaction: RevisionCompaction;
  /** Whether the store was restored meanwhile: what was to be hashed is gone, which is what the asker is told. */
  readonly isStale: () => boolean;
  readonly onFailure: (error: Error) => void;
}

/** Hashes all revisions up to one, page by page; nothing is removed meanwhile. For one use. */
export class HashRead {
  readonly #deps: HashDeps;
  readonly #hashRevision: number;
  readonly #compactRevision: number;
  readonly #currentRevision: number;
  readonly #done: HashDone;
  readonly #hasher: RevisionHasher;

  constructor(deps: HashDeps, hashRevision: number, compactRevision: number, currentRevision: number, done: HashDone) {
    this.#deps = deps;
    this.#hashRevision = hashRevision;
    this.#compactRevision = compactRevision;
    this.#currentRevision = currentRevision;
    this.#done = done;
    const keepsAny = deps.index.count("", undefined, hashRevision) > 0;
    this.#hasher = new RevisionHasher(deps.index, { revision: hashRevision, compactRevision, keepsAny });
  }

  start(): void {
    this.#deps.compaction.hold();
    this.#readFrom(0, 0);
  }

  #readFrom(main: number, sub: number): void {
    this.#deps.backend.scanRevisions(main, sub, PAGE_RECORDS, (error, records) => {
      if (this.#deps.isStale()) {
        this.#done("compacted", undefined);
        return;
      }
      if (error !== undefined) {
        this.#deps.compaction.release();
        this.#deps.onFailure(error);
        return;
      }
      for (const record of records) this.#hasher.add(record);
      const last = records[records.length - 1];
      if (last !== undefined && records.length === PAGE_RECORDS && last.main <= this.#hashRevision) {
        this.#readFrom(last.main, last.sub + 1);
        return;
      }
      this.#deps.compaction.release();
      this.#done(undefined, {
        hash: this.#hasher.hash,
        compactRevision: this.#compactRevision,
        hashRevision: this.#hashRevision,
        currentRevision: this.#currentRevision,
      });
    });
  }
}
