import { latin1FromBytes } from "@quorate/base";
import type { DeleteRangeRequest, ErrorCode, PutRequest, RangeRequest, RequestOp, TxnRequest } from "@quorate/protocol";
import { SortOrder, SortTarget } from "@quorate/protocol";
import { KeyIntervals } from "./key-intervals.ts";

/**
 * What a member refuses before a request goes into the log. The checks and their order are etcd's (grpc-api.md 3, 4.2;
 * etcd api/v3rpc/key.go); each returns the error a client gets, or undefined.
 */

/** Operations that one txn may have in its longest list, by default. */
export const TXN_OPS_MAX_DEFAULT = 128;

/** What a put costs besides its bytes when the quota is checked. Source: etcd storage/quota.go. */
const PUT_OVERHEAD_BYTES = 256;

export function checkRange(request: RangeRequest): ErrorCode | undefined {
  if (request.key.length === 0) return "emptyKey";
  const isKnown =
    request.sortOrder >= SortOrder.NONE &&
    request.sortOrder <= SortOrder.DESCEND &&
    request.sortTarget >= SortTarget.KEY &&
    request.sortTarget <= SortTarget.VALUE;
  return isKnown ? undefined : "invalidSortOption";
}

export function checkPut(request: PutRequest): ErrorCode | undefined {
  if (request.key.length === 0) return "emptyKey";
  if (request.ignoreValue && request.value.length !== 0) return "valueProvided";
  if (request.ignoreLease && request.lease !== 0n) return "leaseProvided";
  return undefined;
}

export function checkDeleteRange(request: DeleteRangeRequest): ErrorCode | undefined {
  return request.key.length === 0 ? "emptyKey" : undefined;
}

/** `maxOps` is the longest list allowed; nested txns have what their parent leaves of it. */
export function checkTxn(request: TxnRequest, maxOps: number = TXN_OPS_MAX_DEFAULT): ErrorCode | undefined {
  const error = checkTxnParts(request, maxOps);
  if (error !== undefined) return error;
  if (hasOverlap(request.success) || hasOverlap(request.failure)) return "duplicateKey";
  return undefined;
}

/** Whether the txn only reads, so that it need not go through the log: nothing but ranges, directly in its branches. */
export function isTxnReadonly(request: TxnRequest): boolean {
  return request.success.every(isRange) && request.failure.every(isRange);
}

/** Whether it may be answered from local state: nothing but serializable ranges; also true of a txn without operations. */
export function isTxnSerializable(request: TxnRequest): boolean {
  return request.success.every(isSerializableRange) && request.failure.every(isSerializableRange);
}

/** Bytes a put is reckoned with when the quota is checked. */
export function putCost(request: PutRequest): number {
  return PUT_OVERHEAD_BYTES + request.key.length + request.value.length;
}

/** Bytes a txn is reckoned with: the puts of its dearer branch, nested ones included. 0 means it is never refused. */
export function txnCost(request: TxnRequest, countsNested: boolean = true): number {
  return Math.max(opsCost(request.success, countsNested), opsCost(request.failure, countsNested));
}

function opsCost(ops: readonly RequestOp[], countsNested: boolean): number {
  let cost = 0;
  for (const op of ops) {
    if (op.requestPut !== undefined) cost += putCost(op.requestPut);
    else if (countsNested && op.requestTxn !== undefined) cost += txnCost(op.requestTxn);
  }
  return cost;
}

function isRange(op: RequestOp): boolean {
  return op.requestRange !== undefined;
}

function isSerializableRange(op: RequestOp): boolean {
  return op.requestRange?.serializable === true;
}

function checkTxnParts(request: TxnRequest, maxOps: number): ErrorCode | undefined {
  const ops = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (ops > maxOps) return "tooManyOps";
  for (const compare of request.compare) if (compare.key.length === 0) return "emptyKey";
  return checkOps(request.success, maxOps - ops) ?? checkOps(request.failure, maxOps - ops);
}

function checkOps(ops: readonly RequestOp[], maxNestedOps: number): ErrorCode | undefined {
  for (const op of ops) {
    const error = checkOp(op, maxNestedOps);
    if (error !== undefined) return error;
  }
  return undefined;
}

function checkOp(op: RequestOp, maxNestedOps: number): ErrorCode | undefined {
  if (op.requestRange !== undefined) return checkRange(op.requestRange);
  if (op.requestPut !== undefined) return checkPut(op.requestPut);
  if (op.requestDeleteRange !== undefined) return checkDeleteRange(op.requestDeleteRange);
  if (op.requestTxn !== undefined) return checkTxnParts(op.requestTxn, maxNestedOps);
  return "keyNotFound";
}

/** Whether a branch puts a key twice, or puts one that it also deletes. A single operation never does. */
function hasOverlap(ops: readonly RequestOp[]): boolean {
  if (ops.length === 0 || (ops.length === 1 && ops[0]?.requestTxn === undefined)) return false;
  return writtenBy(ops) === undefined;
}

interface Written {
  readonly puts: Set<string>;
  readonly deletes: KeyIntervals;
}

/**
 * What a branch writes, nested txns included, or undefined when it overlaps. As in etcd, a put in a nested txn is held
 * against the deletes of this level and of nested txns before it, not of those behind it; then and else of one txn do not
 * collide; and a delete with `range_end` 0x00 covers nothing here, since its end is taken as the key it spells.
 */
function writtenBy(ops: readonly RequestOp[]): Written | undefined {
  const puts = new Set<string>();
  const deletes = new KeyIntervals();
  for (const op of ops) {
    const request = op.requestDeleteRange;
    if (request === undefined) continue;
    const begin = latin1FromBytes(request.key);
    deletes.add(begin, request.rangeEnd.length === 0 ? `${begin}\0` : latin1FromBytes(request.rangeEnd));
  }
  for (const op of ops) {
    if (op.requestTxn === undefined) continue;
    const onSuccess = writtenBy(op.requestTxn.success);
    const onFailure = writtenBy(op.requestTxn.failure);
    if (onSuccess === undefined || onFailure === undefined) return undefined;
    for (const key of onSuccess.puts) if (puts.has(key) || deletes.covers(key)) return undefined;
    for (const key of onFailure.puts) if (puts.has(key) || deletes.covers(key)) return undefined;
    for (const key of onSuccess.puts) puts.add(key);
    for (const key of onFailure.puts) puts.add(key);
    deletes.addAll(onSuccess.deletes);
    deletes.addAll(onFailure.deletes);
  }
  for (const op of ops) {
    if (op.requestPut === undefined) continue;
    const key = latin1FromBytes(op.requestPut.key);
    if (puts.has(key) || deletes.covers(key)) return undefined;
    puts.add(key);
  }
  return { puts, deletes };
}
