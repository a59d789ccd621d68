import {
  createRequestOp,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeResponse,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from "@quorate/protocol";
import { type BytesLike, type KeySelection, keyFields, toBytes } from "./key-range.ts";
import { type RangeOptions, rangeRequest } from "./range-options.ts";

/** How a key is put. */
export interface PutOptions {
  /** Attach the key to this lease. Error: `leaseNotFound`. */
  readonly lease?: bigint | undefined;
  /** Answer with what the key was before. */
  readonly prevKv?: boolean | undefined;
  /** Keep the value, give an empty one. Error: `keyNotFound`. */
  readonly ignoreValue?: boolean | undefined;
  /** Keep the lease. Error: `keyNotFound`. */
  readonly ignoreLease?: boolean | undefined;
}

/** How keys are deleted. */
export interface DeleteOptions {
  /** Answer with what was deleted. */
  readonly prevKv?: boolean | undefined;
}

/** What the operations of a transaction answer. */
export interface OpResponses {
  readonly get: RangeResponse;
  readonly put: PutResponse;
  readonly delete: DeleteRangeResponse;
  readonly txn: TxnResponse;
}

/** One operation of a transaction. */
export interface Op<Kind extends keyof OpResponses = keyof OpResponses> {
  readonly kind: Kind;
  readonly request: RequestOp;
}

/** Makes operations for {@link Txn.do} and {@link Txn.else}. */
export interface Ops {
  get(keys: KeySelection, options?: RangeOptions): Op<"get">;
  put(key: BytesLike, value: BytesLike, options?: PutOptions): Op<"put">;
  delete(keys: KeySelection, options?: DeleteOptions): Op<"delete">;
  /** A transaction within the transaction: `Txn.request()` or a message. */
  txn(request: TxnRequest): Op<"txn">;
}

/** The responses of operations, in their order. */
export type ResponsesOf<Operations extends readonly Op[]> = {
  readonly [I in keyof Operations]: Operations[I] extends Op<infer Kind> ? OpResponses[Kind] : never;
};

export const op: Ops = {
  get: (keys, options = {}) => ({
    kind: "get",
    request: createRequestOp({ requestRange: rangeRequest(keys, options) }),
  }),
  put: (key, value, options = {}) => ({
    kind: "put",
    request: createRequestOp({ requestPut: putRequest(key, value, options) }),
  }),
  delete: (keys, options = {}) => ({
    kind: "delete",
    request: createRequestOp({ requestDeleteRange: deleteRequest(keys, options) }),
  }),
  txn: (request) => ({ kind: "txn", request: createRequestOp({ requestTxn: request }) }),
};

export function putRequest(key: BytesLike, value: BytesLike, options: PutOptions): PutRequest {
  return {
    key: toBytes(key),
    value: toBytes(value),
    lease: options.lease ?? 0n,
    prevKv: options.prevKv ?? false,
    ignoreValue: options.ignoreValue ?? false,
    ignoreLease: options.ignoreLease ?? false,
  };
}

export function deleteRequest(keys: KeySelection, options: DeleteOptions): DeleteRangeRequest {
  return { ...keyFields(keys), prevKv: options.prevKv ?? false };
}

/** The one response that is set. */
export function responseOf(response: ResponseOp): OpResponses[keyof OpResponses] | undefined {
  return response.responseRange ?? response.responsePut ?? response.responseDeleteRange ?? response.responseTxn;
}
