import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdCluster, missingPeers, peersAreRequired, requirePeer } from "@quorate/testkit";
import { rolesOf, statuses } from "../src/contestants.ts";
import { h2loadGets, h2loadPuts, putAllKeys } from "../src/loads.ts";
import { leaderChangesSeen, metricValue } from "../src/member-status.ts";
import { busyShare, cpuTime, memoryOf, parseStatus, peakOf } from "../src/process-usage.ts";
import { compare } from "../src/side-by-side.ts";
import { revisionOf } from "../src/unary.ts";

/* The measurements of clusters, on real etcd alone: what they count is what the cluster did. */

const missing = missingPeers(["etcd-3.4", "h2load"]);
const suite = missing.length === 0 || peersAreRequired() ? describe : describe.skip;

suite("measurements of a cluster", () => {
  let cluster: EtcdCluster;

  beforeAll(async () => {
    const program = [requirePeer("etcd-3.4")];
    cluster = await EtcdCluster.start({ members: [{ program }, { program }, { program }], medium: "memory" });
  }, 60_000);

  afterAll(() => cluster.close());

  it("finds the leader that all members name, and two followers", async () => {
    const { leader, followers } = await rolesOf(cluster);

    expect(followers).toHaveLength(2);
    expect(followers.map(({ leaderId }) => leaderId)).toEqual([leader.memberId, leader.memberId]);
    expect(new Set((await statuses(cluster)).map(({ term }) => term))).toEqual(new Set([leader.term]));
    expect(await leaderChangesSeen(leader.port)).toBeGreaterThanOrEqual(1);
  });

  it("counts puts that took effect", async () => {
    const { leader } = await rolesOf(cluster);
    const before = await revisionOf(leader.port);

    const { value, unit } = await h2loadPuts(leader.port, { connections: 2, streams: 5 }, 300);

    expect([value > 0, unit]).toEqual([true, "/s"]);
    expect(await revisionOf(leader.port)).toBe(before + 300);
  });

  it("counts gets by the size of their answers", async () => {
    const { leader, followers } = await rolesOf(cluster);
    await putAllKeys(leader.port);

    const { value } = await h2loadGets(followers[0]?.port ?? 0, { connections: 2, streams: 5 }, 300);

    expect(value).toBeGreaterThan(0);
  });

  it("sees the memory of a member", () => {
    const { resident, anonymous } = memoryOf(cluster.node(0).process.pid ?? 0);

    expect(resident).toBeGreaterThan(anonymous);
    expect(anonymous).toBeGreaterThan(5);
  });
});

describe("comparing", () => {
  it("warms up, then runs both in turn, A B B A, and takes the median of the ratios", async () => {
    const runs: string[] = [];
    const open = (program: readonly string[]): ReturnType<Parameters<typeof compare<string>>[1]["open"]> =>
      Promise.resolve({
        target: () => Promise.resolve(program[0] as string),
        cpuSeconds: () => runs.length,
        restart: () => Promise.resolve(void runs.push(`restart ${program[0]}`)),
        [Symbol.asyncDispose]: () => Promise.resolve(void runs.push(`close ${program[0]}`)),
      });
    const run = (target: string): Promise<{ value: number; unit: string; operations: number }> => {
      runs.push(target);
      return Promise.resolve({ value: target === "a" ? 2 : runs.length, unit: "/s", operations: 10 });
    };

    const { ratio, met, etcd, quorate, cpuMicros } = await compare(
      { name: "w", title: "W", bar: { ratio: 3, side: "atLeast" }, reads: true, run },
      { programs: { etcd: ["a"], quorate: ["b"] }, open, rounds: 3, progress: () => undefined },
    );

    expect(runs.join(" ")).toBe("restart a restart b a b b a a b b a close b close a");
    expect([etcd, quorate]).toEqual([
      [2, 2, 2],
      [5, 8, 9],
    ]);
    expect([ratio, met]).toEqual([4, true]);
    // Each run took one second by the clock of this test, and did ten operations.
    expect(cpuMicros).toEqual({ etcd: 100_000, quorate: 100_000 });
  });
});

describe("reading Linux", () => {
  it("takes memory from a process status, in MiB", () => {
    const status = "Name:\tetcd\nVmHWM:\t  999 kB\nVmRSS:\t    4096 kB\nRssAnon:\t    1536 kB\nRssFile:\t    2560 kB\n";

    expect(parseStatus(status)).toEqual({ resident: 4, anonymous: 1.5 });
    expect(() => parseStatus("Name:\tetcd\n")).toThrow("no VmRSS in a process status");
  });

  it("keeps the larger of each kind", () => {
    const peak = peakOf({ resident: 4, anonymous: 1 }, { resident: 3, anonymous: 2 });

    expect(peak).toEqual({ resident: 4, anonymous: 2 });
  });

  it("tells the busy part of the cores' time", () => {
    const from = cpuTime("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1\n");
    const to = cpuTime("cpu  160 10 70 810 60 5 5 0 0 0\ncpu0 1 1 1 1\n");

    expect(busyShare(from, to)).toBeCloseTo(100 / 120, 6);
  });

  it("takes a metric by its whole name", () => {
    const text = "# TYPE changes_total counter\nchanges_total_of_all 7\nchanges_total 3\n";

    expect(metricValue(text, "changes_total")).toBe(3);
    expect(() => metricValue(text, "changes")).toThrow("no metric changes");
  });
});
