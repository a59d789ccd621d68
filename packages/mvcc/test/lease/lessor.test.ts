import { describe, expect, it } from "@jest/globals";
import { LEASE_TTL_SECONDS_MAX, Lessor, type LessorConfig } from "../../src/lease/lessor.ts";
import { MapBackend } from "../../src/testing/index.ts";

const MIN_TTL = 2;

function follower(config: Partial<LessorConfig> = {}, backend = new MapBackend()): Lessor {
  return new Lessor({ minTtlSeconds: MIN_TTL, ...config }, { backend });
}

/** A leader since 0 ms. */
function leader(config: Partial<LessorConfig> = {}, backend = new MapBackend()): Lessor {
  const lessor = follower(config, backend);
  lessor.promote(0, 0);
  return lessor;
}

describe("granting", () => {
  it.each<[string, number, number | string]>([
    ["a time to live", 60, 60],
    ["less than the minimum", 1, MIN_TTL],
    ["nothing", 0, MIN_TTL],
    ["a negative time", -5, MIN_TTL],
    ["the longest time", LEASE_TTL_SECONDS_MAX, LEASE_TTL_SECONDS_MAX],
    ["more than the longest time", LEASE_TTL_SECONDS_MAX + 1, "leaseTtlTooLarge"],
  ])("answers %s", (_, ttl, expected) => {
    const backend = new MapBackend();
    const lessor = leader({}, backend);
    expect(lessor.grant(1n, ttl, 0)).toBe(expected);
    expect(lessor.exists(1n)).toBe(typeof expected === "number");
    expect(backend.list("lease").length).toBe(typeof expected === "number" ? 1 : 0);
  });

  it("refuses an id in use and id 0, and takes negative ones", () => {
    const lessor = leader();
    expect(lessor.grant(7n, 60, 0)).toBe(60);
    expect(lessor.grant(7n, 90, 0)).toBe("leaseExist");
    expect(lessor.grant(0n, 60, 0)).toBe("leaseNotFound");
    expect(lessor.grant(-(2n ** 63n), 60, 0)).toBe(60);
    expect(lessor.size).toBe(2);
    expect(lessor.timeToLive(7n, 0)).toEqual({ ttl: 60, grantedTtl: 60 });
  });
});

describe("attached keys", () => {
  it("belong to one lease at a time and are given back in order when it is revoked", () => {
    const backend = new MapBackend();
    const lessor = leader({}, backend);
    lessor.grant(1n, 60, 0);
    lessor.grant(2n, 60, 0);
    for (const key of ["b", "a", "\xff", "aa", "c"]) expect(lessor.attach(1n, key)).toBe(true);
    expect(lessor.attach(1n, "a")).toBe(true);
    expect(lessor.attach(2n, "b")).toBe(true);
    lessor.detach("c");
    lessor.detach("unknown");
    expect(lessor.attach(3n, "a")).toBe(false);
    expect(["a", "b", "c"].map((key) => lessor.leaseOf(key))).toEqual([1n, 2n, 0n]);
    expect(lessor.keysOf(1n)).toEqual(["a", "aa", "\xff"]);
    expect(lessor.keysOf(3n)).toEqual([]);
    expect(lessor.revoke(1n)).toEqual(["a", "aa", "\xff"]);
    expect(lessor.leaseOf("a")).toBe(0n);
    expect(lessor.exists(1n)).toBe(false);
    expect(lessor.revoke(1n)).toBe("leaseNotFound");
    expect(lessor.revoke(2n)).toEqual(["b"]);
    expect(backend.list("lease").length).toBe(0);
    expect(lessor.expired(1e9, 10)).toEqual([]);
  });
});

describe("time", () => {
  it("expires a lease at its time to live, not before, and tells it again until it is revoked", () => {
    const lessor = leader();
    lessor.grant(1n, 10, 1000);
    lessor.grant(2n, 5, 1000);
    expect(lessor.nextExpiryMs).toBe(6000);
    expect(lessor.expired(5999, 10)).toEqual([]);
    expect(lessor.expired(6000, 10)).toEqual([2n]);
    expect(lessor.expired(8999, 10)).toEqual([]);
    expect(lessor.expired(9000, 10)).toEqual([2n]);
    lessor.revoke(2n);
    expect(lessor.expired(20_000, 10)).toEqual([1n]);
  });

  it("tells at most so many expired leases, the longest expired first", () => {
    const lessor = leader();
    for (let i = 10; i > 0; i--) lessor.grant(BigInt(i), 10 + i, 0);
    expect(lessor.expired(60_000, 4)).toEqual([1n, 2n, 3n, 4n]);
    expect(lessor.expired(60_000, 4)).toEqual([5n, 6n, 7n, 8n]);
    expect(lessor.expired(60_000, 4)).toEqual([9n, 10n]);
    expect(lessor.expired(60_000, 4)).toEqual([]);
  });

  it("restarts with each renewal", () => {
    const lessor = leader();
    lessor.grant(1n, 10, 0);
    for (let nowMs = 0; nowMs < 100_000; nowMs += 9999) {
      expect(lessor.expired(nowMs, 10)).toEqual([]);
      expect(lessor.renew(1n, nowMs)).toBe(10);
    }
    expect(lessor.timeToLive(1n, 99_990)).toEqual({ ttl: 10, grantedTtl: 10 });
    expect(lessor.expired(109_989, 10)).toEqual([]);
    expect(lessor.expired(109_990, 10)).toEqual([1n]);
  });

  it("is not renewed once it is over, or unknown, or where this node does not lead", () => {
    const lessor = leader();
    lessor.grant(1n, 10, 0);
    expect(lessor.renew(2n, 0)).toBe("leaseNotFound");
    expect(lessor.renew(1n, 9999)).toBe(10);
    expect(lessor.renew(1n, 19_999)).toBe("expired");
    lessor.demote();
    expect(lessor.renew(1n, 0)).toBe("notPrimary");
    expect(lessor.isPrimary).toBe(false);
  });

  it("is told in whole seconds towards zero, down to what is overdue", () => {
    const lessor = leader();
    lessor.grant(1n, 10, 0);
    const left = [0, 1, 9001, 10_000, 10_999, 11_000, 12_500].map((nowMs) => lessor.timeToLive(1n, nowMs)?.ttl);
    expect(left).toEqual([10, 9, 0, 0, 0, -1, -2]);
    expect(lessor.timeToLive(2n, 0)).toBeUndefined();
  });

  it("stands still where this node does not lead", () => {
    const lessor = follower();
    lessor.grant(1n, 10, 0);
    expect(lessor.expired(1e12, 10)).toEqual([]);
    expect(lessor.nextExpiryMs).toBe(Number.POSITIVE_INFINITY);
    expect(lessor.timeToLive(1n, 0)).toEqual({ ttl: 9_223_372_036, grantedTtl: 10 });
    lessor.promote(0, 0);
    lessor.demote();
    expect(lessor.expired(1e12, 10)).toEqual([]);
  });

  it("orders leases by what is left of it", () => {
    const lessor = leader();
    lessor.grant(3n, 30, 0);
    lessor.grant(9n, 10, 0);
    lessor.grant(-2n, 20, 0);
    lessor.grant(1n, 20, 0);
    expect(lessor.leases()).toEqual([9n, -2n, 1n, 3n]);
    lessor.renew(9n, 9000);
    expect(lessor.leases()).toEqual([9n, -2n, 1n, 3n]);
    lessor.renew(-2n, 9000);
    expect(lessor.leases()).toEqual([9n, 1n, -2n, 3n]);
    lessor.demote();
    expect(lessor.leases()).toEqual([-2n, 1n, 3n, 9n]);
  });
});

describe("a new leader", () => {
  it("starts every lease anew, with an extension", () => {
    const lessor = follower();
    lessor.grant(1n, 10, 0);
    lessor.promote(50_000, 1000);
    expect(lessor.timeToLive(1n, 50_000)?.ttl).toBe(11);
    expect(lessor.expired(60_999, 10)).toEqual([]);
    expect(lessor.expired(61_000, 10)).toEqual([1n]);
    lessor.promote(70_000, 1000);
    expect(lessor.expired(80_999, 10)).toEqual([]);
    expect(lessor.expired(81_000, 10)).toEqual([1n]);
  });

  it.each([999, 1000, 100_000])("spreads the expiries of many leases: %d", (count) => {
    const lessor = follower();
    for (let i = 1; i <= count; i++) lessor.grant(BigInt(i), 10 + (i % 3), 0);
    lessor.promote(0, 0);
    let told = 0;
    for (let second = 10; told < count; second++) {
      const atStart = lessor.expired(second * 1000, count).length;
      const within = lessor.expired(second * 1000 + 999, count);
      expect(within).toEqual([]);
      if (count < 1000) expect(atStart).toBe(count / 3);
      else expect(atStart).toBeLessThanOrEqual(750);
      for (const id of lessor.leases().slice(0, atStart)) lessor.revoke(id);
      told += atStart;
    }
    expect(lessor.size).toBe(0);
  });

  it("lets a renewal bring a spread expiry forward again", () => {
    const lessor = follower();
    for (let i = 1; i <= 10_000; i++) lessor.grant(BigInt(i), 10, 0);
    lessor.promote(0, 0);
    expect(lessor.timeToLive(10_000n, 0)?.ttl).toBe(23);
    expect(lessor.renew(10_000n, 1000)).toBe(10);
    expect(lessor.expired(11_000, 100_000)).toContain(10_000n);
    lessor.revoke(10_000n);
    expect(lessor.expired(30_000, 100_000)).not.toContain(10_000n);
  });
});

describe("checkpoints", () => {
  const INTERVAL_MS = 300_000;

  it("are due for leases that have more left than the interval, once an interval", () => {
    const lessor = leader({ checkpointIntervalMs: INTERVAL_MS });
    lessor.grant(1n, 1000, 0);
    lessor.grant(2n, 300, 0);
    expect(lessor.checkpointsDue(INTERVAL_MS - 1, 10)).toEqual([]);
    expect(lessor.checkpointsDue(INTERVAL_MS, 10)).toEqual([{ id: 1n, remainingTtl: 700 }]);
    expect(lessor.checkpointsDue(INTERVAL_MS, 10)).toEqual([]);
    expect(lessor.checkpointsDue(2 * INTERVAL_MS + 500, 10)).toEqual([{ id: 1n, remainingTtl: 400 }]);
    expect(lessor.checkpointsDue(3 * INTERVAL_MS + 500, 10)).toEqual([{ id: 1n, remainingTtl: 100 }]);
    expect(lessor.checkpointsDue(1e9, 10)).toEqual([]);
  });

  it("are bounded in number and leave out revoked leases", () => {
    const lessor = leader({ checkpointIntervalMs: INTERVAL_MS });
    for (let i = 1n; i <= 5n; i++) lessor.grant(i, 1000, 0);
    lessor.revoke(2n);
    expect(lessor.checkpointsDue(INTERVAL_MS, 3)).toHaveLength(3);
    expect(lessor.checkpointsDue(INTERVAL_MS, 3)).toHaveLength(1);
  });

  it("are never due unless configured", () => {
    const lessor = leader();
    lessor.grant(1n, 1000, 0);
    expect(lessor.checkpointsDue(1e9, 10)).toEqual([]);
  });

  it("shorten the time under a new leader, until a renewal clears them", () => {
    const lessor = follower();
    lessor.grant(1n, 1000, 0);
    lessor.checkpoint(1n, 400, false);
    lessor.checkpoint(9n, 400, false);
    lessor.promote(0, 1000);
    expect(lessor.timeToLive(1n, 0)).toEqual({ ttl: 401, grantedTtl: 1000 });
    expect(lessor.renew(1n, 0)).toBe(1000);
    expect(lessor.renew(1n, 1)).toBe(1000);
    expect(lessor.checkpointsDue(1, 10)).toEqual([{ id: 1n, remainingTtl: 0 }]);
    expect(lessor.checkpointsDue(1, 10)).toEqual([]);
    lessor.checkpoint(1n, 0, false);
    lessor.renew(1n, 2);
    expect(lessor.checkpointsDue(2, 10)).toEqual([]);
    expect(lessor.timeToLive(1n, 2)?.ttl).toBe(1000);
  });

  it("never lengthen it", () => {
    const lessor = follower();
    lessor.grant(1n, 10, 0);
    lessor.checkpoint(1n, 400, false);
    lessor.promote(0, 0);
    expect(lessor.timeToLive(1n, 0)?.ttl).toBe(10);
  });
});

describe("the bucket", () => {
  it("holds what etcd's holds", () => {
    const backend = new MapBackend();
    const lessor = leader({}, backend);
    lessor.grant(0x1234n, 300, 0);
    lessor.checkpoint(0x1234n, 100, false);
    lessor.grant(-1n, 5, 0);
    const hex = (): string[] =>
      backend
        .list("lease")
        .map(({ key, value }) => `${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`);
    expect(hex()).toEqual(["0000000000001234 08b42410ac02", "ffffffffffffffff 08ffffffffffffffffff011005"]);
    lessor.checkpoint(0x1234n, 100, true);
    expect(hex()[0]).toBe("0000000000001234 08b42410ac021864");
  });

  it("brings leases back after a restart: full time, no keys until they are attached, no expiry until promoted", () => {
    const backend = new MapBackend();
    const before = leader({}, backend);
    before.grant(1n, 60, 0);
    before.grant(-5n, 3, 0);
    before.attach(1n, "k");
    before.checkpoint(1n, 20, true);

    const after = follower({ minTtlSeconds: 4 }, backend);
    expect(after.leases()).toEqual([-5n, 1n]);
    expect(after.leaseOf("k")).toBe(0n);
    expect(after.attach(1n, "k")).toBe(true);
    expect(after.revoke(1n)).toEqual(["k"]);
    after.promote(0, 0);
    expect(after.timeToLive(-5n, 0)).toEqual({ ttl: 4, grantedTtl: 4 });

    before.restore();
    expect(before.leases()).toEqual([-5n]);
    expect(before.isPrimary).toBe(false);
    expect(before.leaseOf("k")).toBe(0n);
  });
});
