import { assert } from "@quorate/base";
import type { RevisionRecord } from "@quorate/mvcc";
import { APPLIED_KEY, type LevelDatabase } from "./level-engine.ts";
import { revisionKey } from "./revision-key.ts";
import { compareRecords } from "./revision-order.ts";
import type { RevisionTail } from "./revision-tail.ts";
import { sealValue } from "./stored-value.ts";

/** A batch of the engine takes commits up to about this many records. */
const BATCH_RECORDS_MAX = 2000;
/** This much is worth a batch at once; less waits for company. */
const EAGER_BYTES = 256 * 1024;

/** The end of a commit: what came before belongs together with this applied index. */
interface Commit {
  /** Commits count from 1. */
  readonly number: number;
  readonly endSequence: number;
  readonly bytes: number;
  readonly applied: Uint8Array | undefined;
}

/** A record that came out of order: kept on its own until the engine has it. */
interface Stray extends RevisionRecord {
  state: "open" | "committed" | "writing";
}

/** What became of a deleted record. */
export interface DeletedRecord {
  /** Bytes it took; 0 if it was deleted before. */
  readonly bytes: number;
  /** The engine has it, or is about to get it. */
  readonly inEngine: boolean;
}

export interface RevisionWriterOptions {
  readonly database: LevelDatabase;
  readonly tail: RevisionTail;
  /** How long a commit may wait for others to share its batch, in milliseconds; the log has made it durable. */
  readonly delayMs: number;
  /** A batch failed; called once, nothing is written any more. */
  readonly onFailure: (error: unknown) => void;
  /** A batch of this many bytes has been taken by the engine. */
  readonly onWritten: (bytes: number) => void;
}

/**
 * Brings revision records to the engine: unsynced, in the order of their commits, one batch at a time, each batch all that has
 * been committed meanwhile. Until then they are read here.
 */
export class RevisionWriter {
  readonly #options: RevisionWriterOptions;
  readonly #tail: RevisionTail;
  readonly #strays = new Map<string, Stray>();
  #commits: Commit[] = [];
  #committed = 0;
  #commitCount = 0;
  #writing = 0;
  #written = 0;
  #openBytes = 0;
  #waitingBytes = 0;
  #isWriting = false;
  #hasFailed = false;
  #timer: NodeJS.Timeout | undefined;
  #waiters: { readonly number: number; readonly resolve: () => void }[] = [];

  constructor(options: RevisionWriterOptions) {
    this.#options = options;
    this.#tail = options.tail;
  }

  /** Bytes of values given and not taken by the engine yet. */
  get unwrittenBytes(): number {
    return this.#openBytes + this.#waitingBytes;
  }

  /** Whether the engine has everything. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#commits.length === 0 && this.#openBytes === 0;
  }

  put(main: number, sub: number, isTombstone: boolean, value: Uint8Array): void {
    this.#openBytes += value.length;
    if (this.#tail.isNext(main, sub, isTombstone)) {
      this.#tail.add(main, sub, isTombstone, value);
      return;
    }
    this.#strays.set(strayKey(main, sub, isTombstone), { main, sub, tombstone: isTombstone, value, state: "open" });
  }

  /** The value of a put that is held here; undefined if it was deleted; "absent" if it is not held. */
  get(main: number, sub: number): Uint8Array | undefined | "absent" {
    if (this.#strays.size > 0) {
      const stray = this.#strays.get(strayKey(main, sub, false));
      if (stray !== undefined) return stray.value;
    }
    return this.#tail.get(main, sub);
  }

  /** Deletes a record that is held here; undefined if it is not. */
  delete(main: number, sub: number, isTombstone: boolean): DeletedRecord | undefined {
    const stray = this.#strays.get(strayKey(main, sub, isTombstone));
    if (stray !== undefined) {
      this.#strays.delete(strayKey(main, sub, isTombstone));
      return { bytes: stray.value.length, inEngine: stray.state === "writing" };
    }
    const held = this.#tail.delete(main, sub, isTombstone);
    return held === undefined ? undefined : { bytes: held.bytes, inEngine: held.sequence < this.#writing };
  }

  /** Ends a commit. `applied`: the stored form of the applied index that goes with it. */
  commit(applied: Uint8Array | undefined): void {
    const endSequence = this.#tail.endSequence;
    if (endSequence === this.#committed && this.#openBytes === 0 && applied === undefined) return;
    this.#committed = endSequence;
    const bytes = this.#openBytes;
    this.#waitingBytes += bytes;
    this.#openBytes = 0;
    for (const stray of this.#strays.values()) if (stray.state === "open") stray.state = "committed";
    this.#commits.push({ number: ++this.#commitCount, endSequence, bytes, applied });
    if (this.#isWriting || this.#hasFailed) return;
    if (this.#waitingBytes >= EAGER_BYTES) this.#flush();
    else this.#timer ??= setTimeout(this.#flush, this.#options.delayMs).unref();
  }

  /** Resolves when the engine has everything committed until now; never if it fails. */
  whenWritten(): Promise<void> {
    if (this.#commits.length === 0 && !this.#isWriting) return Promise.resolve();
    if (!this.#isWriting && !this.#hasFailed) this.#flush();
    return new Promise((resolve) => this.#waiters.push({ number: this.#commitCount, resolve }));
  }

  /** Records from a revision on that the engine may not have, in order, at most `limit` and not deleted. */
  unwritten(main: number, sub: number, limit: number): RevisionRecord[] {
    const found = this.#tail.collect(main, sub, this.#written, limit);
    if (this.#strays.size === 0) return found;
    for (const stray of this.#strays.values()) {
      if (stray.main > main || (stray.main === main && stray.sub >= sub)) found.push(stray);
    }
    return found.sort(compareRecords).slice(0, limit);
  }

  readonly #flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isWriting || this.#hasFailed || this.#commits.length === 0) return;
    const commit = this.#takeCommits();
    const from = this.#written;
    this.#writing = commit.endSequence;
    this.#isWriting = true;
    const { database } = this.#options;
    const batch = database.batch();
    this.#tail.writeTo(batch, from, commit.endSequence);
    for (const stray of this.#strays.values()) {
      if (stray.state === "open") continue;
      stray.state = "writing";
      const key = revisionKey(stray.main, stray.sub, stray.tombstone);
      batch.put(key, sealValue(key, stray.value));
    }
    if (commit.applied !== undefined) batch.put(APPLIED_KEY, sealValue(APPLIED_KEY, commit.applied));
    batch.write().then(
      () => this.#onWritten(commit),
      (error: unknown) => {
        this.#hasFailed = true;
        this.#options.onFailure(error);
      },
    );
  };

  /** The commits of the next batch, as one. */
  #takeCommits(): Commit {
    const limit = this.#written + BATCH_RECORDS_MAX;
    let count = this.#commits.findIndex((commit) => commit.endSequence > limit);
    if (count < 0) count = this.#commits.length;
    const taken = this.#commits.splice(0, Math.max(1, count));
    const last = taken[taken.length - 1];
    assert(last !== undefined, "a batch has a commit");
    const bytes = taken.reduce((sum, commit) => sum + commit.bytes, 0);
    const applied = taken.findLast((commit) => commit.applied !== undefined)?.applied;
    return { number: last.number, endSequence: last.endSequence, bytes, applied };
  }

  #onWritten(commit: Commit): void {
    this.#waitingBytes -= commit.bytes;
    this.#written = this.#writing;
    this.#isWriting = false;
    for (const [key, stray] of this.#strays) if (stray.state === "writing") this.#strays.delete(key);
    this.#tail.evict(this.#written);
    this.#options.onWritten(commit.bytes);
    while (this.#waiters[0] !== undefined && this.#waiters[0].number <= commit.number) this.#waiters.shift()?.resolve();
    if (this.#waitingBytes >= EAGER_BYTES || this.#waiters.length > 0) this.#flush();
    else if (this.#commits.length > 0) this.#timer ??= setTimeout(this.#flush, this.#options.delayMs).unref();
  }
}

function strayKey(main: number, sub: number, isTombstone: boolean): string {
  return `${main}.${sub}${isTombstone ? "t" : ""}`;
}
