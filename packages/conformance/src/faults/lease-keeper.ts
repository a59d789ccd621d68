import { setTimeout as sleep } from "node:timers/promises";
import { SeededChoice } from "@quorate/testkit";
import { KeepAliveSession } from "../differential/keep-alive-session.ts";
import { EtcdApi, type Message } from "../etcd-api.ts";

/** One lease with one key, as its keeper knows it. Times are of the monotonic clock. */
export interface KeptLease {
  readonly id: string;
  readonly key: string;
  /** The lease must live until then at least: its TTL after the last answered renewal was sent. */
  aliveUntil: number;
  /** True once it is no longer renewed, so that its key has to go. */
  abandoned: boolean;
}

const TTL_SECONDS = 6;
const RENEW_EVERY_MS = 1500;
const RENEWALS_PER_LEASE = 6;
const DEADLINE_MS = 5000;
/** Between a moment of this process and the same moment of a server's tick. */
const EARLY_MS = 250;

/**
 * Grants leases, each with a key of its own, renews each a few times through random members and then leaves it alone. A
 * lease that is gone before the TTL after its last answered renewal is over is a problem.
 */
export class LeaseKeeper {
  readonly leases: KeptLease[] = [];
  readonly problems: string[] = [];
  readonly #apis: readonly EtcdApi[];
  readonly #choice: SeededChoice;
  readonly #finished: Promise<void>;
  #renewals = 0;
  #stopped = false;

  constructor(endpoints: readonly string[], seed: number) {
    this.#apis = endpoints.map((endpoint) => new EtcdApi(endpoint));
    this.#choice = new SeededChoice(seed);
    this.#finished = this.#work();
  }

  /** Answered renewals. */
  get renewals(): number {
    return this.#renewals;
  }

  /** The longest a key may outlive the end of its keeper's work: its TTL once more after a change of leaders, and checks. */
  static readonly GONE_AFTER_MS: number = 2 * TTL_SECONDS * 1000 + 3000;

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#finished;
    for (const api of this.#apis) api.close();
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const lease = await this.#grant();
      if (lease === undefined) await sleep(RENEW_EVERY_MS);
      else await this.#keep(lease);
    }
  }

  async #grant(): Promise<KeptLease | undefined> {
    const api = this.#choice.pick(this.#apis);
    const sent = performance.now();
    const granted = await api.call("Lease/LeaseGrant", { TTL: String(TTL_SECONDS) }, DEADLINE_MS);
    if (!granted.ok) return undefined;
    const id = String(granted.response["ID"]);
    const lease = { id, key: `lease/${id}`, aliveUntil: sent + TTL_SECONDS * 1000, abandoned: false };
    const value = Buffer.from(id);
    const put = await api.call("KV/Put", { key: Buffer.from(lease.key), value, lease: id }, DEADLINE_MS);
    // Unanswered, the key may still come; it then goes with its lease.
    this.leases.push(lease);
    if (put.ok) return lease;
    lease.abandoned = true;
    return undefined;
  }

  async #keep(lease: KeptLease): Promise<void> {
    for (let count = 0; count < RENEWALS_PER_LEASE && !this.#stopped; count++) {
      await sleep(RENEW_EVERY_MS);
      const sent = performance.now();
      const ttl = await this.#renew(lease.id);
      if (ttl === undefined) continue;
      if (ttl > 0) {
        lease.aliveUntil = sent + ttl * 1000;
        this.#renewals += 1;
        continue;
      }
      // Not from the question on: a member that is paused looks for the lease only when it goes on.
      const early = lease.aliveUntil - performance.now();
      if (early > EARLY_MS) {
        this.problems.push(`lease ${lease.id} was gone ${early.toFixed(0)} ms before the end of its TTL`);
      }
      break;
    }
    lease.abandoned = true;
  }

  /** The TTL of the answer, 0 when the lease is gone, undefined without an answer. */
  async #renew(id: string): Promise<number | undefined> {
    const session = new KeepAliveSession(this.#choice.pick(this.#apis));
    try {
      const answer: Message = await session.renew(id, DEADLINE_MS);
      return Number(answer["TTL"]);
    } catch {
      return undefined;
    } finally {
      session.close();
    }
  }
}

/** Lease keys whose deletion came before the lease could have ended. `deletions`: arrival times by key. */
export function earlyExpiries(leases: readonly KeptLease[], deletions: ReadonlyMap<string, number>): readonly string[] {
  return leases.flatMap(({ key, aliveUntil }) => {
    const arrived = deletions.get(key);
    if (arrived === undefined || arrived >= aliveUntil - EARLY_MS) return [];
    return [`${key} was deleted ${(aliveUntil - arrived).toFixed(0)} ms before the end of its lease's TTL`];
  });
}
