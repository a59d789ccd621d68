import type { DeleteRangeResult, ErrorCode, PutResult, RangeResult, TxnResult } from "@quorate/protocol";
import type { Alarm } from "./alarms.ts";

/** A lease as granted: the TTL may be larger than asked for. */
export interface LeaseGrantResult {
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** A request that answers with nothing but a header; `revision` goes into it. */
export interface HeaderResult {
  readonly revision: number;
}

/** Alarms that the request was about. */
export interface AlarmResult {
  readonly alarms: readonly Alarm[];
}

/**
 * What applying a request came to: an error code, or the result of its kind. Who proposed the request knows which kind that
 * is, so no tag is carried.
 */
export type ApplyResult =
  | ErrorCode
  | RangeResult
  | PutResult
  | DeleteRangeResult
  | TxnResult
  | LeaseGrantResult
  | HeaderResult
  | AlarmResult;
