import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createLeaseTimeToLiveResponse, createResponseHeader } from "@quorate/protocol";
import { PeerClient, PeerHttpError, PeerRequestError } from "../../src/node/peer/index.ts";
import { refusingSource, TestTransport } from "./support/test-transport.ts";

const [LOW, HIGH] = [5n, 2n ** 63n + 9n];
const members = [
  { id: HIGH, name: "", peerUrls: ["http://127.0.0.1:1"], clientUrls: [], isLearner: true },
  { id: LOW, name: 'odd "} name', peerUrls: ["http://127.0.0.1:2"], clientUrls: ["http://c"], isLearner: false },
];
const asked: unknown[] = [];
const client = new PeerClient(undefined);
let member: TestTransport;

beforeAll(async () => {
  const http = refusingSource({
    members: () => members,
    promote: async (id, token) => {
      asked.push([id, token]);
      if (id !== HIGH) throw new PeerHttpError(404, "membership: can't find ID");
      return members;
    },
    hashKv: async (revision) => {
      if (revision > 10) throw new PeerHttpError(400, "mvcc: required revision is a future revision");
      return { revision: 10, hash: 4_000_000_000, compactRevision: -1, hashRevision: revision === 0 ? 10 : revision };
    },
    renewLease: async (id) => {
      if (id !== LOW) throw new PeerHttpError(404, "lease not found");
      return 60;
    },
    timeToLive: async (id, keys) =>
      createLeaseTimeToLiveResponse({ id, ttl: 7, grantedTtl: 9, keys: keys ? [Uint8Array.of(1)] : [] }),
    downgradeEnabled: async () => true,
  });
  member = await TestTransport.start({ id: 1n, over: { http } });
});

afterAll(async () => {
  await member[Symbol.asyncDispose]();
});

async function refusal(promise: Promise<unknown>): Promise<readonly [number, string]> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerRequestError);
  return [(error as PeerRequestError).status, (error as PeerRequestError).text];
}

async function raw(
  path: string,
  init: { readonly method?: string; readonly body?: string } = {},
): Promise<readonly [number, string]> {
  const response = await fetch(member.url + path, { ...init, headers: { connection: "close" } });
  return [response.status, await response.text()];
}

describe("what members ask each other beside raft", () => {
  it("is who they are, with IDs to the last digit, in the order of IDs", async () => {
    expect(await client.getMembers(member.url, 2000)).toEqual({ clusterId: 0xabcn, members: [members[1], members[0]] });
    const [, text] = await raw("/members");
    expect(text).toBe(
      `[{"id":5,"peerURLs":["http://127.0.0.1:2"],"name":"odd \\"} name","clientURLs":["http://c"]},` +
        `{"id":9223372036854775817,"peerURLs":["http://127.0.0.1:1"],"isLearner":true}]\n`,
    );
  });

  it("is their version and whether a downgrade goes on", async () => {
    const versions = { etcdserver: "3.7.1", etcdcluster: "3.7.0", storage: "3.7.0" };
    expect(await client.getVersion(member.url, 2000)).toEqual(versions);
    expect(await client.getDowngradeEnabled(member.url, 2000)).toBe(true);
  });

  it("is to promote a learner, with the client's token", async () => {
    expect(await client.promote(member.url, HIGH, { timeoutMs: 2000, token: "t.1" })).toHaveLength(2);
    expect(asked).toEqual([[HIGH, "t.1"]]);
    expect(await refusal(client.promote(member.url, 7n, { timeoutMs: 2000 }))).toEqual([
      404,
      "membership: can't find ID",
    ]);
    expect(await raw("/members/promote/zz", { method: "POST" })).toEqual([404, "member zz not found in cluster\n"]);
    expect(await raw(`/members/promote/${2n ** 64n}`, { method: "POST" })).toEqual([
      404,
      `member ${2n ** 64n} not found in cluster\n`,
    ]);
  });

  it("is the hash of the key space", async () => {
    const options = { clusterId: 0xabcn, timeoutMs: 2000 };
    const hash = { revision: 10, hash: 4_000_000_000, compactRevision: -1, hashRevision: 10 };
    expect(await client.hashKv(member.url, 0, options)).toEqual(hash);
    expect(await client.hashKv(member.url, 3, options)).toEqual({ ...hash, hashRevision: 3 });
    expect(await refusal(client.hashKv(member.url, 11, options))).toEqual([
      400,
      "mvcc: required revision is a future revision",
    ]);
    expect(await refusal(client.hashKv(member.url, 0, { ...options, clusterId: 1n }))).toEqual([
      412,
      "cluster ID mismatch",
    ]);
  });

  it("is about leases", async () => {
    expect(await client.renewLease(member.url, LOW, 2000)).toBe(60);
    expect(await refusal(client.renewLease(member.url, 6n, 2000))).toEqual([404, "lease not found"]);
    const known = await client.timeToLive(member.url, LOW, { keys: true, timeoutMs: 2000 });
    expect(known).toMatchObject({ id: LOW, ttl: 7, grantedTtl: 9, keys: [Uint8Array.of(1)] });
    // Members of etcd fill the header in and end with a panic when there is none.
    expect(known.header).toEqual(createResponseHeader());
    expect((await raw("/leases", { method: "POST", body: "\x0a\xff" }))[0]).toBe(400);
    expect((await raw("/leases", { method: "POST", body: "x".repeat(70_000) }))[0]).toBe(413);
  });

  it("is refused on other paths and by other methods", async () => {
    expect(await raw("/nothing")).toEqual([404, "404 page not found\n"]);
    expect(await raw("/members/x")).toEqual([400, "bad path\n"]);
    for (const [path, method] of [
      ["/members", "POST"],
      ["/version", "PUT"],
      ["/leases", "GET"],
      ["/raft", "GET"],
      ["/raft/stream/message/1", "POST"],
      ["/raft/snapshot", "GET"],
    ] as const)
      expect([path, ...(await raw(path, { method }))]).toEqual([path, 405, "Method Not Allowed\n"]);
  });

  it("fails within its time when nobody answers", async () => {
    expect(await refusal(client.getVersion("http://127.0.0.1:1", 2000))).toEqual([
      0,
      expect.stringContaining("ECONNREFUSED"),
    ]);
    expect(await refusal(client.getVersion("nonsense", 2000))).toEqual([0, "peer URL cannot be read"]);
  });
});
