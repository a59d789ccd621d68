import { assert, latin1FromBytes } from "@quorate/base";
import { KeyValuePeek } from "@quorate/protocol";
import type { Backend, RevisionRecord } from "./backend.ts";
import type { KeyIndex } from "./key-index/key-index.ts";
import type { LeaseAttachments } from "./lease-attachments.ts";

/** Records asked of the backend at once. */
const PAGE_RECORDS = 1000;

/** Called once: with the newest main revision found (0 when none), or with what went wrong. */
export type RestoreDone = (error: Error | undefined, newestRevision: number) => void;

/** Builds the index from the stored revisions and attaches keys to their leases. For one use. */
export class StoreRestore {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #leases: LeaseAttachments;
  readonly #leaseOfKey = new Map<string, bigint>();
  readonly #peek = new KeyValuePeek();
  #newestRevision = 0;

  constructor(backend: Backend, index: KeyIndex, leases: LeaseAttachments) {
    this.#backend = backend;
    this.#index = index;
    this.#leases = leases;
  }

  run(done: RestoreDone): void {
    this.#readFrom(0, 0, done);
  }

  #readFrom(main: number, sub: number, done: RestoreDone): void {
    this.#backend.scanRevisions(main, sub, PAGE_RECORDS, (error, records) => {
      if (error !== undefined) {
        done(error, 0);
        return;
      }
      for (const record of records) this.#add(record);
      const last = records[records.length - 1];
      if (last !== undefined && records.length === PAGE_RECORDS) {
        this.#readFrom(last.main, last.sub + 1, done);
        return;
      }
      // A lease that is gone while its key is not belongs to no sane history; etcd only logs it, too.
      for (const [key, lease] of this.#leaseOfKey) this.#leases.attach(lease, key);
      done(undefined, this.#newestRevision);
    });
  }

  #add(record: RevisionRecord): void {
    const { main, sub, tombstone, value } = record;
    assert(main >= this.#newestRevision, "stored revisions are not in order", { main, after: this.#newestRevision });
    this.#newestRevision = main;
    const peek = this.#peek;
    peek.read(value);
    const key = latin1FromBytes(value, peek.keyStart, peek.keyEnd);
    const createRevision = tombstone ? 0 : peek.createRevision;
    // The record that a snapshot restored with a bumped revision ends with is empty: a put all the same (etcd's v3_snapshot.go).
    const version = tombstone ? 0 : Math.max(1, peek.version);
    const slot = this.#index.slotOf(key);
    if (slot === undefined) this.#index.add(key, main, sub, createRevision, version);
    else this.#index.append(slot, main, sub, createRevision, version);
    if (!tombstone && peek.lease !== 0n) this.#leaseOfKey.set(key, peek.lease);
    else if (this.#leaseOfKey.size > 0) this.#leaseOfKey.delete(key);
  }
}
