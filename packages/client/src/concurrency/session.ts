import type { EtcdError } from "../etcd-error.ts";
import { isEtcdError } from "../etcd-error.ts";
import type { LeaseKeeper } from "../lease/lease-keeper.ts";
import type { Leases } from "../lease/leases.ts";

/** What a session is made with. */
export interface SessionOptions {
  /** How long its keys live after the process is gone or cut off. Default 60. */
  readonly ttlSeconds?: number | undefined;
  /** Go on with this lease instead of making one. */
  readonly leaseId?: bigint | undefined;
  /** Ends the making of the session. */
  readonly signal?: AbortSignal | undefined;
}

const TTL_SECONDS = 60;

/**
 * A lease that is kept alive, to which locks and candidacies are bound: they end with it. `signal` is aborted when it ends; stop
 * then what must not be done without it.
 */
export class Session implements AsyncDisposable {
  readonly #leases: Leases;
  readonly #keeper: LeaseKeeper;
  readonly #ttlSeconds: number;

  private constructor(leases: Leases, keeper: LeaseKeeper, ttlSeconds: number) {
    this.#leases = leases;
    this.#keeper = keeper;
    this.#ttlSeconds = ttlSeconds;
  }

  /** See {@link EtcdClient.session}. */
  static async open(leases: Leases, options: SessionOptions): Promise<Session> {
    const ttlSeconds = options.ttlSeconds ?? TTL_SECONDS;
    if (options.leaseId !== undefined) return new Session(leases, leases.keepAlive(options.leaseId), ttlSeconds);
    const { id, ttl } = await leases.grant(ttlSeconds, { signal: options.signal });
    return new Session(leases, leases.keepAlive(id, { ttlSeconds: ttl }), ttl);
  }

  get leaseId(): bigint {
    return this.#keeper.id;
  }

  /** Aborted when the session is over; its reason is the EtcdError `leaseLost` if the lease was lost. */
  get signal(): AbortSignal {
    return this.#keeper.signal;
  }

  /** Resolves when the session is over: with the reason if the lease was lost. */
  get ended(): Promise<EtcdError | undefined> {
    return this.#keeper.ended;
  }

  /** Stops renewing the lease without ending it, such as to hand it over. */
  orphan(): Promise<void> {
    return this.#keeper.stop();
  }

  /** Ends the session and its lease, and deletes the keys that are bound to it. Rejects if that cannot be told to a server. */
  async close(): Promise<void> {
    if (this.#keeper.signal.aborted) return;
    await this.#keeper.stop();
    try {
      // After its time to live the lease is gone by itself.
      await this.#leases.revoke(this.leaseId, { deadlineMs: this.#ttlSeconds * 1_000 });
    } catch (error) {
      if (!isEtcdError(error, "leaseNotFound")) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The lease as part of a key: lower-case hex without padding, as etcd's recipes write it. */
export function leaseKeyPart(leaseId: bigint): string {
  return BigInt.asUintN(64, leaseId).toString(16);
}
