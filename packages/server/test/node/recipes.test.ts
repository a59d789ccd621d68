import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { UnaryCall } from "@quorate/grpc";
import {
  createCampaignRequest,
  createLeaderKey,
  createLeaderRequest,
  createLockRequest,
  createProclaimRequest,
  createResignRequest,
  createUnlockRequest,
  decodeCampaignResponse,
  decodeLeaderResponse,
  decodeLockRequest,
  decodeLockResponse,
  decodeProclaimResponse,
  decodeResignResponse,
  decodeUnlockResponse,
  encodeCampaignRequest,
  encodeLeaderRequest,
  encodeLockRequest,
  encodeProclaimRequest,
  encodeResignRequest,
  encodeUnlockRequest,
  type LeaderKey,
  type LockResponse,
} from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { Recipes } from "../../src/node/services/recipes/recipes.ts";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

/** Locks and elections of one member, called by an independent client; the same beside a real etcd is in the conformance suites. */
const UNKNOWN = 2;
const CANCELLED = 1;
const UNAVAILABLE = 14;
const LOCK = "/v3lockpb.Lock/Lock";
const CAMPAIGN = "/v3electionpb.Election/Campaign";

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-recipes-", "memory");
  node = await TestNode.start(directory.path);
  client = node.client;
  for (const id of [0x10n, 0x20n, 0x30n]) await client.leaseGrant({ id, ttl: 600 });
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const startLock = (name: string, lease: bigint): ReturnType<EtcdClient["start"]> =>
  client.start(LOCK, encodeLockRequest(createLockRequest({ name: b(name), lease })));
const lock = async (name: string, lease: bigint): Promise<LockResponse> =>
  decodeLockResponse(await startLock(name, lease).response);
const unlock = async (key: Uint8Array): Promise<number | undefined> => {
  const request = encodeUnlockRequest(createUnlockRequest({ key }));
  return decodeUnlockResponse(await client.raw("/v3lockpb.Lock/Unlock", request)).header?.revision;
};
const startCampaign = (name: string, lease: bigint, value: string): ReturnType<EtcdClient["start"]> =>
  client.start(CAMPAIGN, encodeCampaignRequest(createCampaignRequest({ name: b(name), lease, value: b(value) })));
const campaign = async (name: string, lease: bigint, value: string): ReturnType<typeof wonBy> =>
  wonBy(startCampaign(name, lease, value).response);
const wonBy = async (response: Promise<Buffer>): Promise<{ leader: LeaderKey; revision: number }> => {
  const { header, leader } = decodeCampaignResponse(await response);
  return { leader: leader ?? createLeaderKey(), revision: header?.revision ?? 0 };
};
const proclaim = async (leader: LeaderKey | undefined, value: string): Promise<number | undefined> => {
  const request = encodeProclaimRequest(
    createProclaimRequest({ ...(leader === undefined ? {} : { leader }), value: b(value) }),
  );
  return decodeProclaimResponse(await client.raw("/v3electionpb.Election/Proclaim", request)).header?.revision;
};
const resign = async (leader?: LeaderKey): Promise<number | undefined> => {
  const request = encodeResignRequest(createResignRequest(leader === undefined ? {} : { leader }));
  return decodeResignResponse(await client.raw("/v3electionpb.Election/Resign", request)).header?.revision;
};
const leaderOf = async (name: string): Promise<string> => {
  const request = encodeLeaderRequest(createLeaderRequest({ name: b(name) }));
  return text(decodeLeaderResponse(await client.raw("/v3electionpb.Election/Leader", request)).kv?.value ?? b("?"));
};
const keysBelow = async (prefix: string): Promise<string[]> => {
  const { kvs } = await client.range({ key: b(prefix), rangeEnd: b(`${prefix}~`) });
  return kvs.map(({ key }) => text(key));
};
/** Waits until a waiting call has put its key. */
const queued = (name: string, count: number): Promise<void> =>
  waitUntil(async () => (await keysBelow(`${name}/`)).length === count, { what: `${count} keys`, timeoutMs: 5000 });

type FakeCall = UnaryCall & { status: { readonly code: number; readonly details: string } | undefined };

function fakeCall(): FakeCall {
  const call: FakeCall = {
    path: "/a.B/C",
    metadata: { get: () => undefined, getAll: () => [], entries: () => [].values() },
    peer: { remoteAddress: "", remotePort: 0, certificate: undefined, certificateCommonName: undefined },
    deadlineMs: undefined,
    cancelled: false,
    onCancel: undefined,
    context: undefined,
    status: undefined,
    setResponseMetadata: () => {},
    fail: (code, details) => {
      call.status = { code, details };
    },
    respond: () => {},
    respondParts: () => {},
  };
  return call;
}

describe("Lock", () => {
  it("gives a free lock at once, to its holder again, and to the next when it is let go", async () => {
    const first = await lock("l", 0x10n);
    expect(text(first.key)).toBe("l/10");
    expect((await lock("l", 0x10n)).header?.revision).toBe(first.header?.revision);

    const second = startLock("l", 0x20n);
    await queued("l", 2);
    const third = startLock("l", 0x30n);
    await queued("l", 3);
    const letGo = await unlock(first.key);
    const { header, key } = decodeLockResponse(await second.response);
    expect([text(key), header?.revision]).toEqual(["l/20", letGo]);
    await unlock(key);
    expect(text(decodeLockResponse(await third.response).key)).toBe("l/30");
    await unlock(b("l/30"));
    expect(await unlock(b("l/30"))).toBe((await client.range({ key: b("l") })).header?.revision);
  });

  it("grants a lease of 60 s where the client brings none", async () => {
    const { key } = await lock("leased", 0n);
    const lease = BigInt(`0x${text(key).slice("leased/".length)}`);
    expect(await client.leaseTimeToLive({ id: lease, keys: true })).toMatchObject({ grantedTtl: 60, keys: [key] });
    await client.leaseRevoke({ id: lease });
  });

  it("refuses a lease that is not there, with etcd's text and no code", async () => {
    expect(await refusal(lock("l", 404n))).toEqual({
      code: UNKNOWN,
      details: "etcdserver: requested lease not found",
    });
  });

  it("forgets who goes away while waiting, and wakes who waits behind", async () => {
    const holder = await lock("g", 0x10n);
    const leaver = startLock("g", 0x20n);
    const left = refusal(leaver.response);
    await queued("g", 2);
    const patient = startLock("g", 0x30n);
    await queued("g", 3);
    leaver.cancel();
    expect((await left).code).toBe(CANCELLED);
    await queued("g", 2);
    expect(await keysBelow("g/")).toEqual(["g/10", "g/30"]);
    await unlock(holder.key);
    await patient.response;
    await unlock(b("g/30"));
    expect(node.node.watchHub.stats.watchers).toBe(0);
  });

  it("does not take a lock from its holder whose second call is given up", async () => {
    await lock("twice", 0x10n);
    const again = startLock("twice", 0x10n);
    const given = refusal(again.response);
    again.cancel();
    await given;
    await client.put({ key: b("behind") });
    expect(await keysBelow("twice/")).toEqual(["twice/10"]);
    await unlock(b("twice/10"));
  });

  it("tells a waiter whose lease has ended", async () => {
    await client.leaseGrant({ id: 0x40n, ttl: 600 });
    await lock("s", 0x10n);
    const waiter = refusal(startLock("s", 0x40n).response);
    await queued("s", 2);
    await client.leaseRevoke({ id: 0x40n });
    await unlock(b("s/10"));
    expect(await waiter).toEqual({ code: UNKNOWN, details: "mutex: session is expired" });
  });

  it("waits on over a compaction of what it watches from", async () => {
    await lock("c", 0x10n);
    const waiter = startLock("c", 0x20n);
    await queued("c", 2);
    const { header } = await client.put({ key: b("c-other") });
    await client.compact({ revision: header?.revision ?? 0, physical: true });
    await unlock(b("c/10"));
    await waiter.response;
    await unlock(b("c/20"));
  });
});

describe("Election", () => {
  it("lets the first lead, tells its words, and hands over when it resigns", async () => {
    const first = await campaign("e", 0x10n, "one");
    expect(first.leader).toEqual({ name: b("e"), key: b("e/10"), rev: first.revision, lease: 0x10n });
    expect(await leaderOf("e")).toBe("one");
    const next = startCampaign("e", 0x20n, "two");
    await queued("e", 2);
    await proclaim(first.leader, "uno");
    expect(await leaderOf("e")).toBe("uno");
    await resign(first.leader);
    const second = await wonBy(next.response);
    expect(await leaderOf("e")).toBe("two");
    expect(second.revision).toBe(second.leader.rev);

    // A leader of the past changes nothing.
    expect(await refusal(proclaim(first.leader, "back"))).toEqual({ code: UNKNOWN, details: "election: not leader" });
    await resign(first.leader);
    expect(await leaderOf("e")).toBe("two");
    await resign(second.leader);
    expect(await refusal(leaderOf("e"))).toEqual({ code: UNKNOWN, details: "election: no leader" });
  });

  it("takes a second campaign of the same lease for a proclamation", async () => {
    const first = await campaign("again", 0x10n, "one");
    const second = await campaign("again", 0x10n, "two");
    expect(second.leader).toEqual(first.leader);
    expect(await leaderOf("again")).toBe("two");
    await resign(first.leader);
  });

  it("wants to be told which leader", async () => {
    const missing = { code: UNKNOWN, details: '"leader" field must be provided' };
    expect(await refusal(resign())).toEqual(missing);
    expect(await refusal(proclaim(undefined, "x"))).toEqual(missing);
  });

  it("forgets a candidate that goes away", async () => {
    const first = await campaign("gone", 0x10n, "one");
    const leaver = startCampaign("gone", 0x20n, "two");
    const left = refusal(leaver.response);
    await queued("gone", 2);
    leaver.cancel();
    await left;
    await queued("gone", 1);
    await resign(first.leader);
  });

  it("shows an observer every word of every leader", async () => {
    const stream = client.serverStream(
      "/v3electionpb.Election/Observe",
      encodeLeaderRequest(createLeaderRequest({ name: b("o") })),
    );
    const word = async (): Promise<string> => {
      const { header, kv } = decodeLeaderResponse(await stream.next());
      expect(header?.revision).toBeGreaterThanOrEqual(kv?.modRevision ?? Number.MAX_SAFE_INTEGER);
      return text(kv?.value ?? b("?"));
    };
    await waitUntil(() => node.node.watchHub.stats.watchers === 1, { what: "the observer", timeoutMs: 5000 });
    const first = await campaign("o", 0x10n, "one");
    expect(await word()).toBe("one");
    for (let i = 0; i < 100; i++) await proclaim(first.leader, `one ${i}`);
    for (let i = 0; i < 100; i++) expect(await word()).toBe(`one ${i}`);
    await resign(first.leader);
    await campaign("o", 0x20n, "two");
    expect(await word()).toBe("two");
    stream.cancel();
    await waitUntil(() => node.node.watchHub.stats.watchers === 0, { what: "no observer", timeoutMs: 5000 });
    await client.deleteRange({ key: b("o/20") });
  });
});

describe("recipes", () => {
  it("of calls that still wait end when the member stops", async () => {
    using other = temporaryDirectory("quorate-recipes-", "memory");
    const stopping = await TestNode.start(other.path);
    const request = encodeLockRequest(createLockRequest({ name: b("l") }));
    await stopping.client.raw(LOCK, request);
    const waiting = refusal(stopping.client.raw(LOCK, request));
    await waitUntil(() => stopping.node.watchHub.stats.watchers === 1, { what: "a waiter", timeoutMs: 5000 });
    const beganMs = performance.now();
    await stopping.stop();
    expect(await waiting).toEqual({ code: UNAVAILABLE, details: "etcdserver: server stopped" });
    expect(performance.now() - beganMs).toBeLessThan(4000);
    expect(stopping.fatal).toEqual([]);
  });

  it("are refused when too many wait already, until one of those is over", () => {
    const recipes = new Recipes({ services: {}, onFailure: () => {}, waitingMax: 1 });
    const method = recipes.unary(decodeLockRequest, () => new Promise(() => {}));
    const started: FakeCall[] = [];
    const start = (): FakeCall => {
      const call = fakeCall();
      if (method.kind === "unary") method.handler(call, Buffer.alloc(0));
      started.push(call);
      return call;
    };

    start();
    expect(start().status).toEqual({ code: UNKNOWN, details: "etcdserver: too many requests" });
    started[0]?.onCancel?.();
    expect(start().status).toBeUndefined();
  });

  it("refuse what is no request", async () => {
    expect((await refusal(client.raw(LOCK, Buffer.of(0xff)))).code).toBe(13);
  });
});
