import type { Clock, Logger, Prng } from "@quorate/base";
import { type KubeApi, KubeError, type KubeObject, type ObjectKey, type Resource } from "../../core/index.ts";
import type { Timers } from "./timers.ts";

export interface LeaseObject extends KubeObject {
  readonly spec?: {
    /** "" or absent: nobody. */
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export const LEASES: Resource<LeaseObject> = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

export interface LeaseSettings {
  readonly key: ObjectKey;
  /** Differs from that of every other candidate, also of an earlier run of this one. */
  readonly identity: string;
  /** For how long the others wait after the last renewal that they saw. Milliseconds. */
  readonly durationMs: number;
}

export interface LeaseDeps {
  readonly api: Pick<KubeApi, "get" | "create" | "patch">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly prng: Prng;
  readonly log: Logger;
}

/** What is left of a lease, in thousandths, when its holder gives it up: time for writes under way to come to their end. */
const GIVE_UP_PERMILLE = 800;
/** Longest that one attempt to renew is waited for, in thousandths of the lease: so that there is time for another. */
const ATTEMPT_PERMILLE = 200;
/** How often the others look, in thousandths of the lease. */
const LOOK_PERMILLE = 150;

/**
 * Leadership by a Lease object. Whoever holds it renews at a third of its duration; whoever wants it waits until it has itself seen no
 * renewal for a whole duration. Both measure with their own monotonic clock from what they did or saw, and compare no time that
 * another machine wrote, so clocks that are wrong or jump do no harm. The holder counts from before it sent a renewal and gives up
 * early, so it has stopped before anyone can follow it, even if it learns nothing of that.
 */
export class LeaseElection {
  readonly #settings: LeaseSettings;
  readonly #deps: LeaseDeps;
  readonly #stop = new AbortController();
  #lease: LeaseObject | undefined;
  /** When, by our clock, the lease was first seen as it is. */
  #seenAtMs = 0;
  /** Our clock before the last successful renewal was sent; undefined: not the holder. */
  #renewedAtMs: number | undefined;
  #running: Promise<void> | undefined;

  constructor(settings: LeaseSettings, deps: LeaseDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Reckoned anew at each call: false in time even if no timer ran because the process was stopped. */
  get isLeader(): boolean {
    return this.#renewedAtMs !== undefined && this.#nowMs() < this.#renewedAtMs + this.#giveUpMs;
  }

  /** Who holds the lease, as last seen; "" for nobody. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  /** Resolves once this one leads; never if the election is closed before. */
  async acquire(): Promise<void> {
    const { durationMs } = this.#settings;
    while (!this.#stop.signal.aborted) {
      if (await this.#tryAcquire()) {
        this.#deps.log.info("leadership acquired", { lease: this.#settings.key.name, holder: this.#settings.identity });
        return;
      }
      const lookMs = (durationMs * LOOK_PERMILLE) / 1000;
      await this.#deps.timers.sleep(lookMs / 2 + this.#deps.prng.below(Math.ceil(lookMs)), this.#stop.signal);
    }
    await new Promise<never>(() => {});
  }

  /** Keeps renewing; resolves with why when leadership is lost. Call after {@link acquire}. Never resolves once closed. */
  async hold(): Promise<string> {
    let lost: string | undefined;
    this.#running = (async () => {
      while (lost === undefined && !this.#stop.signal.aborted) {
        const renewAtMs = (this.#renewedAtMs ?? 0) + this.#settings.durationMs / 3;
        // After a failed attempt the time has come already; then a tenth of the lease passes before the next.
        const waitMs = Math.max(
          renewAtMs - this.#nowMs(),
          this.#lease === undefined ? this.#settings.durationMs / 10 : 0,
        );
        await this.#deps.timers.sleep(waitMs, this.#stop.signal);
        if (!this.#stop.signal.aborted) lost = await this.#renewOrLose();
      }
    })();
    await this.#running;
    if (lost === undefined) return await new Promise<never>(() => {});
    this.#renewedAtMs = undefined;
    this.#deps.log.error("leadership lost", { lease: this.#settings.key.name, why: lost });
    return lost;
  }

  /** Stops, and hands the lease back if it is held, so that the next one need not wait. Never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    if (!this.isLeader) return;
    this.#renewedAtMs = undefined;
    try {
      await this.#write(this.#lease ?? (await this.#read()), { holderIdentity: "", leaseDurationSeconds: 1 });
      this.#deps.log.info("leadership released", { lease: this.#settings.key.name });
    } catch (error) {
      this.#deps.log.warn("the lease could not be released", { lease: this.#settings.key.name, error });
    }
  }

  get #giveUpMs(): number {
    return (this.#settings.durationMs * GIVE_UP_PERMILLE) / 1000;
  }

  async #tryAcquire(): Promise<boolean> {
    const beforeMs = this.#nowMs();
    try {
      const lease = await this.#read();
      if (lease !== undefined && !this.#mayTake(lease)) return false;
      const transitions = lease?.spec?.leaseTransitions ?? 0;
      this.#remember(
        await this.#write(lease, this.#holding({ transitions: lease === undefined ? 0 : transitions + 1 })),
      );
      this.#renewedAtMs = beforeMs;
      return this.isLeader;
    } catch (error) {
      // Another was quicker, or the API cannot be reached: both mean to try again.
      const isRace = error instanceof KubeError && (error.reason === "Conflict" || error.reason === "AlreadyExists");
      this.#deps.log[isRace ? "debug" : "warn"]("leadership not acquired", { error });
      return false;
    }
  }

  /** True if nobody holds it, or its holder let its whole duration pass before our eyes. */
  #mayTake(lease: LeaseObject): boolean {
    const holder = lease.spec?.holderIdentity ?? "";
    if (holder === "" || holder === this.#settings.identity) return true;
    const durationMs = Math.max((lease.spec?.leaseDurationSeconds ?? 0) * 1000, this.#settings.durationMs);
    return this.#nowMs() - this.#seenAtMs >= durationMs;
  }

  /** Undefined if the lease is held on, or may still be. */
  async #renewOrLose(): Promise<string | undefined> {
    const attempt = new AbortController();
    const limitMs = (this.#settings.durationMs * ATTEMPT_PERMILLE) / 1000;
    const late = this.#deps.timers.sleep(limitMs, attempt.signal).then(() => {
      throw new KubeError("Timeout", `the lease was not renewed within ${limitMs} ms`);
    });
    try {
      return await Promise.race([this.#renew(attempt.signal), late]);
    } catch (error) {
      // The next attempt reads first: the lease may have been renewed without our knowing, or belong to another.
      this.#lease = undefined;
      this.#deps.log.warn("the lease was not renewed", { error });
    } finally {
      late.catch(() => {});
      attempt.abort();
    }
    return this.isLeader ? undefined : "not renewed in time";
  }

  async #renew(signal: AbortSignal): Promise<string | undefined> {
    const beforeMs = this.#nowMs();
    const lease = this.#lease ?? (await this.#read());
    const holder = lease?.spec?.holderIdentity ?? "";
    if (holder !== this.#settings.identity) return `held by '${holder}'`;
    const renewed = await this.#write(lease, this.#holding({}));
    // An attempt that was given up must not tell its news late: the one after it may have newer.
    if (signal.aborted) return undefined;
    this.#remember(renewed);
    this.#renewedAtMs = beforeMs;
    return undefined;
  }

  async #read(): Promise<LeaseObject | undefined> {
    const lease = await this.#deps.api.get(LEASES, this.#settings.key);
    if (lease !== undefined && lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion)
      this.#remember(lease);
    return lease;
  }

  #remember(lease: LeaseObject): void {
    this.#lease = lease;
    this.#seenAtMs = this.#nowMs();
  }

  async #write(lease: LeaseObject | undefined, spec: LeaseObject["spec"] & object): Promise<LeaseObject> {
    const { key } = this.#settings;
    if (lease === undefined)
      return await this.#deps.api.create(LEASES, {
        apiVersion: LEASES.apiVersion,
        kind: LEASES.kind,
        metadata: { name: key.name, namespace: key.namespace },
        spec,
      });
    const { resourceVersion } = lease.metadata;
    return await this.#deps.api.patch(LEASES, key, { metadata: { resourceVersion }, spec });
  }

  #holding({ transitions }: { readonly transitions?: number }): LeaseObject["spec"] & object {
    // Only for people: nobody's decision rests on these times.
    const now = `${new Date(this.#deps.clock.wallMs()).toISOString().slice(0, -1)}000Z`;
    return {
      holderIdentity: this.#settings.identity,
      leaseDurationSeconds: Math.ceil(this.#settings.durationMs / 1000),
      renewTime: now,
      ...(transitions === undefined ? {} : { acquireTime: now, leaseTransitions: transitions }),
    };
  }

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }
}
