import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import type { Replica } from "../../src/core/index.ts";
import { Elections, type ElectionsDeps } from "../../src/node/elections.ts";

const CONFIG = { electionTimeoutMs: 1000, heartbeatIntervalMs: 100, initialElectionTickAdvance: true, preVote: true };

/** A member of three that knows no leader, its clock in the test's hand. */
class Scene {
  nowMs = 0;
  leader = 0n;
  isLeader = false;
  voters: bigint[] = [1n, 2n, 3n];
  readonly connectedSince = new Map<bigint, number>();
  readonly campaigns: number[] = [];
  readonly advanced: number[] = [];
  readonly transfers: bigint[] = [];
  leaderless = 0;
  readonly elections: Elections;

  constructor(config: Partial<ElectionsDeps["config"]> = {}) {
    const replica = {
      status: () => ({ confState: { voters: this.voters } }),
      campaign: () => this.campaigns.push(this.nowMs),
      advanceTicks: (ticks: number) => this.advanced.push(ticks),
      leaderEnded: (id: bigint) => id === 3n,
      transferLeader: (id: bigint, done: () => void) => {
        this.transfers.push(id);
        done();
      },
    };
    Object.defineProperty(replica, "leader", { get: () => this.leader });
    Object.defineProperty(replica, "isLeader", { get: () => this.isLeader });
    this.elections = new Elections({
      config: { ...CONFIG, ...config },
      replica: replica as unknown as Replica,
      memberId: 1n,
      activeSince: (id) => this.connectedSince.get(id),
      leaderless: () => this.leaderless++,
      prng: new SeededPrng(1),
      logger: NO_LOGGER,
      nowMs: () => this.nowMs,
    });
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.nowMs += 10;
      jest.advanceTimersByTime(10);
    }
  }
}

describe("elections", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it("stands at once where it is alone", () => {
    const scene = new Scene();
    scene.voters = [1n];
    scene.elections.begin();
    expect(scene.campaigns).toEqual([0]);
  });

  it("hurries the first election once, as soon as a quorum is connected", () => {
    const scene = new Scene();
    scene.elections.begin();
    scene.pass(300);
    expect(scene.advanced).toEqual([]);
    scene.connectedSince.set(2n, scene.nowMs);
    scene.pass(300);
    expect(scene.advanced).toEqual([8]);
    expect(scene.campaigns).toEqual([]);
  });

  it("hurries nothing where it is not to, where there is a leader, or when it is too late", () => {
    const forbidden = new Scene({ initialElectionTickAdvance: false });
    const led = new Scene();
    const late = new Scene();
    for (const scene of [forbidden, led, late]) scene.elections.begin();
    led.leader = 2n;
    late.pass(5100);
    for (const scene of [forbidden, led, late]) {
      scene.connectedSince.set(2n, 0);
      scene.pass(300);
      expect(scene.advanced).toEqual([]);
    }
  });

  it("stands within 100 ms after the leader's end, and five times at most", () => {
    const scene = new Scene();
    scene.elections.leaderEnded(2n);
    scene.pass(2000);
    expect(scene.campaigns).toEqual([]);
    scene.elections.leaderEnded(3n);
    scene.pass(100);
    expect(scene.campaigns).toHaveLength(1);
    scene.pass(5000);
    expect(scene.campaigns).toHaveLength(5);
  });

  it("does not stand after the leader's end without pre-vote, once somebody leads, or when it is stopped", () => {
    const careful = new Scene({ preVote: false });
    const led = new Scene();
    const stopped = new Scene();
    for (const scene of [careful, led, stopped]) scene.elections.leaderEnded(3n);
    led.leader = 2n;
    stopped.elections.stop();
    for (const scene of [careful, led, stopped]) {
      scene.pass(1000);
      expect(scene.campaigns).toEqual([]);
    }
  });

  it("tells of a loss once, and that there is no leader after three election timeouts", () => {
    const scene = new Scene();
    scene.elections.begin();
    expect(scene.elections.onLeader(2n)).toBe(false);
    expect(scene.elections.onLeader(0n)).toBe(true);
    expect(scene.elections.onLeader(0n)).toBe(false);
    scene.nowMs = 3000;
    scene.elections.visit();
    expect(scene.leaderless).toBe(0);
    scene.nowMs = 3001;
    scene.elections.visit();
    expect(scene.leaderless).toBe(1);
    scene.elections.onLeader(3n);
    scene.nowMs = 9000;
    scene.elections.visit();
    expect(scene.leaderless).toBe(1);
  });

  it("hands over to the member connected longest, as a leader alone", async () => {
    const scene = new Scene();
    scene.connectedSince.set(2n, 50);
    scene.connectedSince.set(3n, 20);
    await scene.elections.handOver();
    expect(scene.transfers).toEqual([]);
    scene.isLeader = true;
    await scene.elections.handOver();
    expect(scene.transfers).toEqual([3n]);
  });
});
