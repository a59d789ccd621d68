import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EtcdCluster, type LinkState, PeerLinks, type TemporaryMedium } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import { findLeader } from "./leader.ts";
import { type Interval, MemberTimeline, toggle } from "./timeline.ts";

export interface FaultyClusterOptions {
  /** Command line of each member. */
  readonly programs: readonly (readonly string[])[];
  readonly flags: readonly string[];
  readonly medium: TemporaryMedium;
}

const LOG_TAIL_CHARS = 3000;
/** A member that replays its log beside a loaded cluster on few cores. */
const READY_TIMEOUT_MS = 90_000;

/**
 * A cluster whose members can be killed and paused and whose links can be held, cut and delayed, and which keeps account of
 * which member was disturbed or without a majority, and when.
 */
export class FaultyCluster implements AsyncDisposable {
  readonly cluster: EtcdCluster;
  readonly timelines: readonly MemberTimeline[];
  /** Stretches in which no member that served could have a majority: no write is to be expected. */
  readonly outages: Interval[] = [];
  readonly #links: PeerLinks;
  /** Runs and is not paused, from the moment it is started. */
  readonly #alive: boolean[];
  /** Is known to serve: later than alive. */
  readonly #serving: boolean[];
  readonly #passes: boolean[][];
  readonly #status: EtcdApi[];

  private constructor(cluster: EtcdCluster, links: PeerLinks) {
    this.cluster = cluster;
    this.#links = links;
    this.timelines = cluster.nodes.map(() => new MemberTimeline());
    this.#alive = cluster.nodes.map(() => true);
    this.#serving = cluster.nodes.map(() => true);
    this.#passes = cluster.nodes.map(() => cluster.nodes.map(() => true));
    this.#status = cluster.endpoints.map((endpoint) => new EtcdApi(endpoint));
  }

  /** Starts a cluster, every member behind its proxy. */
  static async start(options: FaultyClusterOptions): Promise<FaultyCluster> {
    let cluster: EtcdCluster | undefined;
    const pidOf = (index: number): number | undefined => {
      const node = cluster?.nodes[index];
      return node?.running === true ? node.process.pid : undefined;
    };
    const links = await PeerLinks.listen(options.programs.length, pidOf);
    try {
      cluster = await EtcdCluster.prepare({
        members: options.programs.map((program) => ({ program })),
        flags: options.flags,
        medium: options.medium,
        readyTimeoutMs: READY_TIMEOUT_MS,
        advertisePeerUrl: (index, listenUrl) => links.advertise(index, listenUrl),
      });
      await cluster.startAll();
    } catch (error) {
      await cluster?.close();
      await links.close();
      throw error;
    }
    return new FaultyCluster(cluster, links);
  }

  get size(): number {
    return this.timelines.length;
  }

  get members(): readonly number[] {
    return this.timelines.map((_, index) => index);
  }

  /** The running member that says it leads, at the highest term; undefined when none answers so. */
  async leader(): Promise<number | undefined> {
    const leader = await findLeader(this.#status);
    return leader !== undefined && this.#alive[leader] === true ? leader : undefined;
  }

  async kill(member: number): Promise<void> {
    this.#down(member);
    await this.cluster.kill(member);
    this.#links.refuse(member);
    this.#account();
  }

  /** Ends it with SIGTERM. Until it has ended it may answer, as long as it has a majority with it. */
  async terminate(member: number): Promise<void> {
    this.#disturb(member);
    await this.cluster.terminate(member);
    this.#alive[member] = false;
    this.#links.refuse(member);
    this.#account();
  }

  pause(member: number): void {
    this.#down(member);
    this.cluster.pause(member);
    this.#account();
  }

  resume(member: number): void {
    this.#alive[member] = true;
    this.#account();
    this.cluster.resume(member);
    this.#up(member);
  }

  /** Starts killed members, together since they may need each other, and waits until they serve. */
  async restart(members: readonly number[]): Promise<void> {
    for (const member of members) this.#alive[member] = true;
    this.#account();
    await Promise.all(
      members.map(async (member) => {
        await this.#links.accept(member);
        await this.cluster.restart(member);
      }),
    );
    for (const member of members) this.#up(member);
  }

  /** What becomes of the bytes between each of `from` and each of `to`, in that direction. */
  setLinks(from: readonly number[], to: readonly number[], state: LinkState, delayMs: number = 0): void {
    for (const a of from) {
      for (const b of to) {
        if (a === b) continue;
        this.#links.set(a, b, state, delayMs);
        this.#row(a)[b] = state === "open";
      }
    }
    this.#account();
  }

  /** Opens every link. Accounted before it happens, so that no answer through it looks forbidden. */
  healLinks(): void {
    for (const row of this.#passes) row.fill(true);
    this.#account();
    this.#links.heal();
  }

  /** Members that ended though nobody ended them, with the last of their logs. */
  unexpectedEnds(): readonly string[] {
    return this.cluster.nodes.flatMap((node, member) => {
      if (node.running || this.#alive[member] !== true) return [];
      return [`m${member} ended by itself:\n${readFileSync(node.logFile, "latin1").slice(-LOG_TAIL_CHARS)}`];
    });
  }

  /** Copies the members' logs into a folder, which is created. */
  saveLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const node of this.cluster.nodes) copyFileSync(node.logFile, join(folder, `${node.name}.log`));
  }

  async close(): Promise<void> {
    for (const api of this.#status) api.close();
    await this.cluster.close();
    await this.#links.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Noted before it is done: what breaks because of it breaks later. */
  #down(member: number): void {
    this.#disturb(member);
    this.#alive[member] = false;
  }

  #disturb(member: number): void {
    toggle(this.#timeline(member).down, true, performance.now());
    this.#serving[member] = false;
  }

  #up(member: number): void {
    this.#serving[member] = true;
    this.#account();
    toggle(this.#timeline(member).down, false, performance.now() + RECONNECT_MS);
  }

  #account(): void {
    const now = performance.now();
    for (const member of this.members) {
      toggle(this.#timeline(member).cutOff, !this.#reachesMajority(member, this.#alive), now);
    }
    const served = this.members.some((member) => this.#reachesMajority(member, this.#serving));
    toggle(this.outages, !served, now);
  }

  /** Whether some member that leads, itself included, could answer it and hear a majority. */
  #reachesMajority(member: number, present: readonly boolean[]): boolean {
    const connected = (a: number, b: number): boolean => {
      if (present[a] !== true || present[b] !== true) return false;
      return a === b || (this.#row(a)[b] === true && this.#row(b)[a] === true);
    };
    return this.members.some((leader) => {
      const heard = this.members.filter((other) => connected(leader, other));
      return connected(member, leader) && heard.length > this.size / 2;
    });
  }

  #row(member: number): boolean[] {
    const row = this.#passes[member];
    if (row === undefined) throw new Error(`no member ${member}`);
    return row;
  }

  #timeline(member: number): MemberTimeline {
    const timeline = this.timelines[member];
    if (timeline === undefined) throw new Error(`no member ${member}`);
    return timeline;
  }
}

/** How long clients may take to notice that a member is back. */
const RECONNECT_MS = 1500;
