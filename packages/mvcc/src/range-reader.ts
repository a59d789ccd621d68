import { compareBytes, EMPTY_BYTES, latin1FromBytes, must } from "@quorate/base";
import type { Compare, ErrorCode, RangeRequest, RangeResult } from "@quorate/protocol";
import {
  CompareResult,
  CompareTarget,
  encodeStoredKeyValue,
  KeyValuePeek,
  SortOrder,
  SortTarget,
} from "@quorate/protocol";
import type { Backend } from "./backend.ts";
import { FoundKeys, type KeyIndex } from "./key-index/key-index.ts";
import { rangeEndOf } from "./key-range.ts";

const NO_RECORDS: readonly Uint8Array[] = [];

/** Answers ranges and compares on one state of the store. Source: grpc-api.md 3.2, 4.2. */
export class RangeReader {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #peek = new KeyValuePeek();

  constructor(backend: Backend, index: KeyIndex) {
    this.#backend = backend;
    this.#index = index;
  }

  /** The stored record of one revision of a key. Throws when the backend does not have it: index and data disagree. */
  record(slot: number, position: number): Uint8Array {
    const main = this.#index.main(slot, position);
    return must(
      this.#backend.getRevision(main, this.#index.sub(slot, position)),
      "a revision is missing in the backend",
    );
  }

  /** The stored record of the newest revision of a live key. Throws as `record` does. */
  newestRecord(slot: number): Uint8Array {
    const record = this.#backend.getRevision(this.#index.newestMain(slot), this.#index.newestSub(slot));
    return must(record, "a revision is missing in the backend");
  }

  /**
   * `currentRevision` is the newest revision visible, also that of a write in progress. `futureRevision` and `compacted`
   * as etcd has them. PERF: O(1) for a key; O(log n + keys) for a range; filters and orders walk the whole range.
   */
  range(request: RangeRequest, currentRevision: number, compactedRevision: number): RangeResult | ErrorCode {
    if (request.revision > currentRevision) return "futureRevision";
    const revision = request.revision <= 0 ? currentRevision : request.revision;
    if (revision < compactedRevision) return "compacted";
    if (request.rangeEnd.length === 0) return this.#rangeOne(request, currentRevision, revision);
    const begin = latin1FromBytes(request.key);
    const end = rangeEndOf(begin, request.rangeEnd);
    if (request.countOnly) {
      const count = this.#index.count(begin, end, revision);
      return { revision: currentRevision, kvs: NO_RECORDS, more: false, count };
    }

    const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    const walksAll = hasFilters(request) || hasCustomOrder(request.sortTarget, request.sortOrder);
    // One more than asked for tells whether there is more. Without an explicit order only these are sorted, as in etcd.
    const collected = walksAll ? Number.POSITIVE_INFINITY : limit + 1;
    const found = new FoundKeys();
    this.#index.collect(begin, end, revision, collected, found);
    const count = found.length < collected ? found.length : this.#index.count(begin, end, revision);
    if (hasFilters(request)) this.#filter(request, found);
    const more = found.length > limit;
    const length = more ? limit : found.length;
    const order = request.sortTarget !== SortTarget.KEY && request.sortOrder === SortOrder.NONE;
    const sortOrder = order ? SortOrder.ASCEND : request.sortOrder;
    if (hasCustomOrder(request.sortTarget, sortOrder)) this.#sort(found, request.sortTarget, sortOrder);
    return { revision: currentRevision, kvs: this.#records(request, found, length), more, count };
  }

  /** Whether every key of the compare's range satisfies it at `currentRevision`; no key counts as one of zeros. */
  isTrue(compare: Compare, currentRevision: number): boolean {
    const begin = latin1FromBytes(compare.key);
    if (compare.rangeEnd.length === 0) {
      const slot = this.#index.find(begin, currentRevision);
      if (slot === undefined) return this.#isTrueOfNothing(compare);
      return this.#isTrueOf(compare, slot, this.#index.foundPosition);
    }
    const found = new FoundKeys();
    const end = rangeEndOf(begin, compare.rangeEnd);
    this.#index.collect(begin, end, currentRevision, Number.POSITIVE_INFINITY, found);
    if (found.length === 0) return this.#isTrueOfNothing(compare);
    for (let i = 0; i < found.length; i++) {
      if (!this.#isTrueOf(compare, found.slots[i] as number, found.positions[i] as number)) return false;
    }
    return true;
  }

  #rangeOne(request: RangeRequest, currentRevision: number, revision: number): RangeResult {
    const slot = this.#index.find(latin1FromBytes(request.key), revision);
    if (slot === undefined) return { revision: currentRevision, kvs: NO_RECORDS, more: false, count: 0 };
    const position = this.#index.foundPosition;
    const isWanted = !request.countOnly && (!hasFilters(request) || this.#passes(request, slot, position));
    const kvs = isWanted ? [this.#recordFor(request, slot, position)] : NO_RECORDS;
    return { revision: currentRevision, kvs, more: false, count: 1 };
  }

  #records(request: RangeRequest, found: FoundKeys, length: number): Uint8Array[] {
    const kvs: Uint8Array[] = [];
    for (let i = 0; i < length; i++) {
      kvs.push(this.#recordFor(request, found.slots[i] as number, found.positions[i] as number));
    }
    return kvs;
  }

  #recordFor(request: RangeRequest, slot: number, position: number): Uint8Array {
    if (!request.keysOnly) return this.record(slot, position);
    // etcd 3.7 answers from its index, which has no leases, except where it sorts by value and reads the records anyway.
    const lease = request.sortTarget === SortTarget.VALUE ? this.#leaseOf(this.record(slot, position)) : 0n;
    const index = this.#index;
    const create = index.createRevision(slot, position);
    const version = index.version(slot, position);
    return encodeStoredKeyValue(index.key(slot), create, index.main(slot, position), version, EMPTY_BYTES, lease);
  }

  #passes(request: RangeRequest, slot: number, position: number): boolean {
    const mod = this.#index.main(slot, position);
    if (request.maxModRevision !== 0 && mod > request.maxModRevision) return false;
    if (request.minModRevision !== 0 && mod < request.minModRevision) return false;
    const create = this.#index.createRevision(slot, position);
    if (request.maxCreateRevision !== 0 && create > request.maxCreateRevision) return false;
    return request.minCreateRevision === 0 || create >= request.minCreateRevision;
  }

  #filter(request: RangeRequest, found: FoundKeys): void {
    let kept = 0;
    for (let i = 0; i < found.length; i++) {
      const slot = found.slots[i] as number;
      const position = found.positions[i] as number;
      if (!this.#passes(request, slot, position)) continue;
      found.slots[kept] = slot;
      found.positions[kept] = position;
      kept += 1;
    }
    found.slots.length = kept;
    found.positions.length = kept;
  }

  /** Keys that are equal in what is sorted by stay in key order; etcd leaves their order open. */
  #sort(found: FoundKeys, target: number, sortOrder: number): void {
    const order = found.slots.map((_, i) => i);
    const sign = sortOrder === SortOrder.DESCEND ? -1 : 1;
    if (target === SortTarget.KEY) {
      order.reverse();
    } else if (target === SortTarget.VALUE) {
      const values = order.map((i) => {
        const record = this.record(found.slots[i] as number, found.positions[i] as number);
        return this.#valueOf(record);
      });
      order.sort((a, b) => sign * compareBytes(values[a] as Uint8Array, values[b] as Uint8Array));
    } else {
      const numbers = order.map((i) =>
        this.#sortNumber(target, found.slots[i] as number, found.positions[i] as number),
      );
      order.sort((a, b) => sign * ((numbers[a] as number) - (numbers[b] as number)));
    }
    const slots = order.map((i) => found.slots[i] as number);
    const positions = order.map((i) => found.positions[i] as number);
    for (let i = 0; i < slots.length; i++) {
      found.slots[i] = slots[i] as number;
      found.positions[i] = positions[i] as number;
    }
  }

  #valueOf(record: Uint8Array): Uint8Array {
    this.#peek.read(record);
    return record.subarray(this.#peek.valueStart, this.#peek.valueEnd);
  }

  #leaseOf(record: Uint8Array): bigint {
    this.#peek.read(record);
    return this.#peek.lease;
  }

  #sortNumber(target: number, slot: number, position: number): number {
    if (target === SortTarget.VERSION) return this.#index.version(slot, position);
    if (target === SortTarget.CREATE) return this.#index.createRevision(slot, position);
    return this.#index.main(slot, position);
  }

  #isTrueOfNothing(compare: Compare): boolean {
    if (compare.target === CompareTarget.VALUE) return false;
    return holds(compare.result, 0 - Number(expectedNumber(compare)));
  }

  #isTrueOf(compare: Compare, slot: number, position: number): boolean {
    const index = this.#index;
    switch (compare.target) {
      case CompareTarget.VERSION:
        return holds(compare.result, index.version(slot, position) - (compare.version ?? 0));
      case CompareTarget.CREATE:
        return holds(compare.result, index.createRevision(slot, position) - (compare.createRevision ?? 0));
      case CompareTarget.MOD:
        return holds(compare.result, index.main(slot, position) - (compare.modRevision ?? 0));
      case CompareTarget.VALUE: {
        const value = this.#valueOf(this.record(slot, position));
        return holds(compare.result, compareBytes(value, compare.value ?? EMPTY_BYTES));
      }
      case CompareTarget.LEASE: {
        const lease = this.#leaseOf(this.record(slot, position));
        const expected = compare.lease ?? 0n;
        return holds(compare.result, lease < expected ? -1 : lease > expected ? 1 : 0);
      }
      default:
        return holds(compare.result, 0);
    }
  }
}

/** What a compare of anything but values expects, 0 where the member that fits its target is missing. */
function expectedNumber(compare: Compare): number | bigint {
  switch (compare.target) {
    case CompareTarget.VERSION:
      return compare.version ?? 0;
    case CompareTarget.CREATE:
      return compare.createRevision ?? 0;
    case CompareTarget.MOD:
      return compare.modRevision ?? 0;
    case CompareTarget.LEASE:
      return compare.lease ?? 0n;
    default:
      return 0;
  }
}

/** `order` is negative, zero or positive as what is stored is below, equal to or above what is expected. */
function holds(result: number, order: number): boolean {
  switch (result) {
    case CompareResult.EQUAL:
      return order === 0;
    case CompareResult.GREATER:
      return order > 0;
    case CompareResult.LESS:
      return order < 0;
    case CompareResult.NOT_EQUAL:
      return order !== 0;
    default:
      return true;
  }
}

function hasFilters(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

/** Whether the order asked for is another than that of the index: ascending by key. */
function hasCustomOrder(target: number, order: number): boolean {
  return order === SortOrder.DESCEND || (order === SortOrder.ASCEND && target !== SortTarget.KEY);
}
