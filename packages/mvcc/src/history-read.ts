import { latin1FromBytes } from "@quorate/base";
import { encodeDeletedKeyValue, KeyValuePeek } from "@quorate/protocol";
import type { Backend, RevisionRecord } from "./backend.ts";
import { type Change, type HistoryDone, KeyChange, type RevisionChanges } from "./change.ts";
import type { KeyIndex } from "./key-index/key-index.ts";

/** Records asked of the backend at once. */
const PAGE_RECORDS = 512;

/** An answer ends after the revision that brings it to this many revisions, or bytes of records. */
const ANSWER_REVISIONS_MAX = 1000;
const ANSWER_BYTES_MAX = 4 << 20;

/** What one read of history needs to know of the store. */
export interface HistoryDeps {
  readonly backend: Backend;
  readonly index: KeyIndex;
  readonly compactedRevision: number;
  /** Whether the store's content was replaced since; then nobody waits for the answer any more. */
  readonly isStale: () => boolean;
  readonly onFailure: (error: Error) => void;
}

/** Reads the changes of revisions [from, to] back from the backend, page by page, and answers once. */
export class HistoryRead {
  readonly #deps: HistoryDeps;
  readonly #to: number;
  readonly #done: HistoryDone;
  readonly #peek = new KeyValuePeek();
  readonly #revisions: RevisionChanges[] = [];
  #changes: Change[] = [];
  #revision: number;
  #bytes = 0;

  constructor(deps: HistoryDeps, from: number, to: number, done: HistoryDone) {
    this.#deps = deps;
    this.#to = to;
    this.#done = done;
    this.#revision = from;
  }

  /** Asks for the records from (main, sub) on. */
  read(main: number, sub: number): void {
    this.#deps.backend.scanRevisions(main, sub, PAGE_RECORDS, (error, records) => {
      if (this.#deps.isStale()) return;
      if (error !== undefined) {
        this.#deps.onFailure(error);
        return;
      }
      for (const record of records) {
        if (record.main !== this.#revision && this.#isFull(record.main)) return;
        this.#add(record);
      }
      const last = records[records.length - 1];
      if (last === undefined || records.length < PAGE_RECORDS) this.#finish(this.#to);
      else this.read(last.main, last.sub + 1);
    });
  }

  /** Closes the revision read so far; whether the answer was given because it is large enough or at its end. */
  #isFull(nextMain: number): boolean {
    this.#closeRevision();
    const isOver = nextMain > this.#to;
    if (!isOver && this.#revisions.length < ANSWER_REVISIONS_MAX && this.#bytes < ANSWER_BYTES_MAX) {
      this.#revision = nextMain;
      return false;
    }
    this.#finish(isOver ? this.#to : nextMain - 1);
    return true;
  }

  #closeRevision(): void {
    if (this.#changes.length === 0) return;
    this.#revisions.push({ revision: this.#revision, changes: this.#changes });
    this.#changes = [];
  }

  #finish(through: number): void {
    this.#closeRevision();
    this.#done(this.#revisions, through);
  }

  #add(record: RevisionRecord): void {
    const { main, sub, tombstone, value } = record;
    this.#bytes += value.length;
    const peek = this.#peek;
    peek.read(value);
    const key = latin1FromBytes(value, peek.keyStart, peek.keyEnd);
    const kv = tombstone ? encodeDeletedKeyValue(key, main) : value;
    const change = new KeyChange(key, tombstone, kv, peek.createRevision, main, sub);
    if (!change.isCreation && main > this.#deps.compactedRevision) {
      const index = this.#deps.index;
      const slot = index.find(key, main - 1);
      if (slot !== undefined) {
        change.previousMain = index.main(slot, index.foundPosition);
        change.previousSub = index.sub(slot, index.foundPosition);
      }
    }
    this.#changes.push(change);
  }
}
