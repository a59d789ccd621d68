import { setTimeout as sleep } from "node:timers/promises";
import { EtcdCluster, type TemporaryMedium, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";
import { findLeader } from "./leader.ts";

/** How the leader is lost: by SIGKILL, on request (MoveLeader), or by SIGTERM. */
export type LeaderLoss = "kill" | "move" | "terminate";

/** A cluster whose leader is taken away again and again while clients write to the other members. */
export class FailoverRun implements AsyncDisposable {
  readonly #cluster: EtcdCluster;
  readonly #apis: readonly EtcdApi[];

  private constructor(cluster: EtcdCluster) {
    this.#cluster = cluster;
    this.#apis = cluster.endpoints.map((endpoint) => new EtcdApi(endpoint));
  }

  /** Starts a cluster with default timeouts. */
  static async start(program: readonly string[], members: number, medium: TemporaryMedium): Promise<FailoverRun> {
    const each = Array.from({ length: members }, () => ({ program }));
    return new FailoverRun(await EtcdCluster.start({ members: each, medium }));
  }

  /**
   * Takes the leader away once and gives the longest time, milliseconds, between two acknowledged writes around it. Writers
   * use the members that stay, each without a pause between its writes. Everything runs again afterwards.
   */
  async measure(loss: LeaderLoss): Promise<number> {
    const leader = await this.#settled(loss === "move" ? CONNECTED_MS : CALM_MS);
    const others = this.#cluster.nodes.flatMap((_, member) => (member === leader ? [] : [member]));
    const writers = others.map((member) => new Writer(this.#api(member), member));
    await sleep(BEFORE_MS);
    const begun = performance.now();
    await this.#lose(loss, leader, others[0] ?? leader);
    await waitUntil(() => writers.some((writer) => writer.acknowledgedAfter(begun + AFTER_MS)), {
      what: `a write after the loss of m${leader} (${loss})`,
      timeoutMs: GIVE_UP_MS,
    });
    await Promise.all(writers.map((writer) => writer.stop()));
    if (loss !== "move") await this.#cluster.restart(leader);
    const times = writers.flatMap((writer) => writer.times).sort((a, b) => a - b);
    return longestGap(times.filter((time) => time > begun - BEFORE_MS / 2));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const api of this.#apis) api.close();
    await this.#cluster.close();
  }

  /** The leader, once it is the same to all and every member has been connected long enough to be moved to. */
  async #settled(forMs: number): Promise<number> {
    let leader: number | undefined;
    await waitUntil(
      async () => {
        const answers = await Promise.all(
          this.#apis.map((api) => api.call("KV/Range", { key: Buffer.from("x") }, 2000)),
        );
        leader = await findLeader(this.#apis);
        return answers.every(({ ok }) => ok) && leader !== undefined;
      },
      { what: "a cluster with a leader", timeoutMs: GIVE_UP_MS, everyMs: 100 },
    );
    await sleep(forMs);
    return (await findLeader(this.#apis)) ?? leader ?? 0;
  }

  async #lose(loss: LeaderLoss, leader: number, successor: number): Promise<void> {
    switch (loss) {
      case "kill":
        return await this.#cluster.kill(leader);
      case "terminate":
        return await this.#cluster.terminate(leader);
      case "move": {
        const status = await this.#api(successor).must("Maintenance/Status", {}, 2000);
        const { member_id } = status["header"] as Message;
        await this.#api(leader).must("Maintenance/MoveLeader", { targetID: member_id }, 8000);
      }
    }
  }

  #api(member: number): EtcdApi {
    const api = this.#apis[member];
    if (api === undefined) throw new Error(`no member ${member}`);
    return api;
  }
}

const BEFORE_MS = 1000;
/** Writes are watched for this long after the leader is gone. */
const AFTER_MS = 3000;
const CALM_MS = 2000;
/** Longer than the 5 s after which members hold a connection for healthy. */
const CONNECTED_MS = 6000;
const GIVE_UP_MS = 60_000;
/** Enough for an outage of ten seconds: what an old leader took with it is answered late, what comes after at once. */
const IN_FLIGHT_MAX = 2000;
const EVERY_MS = 5;
const WRITE_DEADLINE_MS = 10_000;

/** Writes at one member, a new one every few milliseconds whether or not the earlier ones are answered, within a bound. */
class Writer {
  readonly times: number[] = [];
  readonly #api: EtcdApi;
  readonly #key: Buffer;
  readonly #timer: NodeJS.Timeout;
  #inFlight = new Set<Promise<void>>();
  #sent = 0;

  constructor(api: EtcdApi, member: number) {
    this.#api = api;
    this.#key = Buffer.from(`failover/${member}`);
    this.#timer = setInterval(() => this.#send(), EVERY_MS);
  }

  acknowledgedAfter(time: number): boolean {
    return (this.times.at(-1) ?? 0) > time;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
  }

  #send(): void {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) return;
    const value = Buffer.from(String(this.#sent++));
    const write: Promise<void> = this.#api
      .call("KV/Put", { key: this.#key, value }, WRITE_DEADLINE_MS)
      .then((outcome) => {
        if (outcome.ok) this.times.push(performance.now());
        this.#inFlight.delete(write);
      });
    this.#inFlight.add(write);
  }
}

function longestGap(times: readonly number[]): number {
  return times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0);
}
