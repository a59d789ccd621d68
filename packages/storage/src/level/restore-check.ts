import type { RevisionRecord } from "@quorate/mvcc";
import type { StorageError } from "../storage-error.ts";
import { damagedRecord } from "./level-engine.ts";

/**
 * A damaged table can lose records without an error. So the scan that restores the store, from the first revision to the last
 * before anything is written, is counted along, and the barrier says how many records it should have met.
 */
export class RestoreCheck {
  readonly #directory: string;
  readonly #expectedCount: number;
  #count = 0;
  #nextMain = 0;
  #nextSub = 0;
  #isActive = true;

  constructor(directory: string, expectedCount: number) {
    this.#directory = directory;
    this.#expectedCount = expectedCount;
  }

  /** The records are about to change. */
  stop(): void {
    this.#isActive = false;
  }

  /** Takes notice of a scan's answer; returns what is wrong at the end. */
  onScan(
    fromMain: number,
    fromSub: number,
    records: readonly RevisionRecord[],
    limit: number,
  ): StorageError | undefined {
    if (!this.#isActive || fromMain !== this.#nextMain || fromSub !== this.#nextSub) return undefined;
    this.#count += records.length;
    const last = records[records.length - 1];
    if (records.length === limit && last !== undefined) {
      this.#nextMain = last.main;
      this.#nextSub = last.sub + 1;
      return undefined;
    }
    this.#isActive = false;
    if (this.#count >= this.#expectedCount) return undefined;
    return damagedRecord(this.#directory, `count: ${this.#count} of ${this.#expectedCount} revision records are there`);
  }
}
