import { assert, must } from "@quorate/base";
import type { RevisionEvents } from "./revision-events.ts";

/** Empty slots in front that are removed in one go. */
const TRIM_COUNT = 256;

/**
 * The newest revisions in a row, kept so that a watcher a little behind, or started a little in the past, catches up
 * without reading the backend. Bounded in number and in bytes; what is older is dropped first.
 */
export class RecentHistory {
  readonly #revisionCountMax: number;
  readonly #bytesMax: number;
  /** A slot of what was dropped is undefined; the array is trimmed now and then. */
  #entries: (RevisionEvents | undefined)[] = [];
  /** Where the kept entries begin. */
  #head = 0;
  #bytes = 0;

  constructor(revisionCountMax: number, bytesMax: number) {
    this.#revisionCountMax = revisionCountMax;
    this.#bytesMax = bytesMax;
  }

  /** The oldest revision kept; Infinity when none is. */
  get firstRevision(): number {
    return this.#entries[this.#head]?.revision ?? Number.POSITIVE_INFINITY;
  }

  /** Adds the next revision. */
  push(entry: RevisionEvents): void {
    const entries = this.#entries;
    const first = entries[this.#head];
    const isNext = first === undefined || entry.revision === first.revision + entries.length - this.#head;
    assert(isNext, "recent history has no gap");
    entries.push(entry);
    this.#bytes += entry.retainedBytes;
    while (entries.length - this.#head > this.#revisionCountMax || this.#bytes > this.#bytesMax) this.#dropFirst();
  }

  /** The entries from `revision` on, which must be kept. Given. */
  from(revision: number): RevisionEvents[] {
    const first = this.firstRevision;
    assert(revision >= first, "recent history reaches back far enough", { revision, first });
    return this.#entries.slice(this.#head + revision - first) as RevisionEvents[];
  }

  /** Drops what is not above `revision`. */
  dropThrough(revision: number): void {
    while (this.firstRevision <= revision) this.#dropFirst();
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #dropFirst(): void {
    this.#bytes -= must(this.#entries[this.#head], "what is counted is kept").retainedBytes;
    this.#entries[this.#head++] = undefined;
    if (this.#head < TRIM_COUNT) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }
}
