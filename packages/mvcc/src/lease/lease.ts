import type { Waiting } from "./deadline-heap.ts";

/** What a caller learns of a lease's time. Source: grpc-api.md 7.2. */
export interface LeaseTimes {
  /** Whole seconds left, rounded towards zero; 0 or negative when it has expired but is not yet revoked. */
  readonly ttl: number;
  /** The time to live that was granted, seconds. */
  readonly grantedTtl: number;
}

/** A lease's remaining time, to be proposed through the log so that a new leader does not start it from its full time. */
export interface LeaseCheckpoint {
  readonly id: bigint;
  /** Seconds; 0 clears what an earlier checkpoint said. */
  readonly remainingTtl: number;
}

/** Error codes of a grant. `leaseNotFound` is the answer to id 0, which the server never proposes. */
export type GrantRefusal = "leaseExist" | "leaseNotFound" | "leaseTtlTooLarge";

/**
 * Why a lease was not renewed.
 * - `leaseNotFound`: there is no such lease (the API answers TTL 0).
 * - `notPrimary`: this node does not lead, and only the leader's clock counts (the request is forwarded).
 * - `expired`: it will be revoked; the caller waits for that and then answers as for an unknown lease.
 */
export type RenewRefusal = "leaseNotFound" | "notPrimary" | "expired";

/** One lease as the lessor keeps it: only state, so that a hundred thousand cost a plain object each. */
export class Lease implements Waiting {
  readonly id: bigint;
  /** Granted time to live, seconds. */
  readonly ttl: number;
  /** From the last checkpoint, seconds; 0 when there is none. */
  remainingTtl: number;
  /** When it expires, on the leader's clock; Infinity where this node does not lead. */
  expiryMs: number = Number.POSITIVE_INFINITY;
  /** Deadline of its valid entry among the expiries; an entry with another deadline is an old one. */
  queuedMs: number = Number.POSITIVE_INFINITY;
  /** Whether it waits among the checkpoints. */
  checkpointQueued = false;
  /** Whether it was revoked. */
  gone = false;
  /** Attached keys, as latin1 strings; undefined until there is one. */
  keys: Set<string> | undefined = undefined;

  constructor(id: bigint, ttl: number, remainingTtl: number) {
    this.id = id;
    this.ttl = ttl;
    this.remainingTtl = remainingTtl;
  }

  /** Seconds to live when its clock starts anew: a checkpoint only ever shortens them. */
  get restartTtl(): number {
    return this.remainingTtl > 0 ? Math.min(this.remainingTtl, this.ttl) : this.ttl;
  }
}

/** Earlier expiry first; the id breaks ties so that the order never depends on history. */
export function compareByExpiry(a: Lease, b: Lease): number {
  if (a.expiryMs !== b.expiryMs) return a.expiryMs < b.expiryMs ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
