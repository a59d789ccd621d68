import { bytesFromLatin1, EMPTY_BYTES } from "@quorate/base";
import type { Lessor } from "@quorate/mvcc";
import type { DeleteRangeRequest, ErrorCode, PutRequest, RequestOp, TxnRequest } from "@quorate/protocol";
import type { AuthState } from "./auth-state.ts";
import type { Caller } from "./caller.ts";

/**
 * Whether a caller may do something, undefined or why not. Where users do not count everybody may do everything. gRPC API page,
 * section 11.4; peer protocol page, section 13.3.
 */
export class PermissionChecks {
  readonly #state: AuthState;
  readonly #lessor: Lessor;

  constructor(state: AuthState, lessor: Lessor) {
    this.#state = state;
    this.#lessor = lessor;
  }

  /** Whether the caller holds the role root. As of now: the caller's revision does not matter. */
  admin(caller: Caller): ErrorCode | undefined {
    if (!this.#state.isEnabled) return undefined;
    if (caller.username === "") return "userEmpty";
    if (this.#state.users.get(caller.username) === undefined) return "userNotFound";
    return this.#state.isRoot(caller.username) ? undefined : "permissionDenied";
  }

  read(caller: Caller, key: Uint8Array, rangeEnd: Uint8Array): ErrorCode | undefined {
    return this.#key(caller, key, rangeEnd, "read");
  }

  write(caller: Caller, key: Uint8Array, rangeEnd: Uint8Array): ErrorCode | undefined {
    return this.#key(caller, key, rangeEnd, "write");
  }

  put(caller: Caller, { key, lease, prevKv }: PutRequest): ErrorCode | undefined {
    return (
      this.write(caller, key, EMPTY_BYTES) ??
      (lease === 0n ? undefined : this.leaseWrite(caller, lease)) ??
      (prevKv ? this.read(caller, key, EMPTY_BYTES) : undefined)
    );
  }

  deleteRange(caller: Caller, { key, prevKv, rangeEnd }: DeleteRangeRequest): ErrorCode | undefined {
    return this.write(caller, key, rangeEnd) ?? (prevKv ? this.read(caller, key, rangeEnd) : undefined);
  }

  /** Both branches count, whichever is taken. PERF: O(operations × log permissions). */
  txn(caller: Caller, request: TxnRequest): ErrorCode | undefined {
    for (const { key, rangeEnd } of request.compare) {
      const refused = this.read(caller, key, rangeEnd);
      if (refused !== undefined) return refused;
    }
    for (const op of [...request.success, ...request.failure]) {
      const refused = this.#op(caller, op);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  /** Whoever ends a lease, or adds a key to it, must be able to write all of its keys. */
  leaseWrite(caller: Caller, leaseId: bigint): ErrorCode | undefined {
    return this.#leaseKeys(caller, leaseId, "write");
  }

  leaseRead(caller: Caller, leaseId: bigint): ErrorCode | undefined {
    return this.#leaseKeys(caller, leaseId, "read");
  }

  /** The same for keys of a lease that are known otherwise. */
  keysRead(caller: Caller, keys: readonly Uint8Array[]): ErrorCode | undefined {
    if (this.admin(caller) === undefined) return undefined;
    for (const key of keys) {
      const refused = this.#key(caller, key, EMPTY_BYTES, "read");
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  /** A user, of which the details are asked for. */
  userGet(caller: Caller, name: string): ErrorCode | undefined {
    return name === caller.username ? undefined : this.admin(caller);
  }

  roleGet(caller: Caller, role: string): ErrorCode | undefined {
    const isOwn = this.#state.users.get(caller.username)?.roles.includes(role) === true;
    return isOwn ? undefined : this.admin(caller);
  }

  #op(caller: Caller, op: RequestOp): ErrorCode | undefined {
    const { requestDeleteRange, requestPut, requestRange, requestTxn } = op;
    if (requestRange !== undefined) return this.read(caller, requestRange.key, requestRange.rangeEnd);
    if (requestPut !== undefined) return this.put(caller, requestPut);
    if (requestDeleteRange !== undefined) return this.deleteRange(caller, requestDeleteRange);
    return requestTxn === undefined ? undefined : this.txn(caller, requestTxn);
  }

  #leaseKeys(caller: Caller, leaseId: bigint, type: "read" | "write"): ErrorCode | undefined {
    if (this.admin(caller) === undefined) return undefined;
    for (const key of this.#lessor.keysOf(leaseId)) {
      const refused = this.#key(caller, bytesFromLatin1(key), EMPTY_BYTES, type);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  #key(caller: Caller, key: Uint8Array, rangeEnd: Uint8Array, type: "read" | "write"): ErrorCode | undefined {
    const state = this.#state;
    if (!state.isEnabled) return undefined;
    if (caller.authRevision === 0) return "userEmpty";
    if (caller.authRevision < state.revision) return "authOldRevision";
    if (state.isRoot(caller.username)) return undefined;
    return state.permissionsOf(caller.username)[type].contains(key, rangeEnd) ? undefined : "permissionDenied";
  }
}
