import { bytesFromLatin1, latin1FromBytes } from "@quorate/base";
import type {
  Compare,
  DeleteRangeRequest,
  ErrorCode,
  PutRequest,
  RangeRequest,
  RangeResult,
  RequestOp,
  TxnRequest,
  TxnResult,
} from "@quorate/protocol";
import {
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  decodeKeyValue,
} from "@quorate/protocol";

/** Builders for requests out of latin1 text, and readable forms of results. */

export const bytes: (latin1: string) => Uint8Array = bytesFromLatin1;

export function range(key: string, rangeEnd = "", rest: Partial<RangeRequest> = {}): RangeRequest {
  return createRangeRequest({ key: bytes(key), rangeEnd: bytes(rangeEnd), ...rest });
}

export function put(key: string, value = "", rest: Partial<PutRequest> = {}): PutRequest {
  return createPutRequest({ key: bytes(key), value: bytes(value), ...rest });
}

export function del(key: string, rangeEnd = "", rest: Partial<DeleteRangeRequest> = {}): DeleteRangeRequest {
  return createDeleteRangeRequest({ key: bytes(key), rangeEnd: bytes(rangeEnd), ...rest });
}

export interface TxnParts {
  readonly compare?: readonly Compare[];
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}

export function txn(parts: TxnParts): TxnRequest {
  return createTxnRequest(parts);
}

export function compare(key: string, rest: Partial<Compare> = {}): Compare {
  return createCompare({ key: bytes(key), ...rest });
}

export const op = {
  range: (key: string, rangeEnd = "", rest: Partial<RangeRequest> = {}): RequestOp =>
    createRequestOp({ requestRange: range(key, rangeEnd, rest) }),
  put: (key: string, value = "", rest: Partial<PutRequest> = {}): RequestOp =>
    createRequestOp({ requestPut: put(key, value, rest) }),
  del: (key: string, rangeEnd = "", rest: Partial<DeleteRangeRequest> = {}): RequestOp =>
    createRequestOp({ requestDeleteRange: del(key, rangeEnd, rest) }),
  txn: (parts: TxnParts): RequestOp => createRequestOp({ requestTxn: txn(parts) }),
  nothing: (): RequestOp => createRequestOp({}),
};

/** A stored KeyValue as text: `key=value create/mod/version`, and the lease where there is one. */
export function kvText(kv: Uint8Array): string {
  const fields = decodeKeyValue(kv);
  const lease = fields.lease === 0n ? "" : ` lease ${fields.lease}`;
  const numbers = `${fields.createRevision}/${fields.modRevision}/${fields.version}`;
  return `${latin1FromBytes(fields.key)}=${latin1FromBytes(fields.value)} ${numbers}${lease}`;
}

/** A range result as text: the kvs in order, then the count and whether there is more; or the error. */
export function rangeText(result: RangeResult | ErrorCode): string {
  if (typeof result === "string") return result;
  return `${result.kvs.map(kvText).join(", ")} | count ${result.count}${result.more ? " more" : ""} at ${result.revision}`;
}

/** The result of a txn that must not fail. */
export function succeeded(result: TxnResult | ErrorCode): TxnResult {
  if (typeof result === "string") throw new Error(`the txn was refused: ${result}`);
  return result;
}
