import { describe, expect, it } from "@jest/globals";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import { KubeError, type KubeObject } from "../../../src/core/index.ts";
import { LeaseElection, type LeaseObject } from "../../../src/node/runtime/lease-election.ts";
import { ManualTime, settle } from "./manual-time.ts";

const KEY = { namespace: "operators", name: "quorate-operator" };
const DURATION_MS = 15_000;

/** One Lease as an API server keeps it. `fails` makes requests fail: before the server saw them, or after it carried them out. */
class LeaseServer {
  lease: LeaseObject | undefined;
  version = 0;
  fails: "before" | "after" | "hangs" | undefined;

  readonly api = {
    get: async (): Promise<never> => (await this.#answer(() => this.lease)) as never,
    create: async (_resource: unknown, object: KubeObject): Promise<never> =>
      (await this.#answer(() => {
        if (this.lease !== undefined) throw new KubeError("AlreadyExists", "there is one");
        return this.#keep(object as LeaseObject);
      })) as never,
    patch: async (_resource: unknown, _key: unknown, patch: object): Promise<never> =>
      (await this.#answer(() => {
        const { metadata, spec } = patch as LeaseObject;
        if (this.lease?.metadata.resourceVersion !== metadata.resourceVersion)
          throw new KubeError("Conflict", "the object has been modified");
        return this.#keep({ ...(this.lease as LeaseObject), spec: { ...this.lease?.spec, ...spec } });
      })) as never,
  };

  #keep(lease: LeaseObject): LeaseObject {
    this.version++;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.version) } };
    return this.lease;
  }

  async #answer<T>(act: () => T): Promise<T> {
    if (this.fails === "hangs") return await new Promise<never>(() => {});
    if (this.fails === "before") throw new KubeError("Unavailable", "no route");
    const result = act();
    if (this.fails === "after") throw new KubeError("Unavailable", "the answer was lost");
    return result;
  }
}

function candidate(server: LeaseServer, time: ManualTime, identity: string, seed: number) {
  const election = new LeaseElection(
    { key: KEY, identity, durationMs: DURATION_MS },
    { api: server.api, clock: time, timers: time, prng: new SeededPrng(seed), log: NO_LOGGER },
  );
  const seen: { acquired: boolean; lost: string | undefined } = { acquired: false, lost: undefined };
  void election.acquire().then(async () => {
    seen.acquired = true;
    seen.lost = await election.hold();
  });
  return { election, seen };
}

describe("LeaseElection", () => {
  it("gives the lead to one of two, and keeps it there", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    const b = candidate(server, time, "b", 2);

    for (let i = 0; i < 120; i++) {
      await time.advance(1000);
      expect([a, b].filter(({ election }) => election.isLeader)).toHaveLength(1);
    }

    expect([a.seen.acquired, b.seen.acquired].filter(Boolean)).toHaveLength(1);
    expect(server.lease?.spec?.leaseTransitions).toBe(0);
  });

  it("is followed at once by another when it is closed", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(1000);
    const b = candidate(server, time, "b", 2);
    await time.advance(1000);

    await a.election.close();
    await time.advance(DURATION_MS / 4);

    expect(a.election.isLeader).toBe(false);
    expect(b.election.isLeader).toBe(true);
    expect(a.seen.lost).toBe(undefined);
  });

  it("stops leading before another can begin, when it cannot reach the API", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(20_000);
    const cut = new LeaseServer();
    cut.fails = "before";
    // From now on only b reaches the server.
    const b = candidate(new LeaseServer(), time, "b", 2);
    await b.election.close();
    const own = server.api.patch;
    server.api.patch = async (resource, key, patch) => {
      const { spec } = patch as LeaseObject;
      if (spec?.holderIdentity === "a") throw new KubeError("Unavailable", "no route");
      return await own(resource, key, patch);
    };
    const c = candidate(server, time, "c", 3);

    let lostAtMs: number | undefined;
    let followedAtMs: number | undefined;
    for (let ms = 0; ms < 40_000; ms += 100) {
      await time.advance(100);
      if (a.seen.lost !== undefined) lostAtMs ??= ms;
      if (c.election.isLeader) followedAtMs ??= ms;
      expect(a.election.isLeader && c.election.isLeader).toBe(false);
    }

    expect(a.seen.lost).toBe("not renewed in time");
    expect(lostAtMs).toBeLessThan(DURATION_MS);
    expect(followedAtMs).toBeGreaterThan(lostAtMs ?? 0);
    expect(server.lease?.spec?.leaseTransitions).toBe(1);
  });

  it("stops leading in time although its requests neither fail nor end", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(1000);

    server.fails = "hangs";
    await time.advance(DURATION_MS);

    expect(a.seen.lost).toBe("not renewed in time");
  });

  it("does not lead any more after a stop of the whole process, before any timer has run", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(1000);
    expect(a.election.isLeader).toBe(true);

    time.jump(DURATION_MS);

    expect(a.election.isLeader).toBe(false);
  });

  it("goes on leading when only the answer to a renewal was lost", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(1000);

    server.fails = "after";
    await time.advance(DURATION_MS / 3);
    server.fails = undefined;
    await time.advance(60_000);

    expect(a.election.isLeader).toBe(true);
    expect(a.seen.lost).toBe(undefined);
  });

  it("does not take a lease whose times lie in the past, while its holder renews it", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const slow = new ManualTime();
    slow.wallSkewMs = 0;
    const a = new LeaseElection(
      { key: KEY, identity: "a", durationMs: DURATION_MS },
      {
        api: server.api,
        clock: { nowMs: () => time.nowMs(), wallMs: () => slow.wallMs() },
        timers: time,
        prng: new SeededPrng(1),
        log: NO_LOGGER,
      },
    );
    void a.acquire().then(() => a.hold());
    await time.advance(1000);
    const b = candidate(server, time, "b", 2);

    await time.advance(120_000);

    expect(server.lease?.spec?.renewTime).toMatch(/^1970/);
    expect(a.isLeader).toBe(true);
    expect(b.seen.acquired).toBe(false);
  });

  it("loses at once when another holds the lease", async () => {
    const server = new LeaseServer();
    const time = new ManualTime();
    const a = candidate(server, time, "a", 1);
    await time.advance(1000);

    await server.api.patch(undefined, KEY, {
      metadata: { name: KEY.name, resourceVersion: String(server.version) },
      spec: { holderIdentity: "by hand" },
    });
    await time.advance(DURATION_MS / 2);
    await settle();

    expect(a.seen.lost).toBe("held by 'by hand'");
    expect(server.lease?.spec?.holderIdentity).toBe("by hand");
  });
});
