import type { LeaseKeepAliveResponse } from "@quorate/protocol";
import type { EtcdError } from "../etcd-error.ts";

/** What a lease that is kept alive tells its user. */
export interface LeaseListener {
  onRenewed(response: LeaseKeepAliveResponse): void;
  /** It is no longer kept, for this reason. */
  onEnd(error: EtcdError | undefined): void;
}

/** A third of its time to live passes between two renewals, as with etcd's client. */
const RENEWALS_PER_TTL = 3;
/** An unanswered renewal says that the server hangs after this share of the time to live, within these bounds. */
const STALL_MS_MIN = 1_000;
const STALL_MS_MAX = 10_000;

/**
 * When one lease is to be renewed and when it must be taken for lost. Times are of one monotonic clock, in milliseconds. A renewal
 * counts from the moment it was SENT: the server counted later. Source: reference of reliability, section 2, leases.
 */
export class LeaseEntry {
  readonly id: bigint;
  readonly listener: LeaseListener;
  #ttlMs: number;
  #nextSendMs: number;
  #expiresMs: number;
  /** When the renewal that is under way was sent. */
  #sentMs: number | undefined;
  /** Why renewing failed last. */
  lastError: EtcdError | undefined;

  /** `assumedTtlMs` holds until the first answer tells the real one. */
  constructor(id: bigint, assumedTtlMs: number, listener: LeaseListener, nowMs: number) {
    this.id = id;
    this.listener = listener;
    this.#ttlMs = assumedTtlMs;
    this.#nextSendMs = nowMs;
    this.#expiresMs = nowMs + assumedTtlMs;
  }

  isExpired(nowMs: number): boolean {
    return nowMs >= this.#expiresMs;
  }

  /** True when a renewal is to be sent. */
  isDue(nowMs: number): boolean {
    return this.#sentMs === undefined && nowMs >= this.#nextSendMs;
  }

  /** True when the renewal under way has been so long that the server must be taken for hanging. */
  isStalled(nowMs: number): boolean {
    return this.#sentMs !== undefined && nowMs - this.#sentMs >= this.#stallMs;
  }

  /** The next moment at which one of the above changes. */
  wakeMs(): number {
    const next = this.#sentMs === undefined ? this.#nextSendMs : this.#sentMs + this.#stallMs;
    return Math.min(next, this.#expiresMs);
  }

  onSent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /** The renewal under way succeeded. */
  onRenewed(response: LeaseKeepAliveResponse, nowMs: number): void {
    this.#ttlMs = response.ttl * 1_000;
    this.#expiresMs = (this.#sentMs ?? nowMs) + this.#ttlMs;
    this.#nextSendMs = nowMs + this.#ttlMs / RENEWALS_PER_TTL;
    this.#sentMs = undefined;
    this.lastError = undefined;
    this.listener.onRenewed(response);
  }

  /** The stream is gone and with it the renewal under way: it is sent again on the next one. */
  onLost(nowMs: number): void {
    if (this.#sentMs !== undefined) this.#nextSendMs = nowMs;
    this.#sentMs = undefined;
  }

  get #stallMs(): number {
    return Math.min(Math.max(this.#ttlMs / RENEWALS_PER_TTL, STALL_MS_MIN), STALL_MS_MAX);
  }
}
