import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { Lessor } from "../../src/lease/lessor.ts";
import { MapBackend } from "../../src/testing/index.ts";

const MIN_TTL = 2;
const IDS = [1n, 2n, 3n, -4n, 2n ** 62n];
const KEYS = ["a", "b", "c", "d"];

interface ModelLease {
  readonly ttl: number;
  remaining: number;
  expiryMs: number;
  toldMs: number;
}

/** The rules of leases, written down as plainly as possible. */
class Model {
  readonly leases = new Map<bigint, ModelLease>();
  readonly keys = new Map<string, bigint>();
  leads = false;

  keysOf(id: bigint): string[] {
    return KEYS.filter((key) => this.keys.get(key) === id);
  }

  expired(nowMs: number): bigint[] {
    const due = IDS.filter((id) => {
      const lease = this.leases.get(id);
      return lease !== undefined && lease.expiryMs <= nowMs && lease.toldMs + 3000 <= nowMs;
    });
    for (const id of due) (this.leases.get(id) as ModelLease).toldMs = nowMs;
    return due;
  }

  restartClocks(nowMs: number, extendMs: number): void {
    for (const lease of this.leases.values()) {
      const ttl = lease.remaining > 0 ? Math.min(lease.remaining, lease.ttl) : lease.ttl;
      lease.expiryMs = this.leads ? nowMs + ttl * 1000 + extendMs : Number.POSITIVE_INFINITY;
      lease.toldMs = Number.NEGATIVE_INFINITY;
    }
  }
}

class Run {
  readonly prng: SeededPrng;
  readonly backend: MapBackend = new MapBackend();
  readonly model: Model = new Model();
  lessor: Lessor = this.make();
  nowMs = 0;

  constructor(seed: number) {
    this.prng = new SeededPrng(seed);
  }

  make(): Lessor {
    return new Lessor({ minTtlSeconds: MIN_TTL, checkpointIntervalMs: 5000 }, { backend: this.backend });
  }

  step(): void {
    const { lessor, model, prng } = this;
    const id = IDS[prng.below(IDS.length)] as bigint;
    const key = KEYS[prng.below(KEYS.length)] as string;
    const lease = model.leases.get(id);
    const dice = prng.below(100);
    this.nowMs += prng.below(400);
    if (dice < 15) this.grant(id, prng.below(12));
    else if (dice < 22) {
      expect(lessor.revoke(id)).toEqual(lease === undefined ? "leaseNotFound" : model.keysOf(id));
      for (const attached of model.keysOf(id)) model.keys.delete(attached);
      model.leases.delete(id);
    } else if (dice < 45) this.renew(id);
    else if (dice < 60) {
      expect(lessor.attach(id, key)).toBe(lease !== undefined);
      if (lease !== undefined) model.keys.set(key, id);
    } else if (dice < 65) {
      lessor.detach(key);
      model.keys.delete(key);
    } else if (dice < 85) expect(new Set(lessor.expired(this.nowMs, 100))).toEqual(new Set(model.expired(this.nowMs)));
    else if (dice < 90) this.checkpoint(id, prng.below(8));
    else if (dice < 94) this.lead(prng.below(3) > 0);
    else if (dice < 96) this.restart();
    else for (const due of lessor.checkpointsDue(this.nowMs, 2)) this.checkpoint(due.id, due.remainingTtl);
  }

  grant(id: bigint, ttl: number): void {
    const answer = this.lessor.grant(id, ttl, this.nowMs);
    if (this.model.leases.has(id)) {
      expect(answer).toBe("leaseExist");
      return;
    }
    const granted = Math.max(ttl, MIN_TTL);
    expect(answer).toBe(granted);
    const expiryMs = this.model.leads ? this.nowMs + granted * 1000 : Number.POSITIVE_INFINITY;
    this.model.leases.set(id, { ttl: granted, remaining: 0, expiryMs, toldMs: Number.NEGATIVE_INFINITY });
  }

  renew(id: bigint): void {
    const answer = this.lessor.renew(id, this.nowMs);
    const lease = this.model.leases.get(id);
    if (!this.model.leads) expect(answer).toBe("notPrimary");
    else if (lease === undefined) expect(answer).toBe("leaseNotFound");
    else if (lease.expiryMs <= this.nowMs) expect(answer).toBe("expired");
    else {
      expect(answer).toBe(lease.ttl);
      lease.expiryMs = this.nowMs + lease.ttl * 1000;
    }
  }

  checkpoint(id: bigint, remaining: number): void {
    this.lessor.checkpoint(id, remaining, true);
    const lease = this.model.leases.get(id);
    if (lease !== undefined) lease.remaining = remaining;
  }

  lead(leads: boolean): void {
    const extendMs = this.prng.below(2000);
    this.model.leads = leads;
    this.model.restartClocks(this.nowMs, extendMs);
    if (leads) this.lessor.promote(this.nowMs, extendMs);
    else this.lessor.demote();
  }

  restart(): void {
    if (this.prng.below(2) === 0) this.lessor = this.make();
    else this.lessor.restore();
    this.model.leads = false;
    this.model.restartClocks(0, 0);
    for (const [key, id] of this.model.keys) this.lessor.attach(id, key);
  }

  check(): void {
    const { lessor, model, nowMs } = this;
    const byExpiry = (a: bigint, b: bigint): number => {
      const [first, second] = [model.leases.get(a)?.expiryMs ?? 0, model.leases.get(b)?.expiryMs ?? 0];
      return first === second ? Number(a - b) : first < second ? -1 : 1;
    };
    expect(lessor.leases()).toEqual([...model.leases.keys()].sort(byExpiry));
    expect(KEYS.map((key) => lessor.leaseOf(key))).toEqual(KEYS.map((key) => model.keys.get(key) ?? 0n));
    for (const [id, lease] of model.leases) {
      expect(lessor.keysOf(id)).toEqual(model.keysOf(id));
      const left = model.leads ? Math.trunc((lease.expiryMs - nowMs) / 1000) + 0 : 9_223_372_036;
      expect(lessor.timeToLive(id, nowMs)).toEqual({ ttl: left, grantedTtl: lease.ttl });
    }
    expect(this.backend.list("lease").length).toBe(model.leases.size);
  }
}

describe("Lessor", () => {
  it("does what the plain model does, in 25 random runs", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const run = new Run(seed);
      try {
        for (let i = 0; i < 300; i++) {
          run.step();
          if (i % 5 === 0) run.check();
        }
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});
