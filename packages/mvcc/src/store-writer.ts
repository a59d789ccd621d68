import { latin1FromBytes } from "@quorate/base";
import type { DeleteRangeRequest, DeleteRangeResult, ErrorCode, PutRequest, PutResult } from "@quorate/protocol";
import { encodeDeletedKeyValue, encodeStoredKeyValue, encodeTombstone, KeyValuePeek } from "@quorate/protocol";
import type { Backend } from "./backend.ts";
import { type Change, KeyChange } from "./change.ts";
import { FoundKeys, type KeyIndex } from "./key-index/key-index.ts";
import { rangeEndOf } from "./key-range.ts";
import type { LeaseAttachments } from "./lease-attachments.ts";
import type { RangeReader } from "./range-reader.ts";

const NO_RECORDS: readonly Uint8Array[] = [];

/**
 * One write at a time: `begin`, any number of operations, `end`. All of them share one main revision, one above the
 * current one, and are numbered by their sub revision; index, backend and leases change at once. Source: etcd
 * mvcc/kvstore_txn.go, peer-protocol.md 13.4.
 */
export class StoreWriter {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #leases: LeaseAttachments;
  readonly #reader: RangeReader;
  readonly #peek = new KeyValuePeek();
  #main = 0;
  #changeCount = 0;
  #changes: Change[] | undefined;

  constructor(backend: Backend, index: KeyIndex, leases: LeaseAttachments, reader: RangeReader) {
    this.#backend = backend;
    this.#index = index;
    this.#leases = leases;
    this.#reader = reader;
  }

  /** Starts a write on the state at `revision`; its changes are collected only where somebody will listen. */
  begin(revision: number, collectsChanges: boolean): void {
    this.#main = revision + 1;
    this.#changeCount = 0;
    this.#changes = collectsChanges ? [] : undefined;
  }

  /** The newest revision the write sees: its own as soon as it has changed something. */
  get visibleRevision(): number {
    return this.#changeCount === 0 ? this.#main - 1 : this.#main;
  }

  get changes(): readonly Change[] | undefined {
    return this.#changes;
  }

  /** Why a put must not be made on the present state, in etcd's order; undefined when it may. */
  checkPut(request: PutRequest): ErrorCode | undefined {
    if (request.lease !== 0n && !this.#leases.exists(request.lease)) return "leaseNotFound";
    if (!request.ignoreValue && !request.ignoreLease) return undefined;
    const slot = this.#index.slotOf(latin1FromBytes(request.key));
    return slot !== undefined && this.#index.isLive(slot) ? undefined : "keyNotFound";
  }

  /**
   * Puts what passed `checkPut`. When an earlier operation of the same txn deleted the key, what `ignoreValue` or
   * `ignoreLease` should keep is gone: it is empty then (etcd does not survive that request).
   */
  put(request: PutRequest): PutResult {
    const index = this.#index;
    const key = latin1FromBytes(request.key);
    const slot = index.slotOf(key);
    const isLive = slot !== undefined && index.isLive(slot);
    let value = request.value;
    let lease = request.lease;
    let prevKv: Uint8Array | undefined;
    if (isLive && (request.prevKv || request.ignoreValue || request.ignoreLease)) {
      const previous = this.#reader.newestRecord(slot);
      if (request.prevKv) prevKv = previous;
      this.#peek.read(previous);
      if (request.ignoreValue) value = previous.subarray(this.#peek.valueStart, this.#peek.valueEnd);
      if (request.ignoreLease) lease = this.#peek.lease;
    }
    const main = this.#main;
    const sub = this.#changeCount++;
    const createRevision = isLive ? index.newestCreateRevision(slot) : main;
    const version = isLive ? index.newestVersion(slot) + 1 : 1;
    const record = encodeStoredKeyValue(key, createRevision, main, version, value, lease);
    this.#backend.putRevision(main, sub, false, record);
    if (this.#changes !== undefined) {
      const change = new KeyChange(key, false, record, createRevision, main, sub);
      if (slot !== undefined && !change.isCreation) this.#findPrevious(slot, change);
      this.#changes.push(change);
    }
    if (slot === undefined) index.add(key, main, sub, createRevision, version);
    else index.append(slot, main, sub, createRevision, version);
    if (lease !== 0n) this.#leases.attach(lease, key);
    else if (isLive) this.#leases.detach(key);
    return { revision: main, prevKv };
  }

  /** Deletes the live keys of the request's range, ascending. PERF: O(log n + keys deleted). */
  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const begin = latin1FromBytes(request.key);
    const found = new FoundKeys();
    if (request.rangeEnd.length === 0) {
      const slot = this.#index.slotOf(begin);
      if (slot !== undefined && this.#index.isLive(slot)) found.slots.push(slot);
    } else {
      const end = rangeEndOf(begin, request.rangeEnd);
      this.#index.collect(begin, end, this.visibleRevision, Number.POSITIVE_INFINITY, found);
    }
    let prevKvs = NO_RECORDS;
    if (request.prevKv) prevKvs = found.slots.map((slot) => this.#reader.newestRecord(slot));
    for (const slot of found.slots) this.#delete(slot);
    return { revision: this.visibleRevision, deleted: found.slots.length, prevKvs };
  }

  /** Deletes one key where it is live. */
  deleteKey(key: string): void {
    const slot = this.#index.slotOf(key);
    if (slot !== undefined && this.#index.isLive(slot)) this.#delete(slot);
  }

  #delete(slot: number): void {
    const index = this.#index;
    const key = index.key(slot);
    const main = this.#main;
    const sub = this.#changeCount++;
    this.#backend.putRevision(main, sub, true, encodeTombstone(key));
    if (this.#changes !== undefined) {
      const change = new KeyChange(key, true, encodeDeletedKeyValue(key, main), 0, main, sub);
      this.#findPrevious(slot, change);
      this.#changes.push(change);
    }
    index.append(slot, main, sub, 0, 0);
    this.#leases.detach(key);
  }

  /** Fills in where the key's value at the revision before this write is. The index must not have the change yet. */
  #findPrevious(slot: number, change: KeyChange): void {
    const index = this.#index;
    if (index.newestMain(slot) < this.#main) {
      change.previousMain = index.newestMain(slot);
      change.previousSub = index.newestSub(slot);
    } else if (index.findIn(slot, this.#main - 1)) {
      change.previousMain = index.main(slot, index.foundPosition);
      change.previousSub = index.sub(slot, index.foundPosition);
    }
  }
}
