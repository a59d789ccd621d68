import type { Backend } from "../backend.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import type { GrantRefusal, LeaseCheckpoint, LeaseTimes, RenewRefusal } from "./lease.ts";
import { compareByExpiry, Lease } from "./lease.ts";
import { leaseKey, leaseOfRecord, leaseRecord } from "./lease-record.ts";

/** The longest time to live a client may ask for, seconds. Source: etcd lease.MaxLeaseTTL. */
export const LEASE_TTL_SECONDS_MAX = 9_000_000_000;

/** An expired lease that is still there is reported again after this time: its revocation may have been lost. */
const REVOKE_RETRY_MS = 3000;

/** From this many leases on, a new leader spreads the expiries, to {@link SPREAD_PER_SECOND}. */
const SPREAD_LEASE_COUNT_MIN = 1000;

/** Below the 1,000 revocations a second that a leader does, so that what piled up does not use up all of them. */
const SPREAD_PER_SECOND = 750;

/** What etcd shows as the time left of a lease that does not expire here, seconds: the largest Go duration. */
const FOREVER_SECONDS = 9_223_372_036;

export interface LessorConfig {
  /** A shorter time to live is raised to this, seconds: 1.5 election timeouts, rounded up. */
  readonly minTtlSeconds: number;
  /** How often a leader checkpoints the remaining time of leases that have more left than this; 0 or absent: never. */
  readonly checkpointIntervalMs?: number;
}

export interface LessorDeps {
  /** Where leases are kept: bucket `lease`. Written through the open batch; the caller commits. */
  readonly backend: Backend;
}

/**
 * The leases and the keys attached to them. What goes through the log (grant, revoke, checkpoint, attach, detach) is
 * the same on every member; time counts only on the leader (`promote` to `demote`), elsewhere no lease ever expires.
 * Ids are signed 64-bit, keys latin1 strings, `nowMs` a clock that never goes back. Source: grpc-api.md 7.2,
 * peer-protocol.md 13.5.
 */
export class Lessor {
  readonly #minTtlSeconds: number;
  readonly #checkpointIntervalMs: number;
  readonly #backend: Backend;
  readonly #leases = new Map<bigint, Lease>();
  readonly #leaseOfKey = new Map<string, Lease>();
  readonly #expiries = new DeadlineHeap<Lease>();
  readonly #checkpoints = new DeadlineHeap<Lease>();
  /** Leases renewed after a checkpoint that shortened them: the log must clear the shortening on every member. */
  readonly #toClear = new Set<Lease>();
  #isPrimary = false;

  /** Starts with the leases of the backend. Their keys are attached by the store as it finds them. */
  constructor(config: LessorConfig, deps: LessorDeps) {
    this.#minTtlSeconds = config.minTtlSeconds;
    this.#checkpointIntervalMs = config.checkpointIntervalMs ?? 0;
    this.#backend = deps.backend;
    this.restore();
  }

  /** Number of leases. */
  get size(): number {
    return this.#leases.size;
  }

  /** Whether this node's clock counts: between `promote` and `demote`. */
  get isPrimary(): boolean {
    return this.#isPrimary;
  }

  /**
   * Forgets everything and reads the backend again, as after a snapshot was installed; then the store attaches every
   * live key that has a lease. Time does not count until `promote`. PERF: O(leases).
   */
  restore(): void {
    this.demote();
    this.#leases.clear();
    this.#leaseOfKey.clear();
    for (const record of this.#backend.list("lease")) {
      const { id, ttl, remainingTtl } = leaseOfRecord(record.value);
      this.#leases.set(id, new Lease(id, Math.max(ttl, this.#minTtlSeconds), remainingTtl));
    }
  }

  /** Makes the lease and returns its time to live in seconds, at least the minimum; or says why not. */
  grant(id: bigint, ttlSeconds: number, nowMs: number): number | GrantRefusal {
    if (id === 0n) return "leaseNotFound";
    if (ttlSeconds > LEASE_TTL_SECONDS_MAX) return "leaseTtlTooLarge";
    if (this.#leases.has(id)) return "leaseExist";
    const lease = new Lease(id, Math.max(ttlSeconds, this.#minTtlSeconds), 0);
    this.#leases.set(id, lease);
    this.#persist(lease);
    if (this.#isPrimary) {
      this.#startClock(lease, nowMs + lease.ttl * 1000);
      this.#queueCheckpoint(lease, nowMs);
    }
    return lease.ttl;
  }

  /**
   * Ends the lease and returns the keys that were attached, in ascending order: the caller deletes them in one
   * revision, in the same backend batch. `leaseNotFound` when there is none. PERF: O(k log k) for k keys.
   */
  revoke(id: bigint): string[] | "leaseNotFound" {
    const lease = this.#leases.get(id);
    if (lease === undefined) return "leaseNotFound";
    const keys = sortedKeys(lease);
    for (const key of keys) this.#leaseOfKey.delete(key);
    this.#leases.delete(id);
    this.#backend.delete("lease", leaseKey(id));
    this.#toClear.delete(lease);
    lease.gone = true;
    lease.keys = undefined;
    if (this.#isPrimary) this.#expiries.noteGone();
    if (lease.checkpointQueued) this.#checkpoints.noteGone();
    return keys;
  }

  /** Restarts the lease's clock at its full time and returns that time in seconds, or says why not. Leader only. */
  renew(id: bigint, nowMs: number): number | RenewRefusal {
    if (!this.#isPrimary) return "notPrimary";
    const lease = this.#leases.get(id);
    if (lease === undefined) return "leaseNotFound";
    if (lease.expiryMs <= nowMs) return "expired";
    if (lease.remainingTtl > 0) this.#toClear.add(lease);
    lease.expiryMs = nowMs + lease.ttl * 1000;
    // Only where a promotion had spread the expiries can a renewal bring one forward.
    if (lease.expiryMs < lease.queuedMs) this.#startClock(lease, lease.expiryMs);
    if (!lease.checkpointQueued) this.#queueCheckpoint(lease, nowMs);
    return lease.ttl;
  }

  exists(id: bigint): boolean {
    return this.#leases.has(id);
  }

  /** The time left and the time granted; undefined when there is no such lease. Meaningful on the leader only. */
  timeToLive(id: bigint, nowMs: number): LeaseTimes | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    const leftMs = lease.expiryMs - nowMs;
    const ttl = leftMs === Number.POSITIVE_INFINITY ? FOREVER_SECONDS : Math.trunc(leftMs / 1000) + 0;
    return { ttl, grantedTtl: lease.ttl };
  }

  /** The keys attached to the lease in ascending order; none when there is no such lease. PERF: O(k log k). */
  keysOf(id: bigint): string[] {
    const lease = this.#leases.get(id);
    return lease === undefined ? [] : sortedKeys(lease);
  }

  /** All leases, those with the least time left first, equal ones by id. PERF: O(n log n). */
  leases(): bigint[] {
    return [...this.#leases.values()].sort(compareByExpiry).map((lease) => lease.id);
  }

  /** The lease the key is attached to; 0n for none. */
  leaseOf(key: string): bigint {
    return this.#leaseOfKey.get(key)?.id ?? 0n;
  }

  /** Attaches the key, taking it from the lease it had. False, and no change, when there is no such lease. */
  attach(id: bigint, key: string): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    const old = this.#leaseOfKey.get(key);
    if (old === lease) return true;
    old?.keys?.delete(key);
    this.#leaseOfKey.set(key, lease);
    if (lease.keys === undefined) lease.keys = new Set();
    lease.keys.add(key);
    return true;
  }

  /** Takes the key from its lease, if it has one. */
  detach(key: string): void {
    // Most stores have far more keys than leases, so the common answer must be quick.
    if (this.#leaseOfKey.size === 0) return;
    const lease = this.#leaseOfKey.get(key);
    if (lease === undefined) return;
    this.#leaseOfKey.delete(key);
    lease.keys?.delete(key);
  }

  /** Milliseconds at which `expired` has something to look at; Infinity when nothing expires here. */
  get nextExpiryMs(): number {
    return this.#expiries.earliestMs;
  }

  /**
   * Up to `max` leases whose time is over, the longest expired first, for the leader to revoke through the log after it
   * has confirmed that it still leads. Each is told once in 3 s until it is revoked. PERF: O(log n) for each.
   */
  expired(nowMs: number, max: number): bigint[] {
    const ids: bigint[] = [];
    while (ids.length < max && this.#expiries.earliestMs <= nowMs) {
      const queuedMs = this.#expiries.earliestMs;
      const lease = this.#expiries.pop();
      if (lease === undefined || lease.gone || lease.queuedMs !== queuedMs) continue;
      if (lease.expiryMs > nowMs) {
        this.#queueExpiry(lease, lease.expiryMs);
        continue;
      }
      ids.push(lease.id);
      this.#queueExpiry(lease, nowMs + REVOKE_RETRY_MS);
    }
    return ids;
  }

  /**
   * This node leads from now on: every lease starts anew with its full (or checkpointed) time plus `extendMs`, one
   * election timeout, in which its holder may not have reached a leader. Many leases do not expire all at once then:
   * at most 750 within any second. PERF: O(n log n).
   */
  promote(nowMs: number, extendMs: number): void {
    this.demote();
    this.#isPrimary = true;
    const leases = [...this.#leases.values()];
    for (const lease of leases) lease.expiryMs = nowMs + lease.restartTtl * 1000 + extendMs;
    if (leases.length >= SPREAD_LEASE_COUNT_MIN) spread(leases);
    for (const lease of leases) {
      this.#queueExpiry(lease, lease.expiryMs);
      this.#queueCheckpoint(lease, nowMs);
    }
  }

  /** This node does not lead any more: nothing expires here. PERF: O(n). */
  demote(): void {
    if (!this.#isPrimary) return;
    this.#isPrimary = false;
    this.#expiries.clear();
    this.#checkpoints.clear();
    this.#toClear.clear();
    for (const lease of this.#leases.values()) {
      lease.expiryMs = Number.POSITIVE_INFINITY;
      lease.queuedMs = Number.POSITIVE_INFINITY;
      lease.checkpointQueued = false;
    }
  }

  /** Up to `max` checkpoints for the leader to propose now; none unless checkpointing is configured. */
  checkpointsDue(nowMs: number, max: number): LeaseCheckpoint[] {
    const due: LeaseCheckpoint[] = [];
    for (const lease of this.#toClear) {
      if (due.length >= max) break;
      this.#toClear.delete(lease);
      due.push({ id: lease.id, remainingTtl: 0 });
    }
    while (due.length < max && this.#checkpoints.earliestMs <= nowMs) {
      const lease = this.#checkpoints.pop();
      if (lease === undefined || lease.gone) continue;
      lease.checkpointQueued = false;
      const remainingTtl = Math.ceil((lease.expiryMs - nowMs) / 1000);
      if (remainingTtl > 0 && remainingTtl < lease.ttl) due.push({ id: lease.id, remainingTtl });
      this.#queueCheckpoint(lease, nowMs);
    }
    return due;
  }

  /**
   * Applies a checkpoint from the log; an unknown lease is passed over. `mustPersist` is whether the cluster's version
   * (3.6 on) or its configuration wants checkpoints kept across restarts.
   */
  checkpoint(id: bigint, remainingTtl: number, mustPersist: boolean): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.remainingTtl = remainingTtl;
    if (mustPersist) this.#persist(lease);
  }

  #persist(lease: Lease): void {
    this.#backend.put("lease", leaseKey(lease.id), leaseRecord(lease.id, lease.ttl, lease.remainingTtl));
  }

  #startClock(lease: Lease, expiryMs: number): void {
    lease.expiryMs = expiryMs;
    this.#queueExpiry(lease, expiryMs);
  }

  #queueExpiry(lease: Lease, deadlineMs: number): void {
    lease.queuedMs = deadlineMs;
    this.#expiries.push(deadlineMs, lease);
  }

  #queueCheckpoint(lease: Lease, nowMs: number): void {
    const intervalMs = this.#checkpointIntervalMs;
    if (intervalMs <= 0 || lease.expiryMs - nowMs <= intervalMs) return;
    lease.checkpointQueued = true;
    this.#checkpoints.push(nowMs + intervalMs, lease);
  }
}

/** Moves expiries later, never earlier, until no second has more than {@link SPREAD_PER_SECOND} of them. */
function spread(leases: Lease[]): void {
  leases.sort(compareByExpiry);
  for (let i = SPREAD_PER_SECOND; i < leases.length; i++) {
    const lease = leases[i] as Lease;
    const earlier = leases[i - SPREAD_PER_SECOND] as Lease;
    lease.expiryMs = Math.max(lease.expiryMs, earlier.expiryMs + 1000);
  }
}

function sortedKeys(lease: Lease): string[] {
  return lease.keys === undefined ? [] : [...lease.keys].sort();
}
