/**
 * The store as the rules tell it, without any cleverness: a list of all records ever written, replayed for every question.
 * Written from grpc-api.md 3, 4, 5, 10; it shares no code with the store.
 */
import { crc32c, latin1FromBytes } from "@quorate/base";
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResult,
  ErrorCode,
  OpResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOp,
  TxnRequest,
  TxnResult,
} from "@quorate/protocol";
import { CompareResult, CompareTarget, createKeyValue, encodeKeyValue, SortOrder, SortTarget } from "@quorate/protocol";

export interface ModelKv {
  readonly key: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly value: string;
  readonly lease: bigint;
}

interface ModelRecord {
  readonly main: number;
  readonly sub: number;
  readonly key: string;
  /** Undefined: a tombstone. */
  readonly kv: ModelKv | undefined;
}

export interface ModelHash {
  readonly hash: number;
  readonly compactRevision: number;
}

export class ModelStore {
  records: ModelRecord[] = [];
  revision = 1;
  compacted = -1;
  readonly leases = new Set<bigint>();
  readonly storedHashes = new Map<number, ModelHash>();
  #pending = 0;

  state(revision: number): ModelKv[] {
    const state = new Map<string, ModelKv>();
    for (const record of this.records) {
      if (record.main > revision) continue;
      if (record.kv === undefined) state.delete(record.key);
      else state.set(record.key, record.kv);
    }
    return [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  get visible(): number {
    return this.#pending > 0 ? this.revision + 1 : this.revision;
  }

  range(request: RangeRequest): RangeResult | ErrorCode {
    if (request.revision > this.visible) return "futureRevision";
    const revision = request.revision <= 0 ? this.visible : request.revision;
    if (revision < this.compacted) return "compacted";
    const all = this.state(revision).filter((kv) => inRange(kv.key, request.key, request.rangeEnd));
    const count = all.length;
    if (request.countOnly) return { revision: this.visible, kvs: [], more: false, count };
    const { limit, sortTarget, sortOrder } = request;
    const filters = [
      request.minModRevision,
      request.maxModRevision,
      request.minCreateRevision,
      request.maxCreateRevision,
    ];
    const isPushedDown =
      filters.every((filter) => filter === 0) &&
      (sortOrder === SortOrder.NONE || (sortOrder === SortOrder.ASCEND && sortTarget === SortTarget.KEY));
    let kvs = isPushedDown && limit > 0 ? all.slice(0, limit + 1) : all;
    kvs = kvs.filter((kv) => passes(kv, request));
    if (sortTarget !== SortTarget.KEY || sortOrder === SortOrder.DESCEND) {
      const sign = sortOrder === SortOrder.DESCEND ? -1 : 1;
      kvs = [...kvs].sort((a, b) => sign * compareBy(sortTarget, a, b));
    }
    const more = limit > 0 && kvs.length > limit;
    if (more) kvs = kvs.slice(0, limit);
    const keysOnly = (kv: ModelKv): ModelKv => ({
      ...kv,
      value: "",
      lease: sortTarget === SortTarget.VALUE ? kv.lease : 0n,
    });
    return { revision: this.visible, kvs: kvs.map((kv) => encode(request.keysOnly ? keysOnly(kv) : kv)), more, count };
  }

  checkPut(request: PutRequest): ErrorCode | undefined {
    if (request.lease !== 0n && !this.leases.has(request.lease)) return "leaseNotFound";
    const exists = this.#find(latin1FromBytes(request.key)) !== undefined;
    return (request.ignoreValue || request.ignoreLease) && !exists ? "keyNotFound" : undefined;
  }

  put(request: PutRequest): PutResult | ErrorCode {
    const error = this.checkPut(request);
    if (error !== undefined) return error;
    const result = this.#put(request);
    this.#end();
    return result;
  }

  #put(request: PutRequest): PutResult {
    const key = latin1FromBytes(request.key);
    const old = this.#find(key);
    const main = this.revision + 1;
    const kv: ModelKv = {
      key,
      create: old?.create ?? main,
      mod: main,
      version: (old?.version ?? 0) + 1,
      value: request.ignoreValue ? (old?.value ?? latin1FromBytes(request.value)) : latin1FromBytes(request.value),
      lease: request.ignoreLease ? (old?.lease ?? request.lease) : request.lease,
    };
    this.#write(key, kv);
    return { revision: main, prevKv: request.prevKv && old !== undefined ? encode(old) : undefined };
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const result = this.#deleteRange(request);
    this.#end();
    return result;
  }

  #deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const old = this.state(this.visible).filter((kv) => inRange(kv.key, request.key, request.rangeEnd));
    for (const kv of old) this.#write(kv.key, undefined);
    return { revision: this.visible, deleted: old.length, prevKvs: request.prevKv ? old.map(encode) : [] };
  }

  txn(request: TxnRequest): TxnResult | ErrorCode {
    const path = this.#path(request);
    const error = this.#check(request, [...path]);
    if (error !== undefined) return error;
    const outer = path[0] === true;
    const responses = this.#execute(request, [...path]);
    const revision = this.visible;
    this.#end();
    return { revision, succeeded: outer, responses };
  }

  #path(request: TxnRequest): boolean[] {
    const state = this.state(this.revision);
    const isTrue = request.compare.every((compare) => compareHolds(compare, state));
    const path = [isTrue];
    for (const { requestTxn } of isTrue ? request.success : request.failure) {
      if (requestTxn !== undefined) path.push(...this.#path(requestTxn));
    }
    return path;
  }

  #check(request: TxnRequest, path: boolean[]): ErrorCode | undefined {
    for (const op of takeBranch(request, path)) {
      let error: ErrorCode | undefined;
      const revision = op.requestRange?.revision ?? 0;
      if (revision !== 0 && revision > this.revision) error = "futureRevision";
      else if (revision !== 0 && revision < this.compacted) error = "compacted";
      if (op.requestPut !== undefined) error = this.checkPut(op.requestPut);
      if (op.requestTxn !== undefined) error = this.#check(op.requestTxn, path);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #execute(request: TxnRequest, path: boolean[]): OpResult[] {
    const results: OpResult[] = [];
    for (const op of takeBranch(request, path)) {
      if (op.requestRange !== undefined) {
        const result = this.range(op.requestRange);
        if (typeof result === "string") throw new Error(`model: a checked range failed: ${result}`);
        results.push({ kind: "range", result });
      } else if (op.requestPut !== undefined) {
        results.push({ kind: "put", result: this.#put(op.requestPut) });
      } else if (op.requestDeleteRange !== undefined) {
        results.push({ kind: "deleteRange", result: this.#deleteRange(op.requestDeleteRange) });
      } else if (op.requestTxn !== undefined) {
        const isTrue = path[0] === true;
        const responses = this.#execute(op.requestTxn, path);
        results.push({ kind: "txn", result: { revision: 0, succeeded: isTrue, responses } });
      }
    }
    return results;
  }

  /** Logical and physical at once; stores the hash that a finished compaction leaves. */
  compact(revision: number): ErrorCode | undefined {
    if (revision <= this.compacted) return "compacted";
    if (revision > this.revision) return "futureRevision";
    const keep = this.#keep(revision);
    const tombstonesAt = this.records.filter((record) => record.main === revision && record.kv === undefined);
    this.storedHashes.set(revision, {
      hash: this.#hash(revision, this.compacted, this.#hashKeep(revision), keep.size > 0 || tombstonesAt.length > 0),
      compactRevision: this.compacted,
    });
    if (this.storedHashes.size > 10) this.storedHashes.delete([...this.storedHashes.keys()][0] as number);
    this.records = this.records.filter(
      (record) => record.main > revision || keep.has(idOf(record)) || tombstonesAt.includes(record),
    );
    this.compacted = revision;
    return undefined;
  }

  hashKv(revision: number): ModelHash | ErrorCode {
    const stored = this.storedHashes.get(revision);
    if (stored !== undefined) return stored;
    if (revision > 0 && revision < this.compacted) return "compacted";
    if (revision > this.revision) return "futureRevision";
    const at = revision === 0 ? this.revision : revision;
    const keepsAny = this.#keep(at).size > 0;
    return { hash: this.#hash(at, this.compacted, this.#hashKeep(at), keepsAny), compactRevision: this.compacted };
  }

  /** For each key alive at `revision` its newest record then. */
  #keep(revision: number): Set<string> {
    const newest = new Map<string, ModelRecord>();
    for (const record of this.records) if (record.main <= revision) newest.set(record.key, record);
    return new Set([...newest.values()].filter((record) => record.kv !== undefined).map(idOf));
  }

  /** The hash leaves out a key that was deleted at exactly this revision, even if it was put again in it. */
  #hashKeep(revision: number): Set<string> {
    const keep = this.#keep(revision);
    for (const record of this.records) {
      const isDeleted = this.records.some((r) => r.key === record.key && r.main === revision && r.kv === undefined);
      if (isDeleted) keep.delete(idOf(record));
    }
    return keep;
  }

  #hash(revision: number, compactRevision: number, keep: ReadonlySet<string>, keepsAny: boolean): number {
    let crc = crc32c(0, new TextEncoder().encode("key"));
    for (const record of this.records) {
      if (record.main > revision) continue;
      if (record.main <= compactRevision && keepsAny && !keep.has(idOf(record))) continue;
      if (record.main === compactRevision && record.kv === undefined) continue;
      const key = new DataView(new ArrayBuffer(record.kv === undefined ? 18 : 17));
      key.setBigInt64(0, BigInt(record.main));
      key.setUint8(8, 0x5f);
      key.setBigInt64(9, BigInt(record.sub));
      if (record.kv === undefined) key.setUint8(17, 0x74);
      const value =
        record.kv === undefined ? encodeKeyValue(createKeyValue({ key: latin1(record.key) })) : encode(record.kv);
      crc = crc32c(crc32c(crc, new Uint8Array(key.buffer)), value);
    }
    return crc;
  }

  #find(key: string): ModelKv | undefined {
    return this.state(this.visible).find((kv) => kv.key === key);
  }

  #write(key: string, kv: ModelKv | undefined): void {
    this.records.push({ main: this.revision + 1, sub: this.#pending, key, kv });
    this.#pending += 1;
  }

  #end(): void {
    if (this.#pending > 0) this.revision += 1;
    this.#pending = 0;
  }
}

export function encode(kv: ModelKv): Uint8Array {
  return encodeKeyValue(
    createKeyValue({
      key: latin1(kv.key),
      createRevision: kv.create,
      modRevision: kv.mod,
      version: kv.version,
      value: latin1(kv.value),
      lease: kv.lease,
    }),
  );
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function idOf(record: ModelRecord): string {
  return `${record.main}.${record.sub}`;
}

function takeBranch(request: TxnRequest, path: boolean[]): readonly RequestOp[] {
  return path.shift() === true ? request.success : request.failure;
}

function inRange(key: string, begin: Uint8Array, rangeEnd: Uint8Array): boolean {
  const first = latin1FromBytes(begin);
  if (rangeEnd.length === 0) return key === first;
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return key >= first;
  return key >= first && key < latin1FromBytes(rangeEnd);
}

function passes(kv: ModelKv, request: RangeRequest): boolean {
  return (
    (request.minModRevision === 0 || kv.mod >= request.minModRevision) &&
    (request.maxModRevision === 0 || kv.mod <= request.maxModRevision) &&
    (request.minCreateRevision === 0 || kv.create >= request.minCreateRevision) &&
    (request.maxCreateRevision === 0 || kv.create <= request.maxCreateRevision)
  );
}

function compareBy(target: number, a: ModelKv, b: ModelKv): number {
  if (target === SortTarget.VERSION) return a.version - b.version;
  if (target === SortTarget.CREATE) return a.create - b.create;
  if (target === SortTarget.MOD) return a.mod - b.mod;
  if (target === SortTarget.VALUE) return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  return a.key < b.key ? -1 : 1;
}

function compareHolds(compare: Compare, state: readonly ModelKv[]): boolean {
  const kvs = state.filter((kv) => inRange(kv.key, compare.key, compare.rangeEnd));
  if (kvs.length > 0) return kvs.every((kv) => compareOne(compare, kv));
  if (compare.target === CompareTarget.VALUE) return false;
  return compareOne(compare, { key: "", create: 0, mod: 0, version: 0, value: "", lease: 0n });
}

function compareOne(compare: Compare, kv: ModelKv): boolean {
  const order = ((): number => {
    const byOrder = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
    switch (compare.target) {
      case CompareTarget.VERSION:
        return byOrder(kv.version, compare.version ?? 0);
      case CompareTarget.CREATE:
        return byOrder(kv.create, compare.createRevision ?? 0);
      case CompareTarget.MOD:
        return byOrder(kv.mod, compare.modRevision ?? 0);
      case CompareTarget.VALUE:
        return byOrder(kv.value, compare.value === undefined ? "" : latin1FromBytes(compare.value));
      case CompareTarget.LEASE:
        return byOrder(kv.lease, compare.lease ?? 0n);
      default:
        return 0;
    }
  })();
  if (compare.result === CompareResult.EQUAL) return order === 0;
  if (compare.result === CompareResult.GREATER) return order > 0;
  if (compare.result === CompareResult.LESS) return order < 0;
  return compare.result === CompareResult.NOT_EQUAL ? order !== 0 : true;
}
