/** The cluster runs' own parts: what they must notice and what they must not. */
import { describe, expect, it } from "@jest/globals";
import { EtcdNode, SeededChoice } from "@quorate/testkit";
import { checkpoint } from "../src/cluster/checkpoint.ts";
import { drawDisturbances, fullRound } from "../src/cluster/disturbances.ts";
import { MemberClients } from "../src/cluster/member-clients.ts";
import { findErrors } from "../src/cluster/member-log.ts";
import { versionSafe } from "../src/cluster/version-safe.ts";
import { peerSuite } from "./peer-suite.ts";

const line = (level: string, msg: string, more: object = {}): string =>
  JSON.stringify({ level, ts: "2026-01-02T03:04:05.678Z", caller: "a/b.go:1", msg, ...more });

describe("findErrors", () => {
  it("counts errors, panics and text that is no log line, and is silent about a peer that is away", () => {
    const log = [
      line("info", "ready"),
      line("warn", "prober detected unhealthy status", {
        error: "dial tcp 127.0.0.1:4567: connect: connection refused",
      }),
      line("warn", "peer became inactive", { error: "failed to read 1f on stream Message (unexpected EOF)" }),
      line("error", "lost 1234 entries"),
      line("error", "lost 5678 entries"),
      line("panic", "tocommit is out of range"),
      "goroutine 1 [running]:",
    ];
    const found = findErrors(log.join("\n")).map(({ line, count }) => [
      /"msg":"([^"]*)/.exec(line)?.[1] ?? line,
      count,
    ]);
    expect(found).toEqual([
      ["lost N entries", 2],
      ["tocommit is out of range", 1],
      ["goroutine 1 [running]:", 1],
    ]);
  });

  it("counts warnings that mean members hold different data or misread each other", () => {
    const log = [
      line("warn", "request cluster ID mismatch"),
      line("warn", "failed to decode a message"),
      line("warn", "slow fdatasync"),
    ];
    expect(findErrors(log.join("\n")).length).toBe(2);
  });
});

describe("versionSafe", () => {
  it("lets a writing transaction read at the current revision only, at any depth", () => {
    const range = (revision: string): object => ({ request_range: { key: "a", revision } });
    const put = { request_put: { key: "a" } };
    const request = {
      compare: [],
      success: [put, range("7"), { request_txn: { compare: [], success: [], failure: [range("9")] } }],
      failure: [range("8")],
    };
    expect(versionSafe({ kind: "call", method: "KV/Txn", request })).toEqual({
      kind: "call",
      method: "KV/Txn",
      request: {
        compare: [],
        success: [
          put,
          { request_range: { key: "a", revision: 0 } },
          { request_txn: { compare: [], success: [], failure: [{ request_range: { key: "a", revision: 0 } }] } },
        ],
        failure: [{ request_range: { key: "a", revision: 0 } }],
      },
    });
  });

  it("leaves out what is not for a cluster of several releases", () => {
    expect(versionSafe({ kind: "restart" })).toBeUndefined();
    expect(versionSafe({ kind: "call", method: "KV/Compact", request: {} })).toBeUndefined();
    expect(versionSafe({ kind: "call", method: "Cluster/MemberList", request: {} })).toBeDefined();
  });
});

describe("drawDisturbances", () => {
  it("has every kind for every member in the first round, in an order that the seed decides", () => {
    const draw = (seed: number): string[] =>
      drawDisturbances(new SeededChoice(seed), 3, fullRound(3) + 4).map(({ kind, member }) => `${kind} ${member}`);
    expect(new Set(draw(1).slice(0, 15)).size).toBe(15);
    expect(
      draw(1)
        .slice(15)
        .some((one) => one.startsWith("outage")),
    ).toBe(false);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

peerSuite("checkpoint", [], (target) => {
  it("tells what differs between members that hold different data", async () => {
    await using first = await EtcdNode.start({ program: target, medium: "memory" });
    await using second = await EtcdNode.start({ program: target, medium: "memory" });
    using clients = new MemberClients({ nodes: [first, second] });
    // The marker will be at revision 2 of the first one.
    await clients.api(1).must("KV/Put", { key: Buffer.from("checkpoint"), value: Buffer.from("another") });
    await clients.api(1).must("Lease/LeaseGrant", { ID: "7", TTL: "100" });

    const { revision, failures } = await checkpoint(clients, [0, 1]);

    const paths = failures.map((failure) => /^member 0 \| member 1: (\w+\.\w+)/.exec(failure)?.[1]);
    expect(revision).toBe(2);
    expect(paths).toEqual(expect.arrayContaining(["hash.hash", "keys.kvs", "members.0", "leases.length"]));
  }, 60_000);

  it("finds nothing to tell of one member", async () => {
    await using node = await EtcdNode.start({ program: target, medium: "memory" });
    using clients = new MemberClients({ nodes: [node] });
    expect((await checkpoint(clients, [0])).failures).toEqual([]);
  }, 60_000);
});
