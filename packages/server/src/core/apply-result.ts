import type { DeleteRangeResult, ErrorCode, Permission, PutResult, RangeResult, TxnResult } from "@quorate/protocol";
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

/** A login went through; the user gets a token for this revision of users and roles. */
export interface AuthenticateResult {
  readonly username: string;
  readonly authRevision: number;
  /** What a simple token begins with; empty where tokens are signed. */
  readonly tokenPrefix: string;
  /** Of the entry that told of the login. */
  readonly entryIndex: number;
}

export interface AuthStatusResult {
  readonly enabled: boolean;
  readonly authRevision: number;
}

export interface UserRolesResult {
  readonly roles: readonly string[];
}

export interface RolePermissionsResult {
  readonly permissions: readonly Permission[];
}

/** Names of users, or of roles. */
export interface NamesResult {
  readonly names: readonly string[];
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
  | AlarmResult
  | AuthenticateResult
  | AuthStatusResult
  | UserRolesResult
  | RolePermissionsResult
  | NamesResult;
