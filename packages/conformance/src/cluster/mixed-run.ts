import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdCluster, type MemberOptions, SeededChoice } from "@quorate/testkit";
import type { SuiteReport } from "../suite-report.ts";
import { checkpoint } from "./checkpoint.ts";
import { type Disturbance, drawDisturbances, fullRound } from "./disturbances.ts";
import { MemberClients } from "./member-clients.ts";
import { MemberHistory } from "./member-history.ts";
import { findErrors } from "./member-log.ts";
import { RequestLanes } from "./request-lanes.ts";

export interface MixedOptions {
  readonly members: readonly MemberOptions[];
  /** What the members are, for the report. */
  readonly title: string;
  readonly requests: number;
  readonly seed: number;
  /** A folder that is to get a copy of each member's log. */
  readonly logs?: string | undefined;
  /** Told what is done as it is done. */
  readonly progress?: (line: string) => void;
}

const SEGMENT_REQUESTS_MAX = 1000;
const CHECKPOINT_EVERY_SEGMENTS = 5;
const FAILURES_MAX = 10;
/** Snapshots, and trimmed logs, while the run goes on. */
const FLAGS: readonly string[] = ["--snapshot-count=1000"];
/** etcd keeps 5,000 entries behind its newest snapshot for slow followers. */
const OUTAGE_WRITES = 7000;
const OUTAGE_CONCURRENCY = 64;
const ALARM_MS = 300;
/** More than etcd's 100 ms between two commits of its backend. */
const BACKEND_COMMIT_MS = 500;
const [ACTIVATE, DEACTIVATE, NO_SPACE] = [1, 2, 1];

/**
 * Random requests over all members of a cluster of different servers while every member in turn is made the leader, killed,
 * ended and kept away until only a snapshot can catch it up. Now and then, and at the end, the members must hold the same:
 * see `checkpoint`; each must have told the same history to a watch of all keys, and no log may have an error.
 */
export async function mixedRun(options: MixedOptions): Promise<SuiteReport> {
  const cluster = await EtcdCluster.start({
    members: options.members,
    medium: "memory",
    flags: FLAGS,
  });
  const run = new MixedRun(options, cluster);
  try {
    return await run.toEnd();
  } finally {
    run.close();
    await cluster.close();
  }
}

class MixedRun {
  readonly #options: MixedOptions;
  readonly #cluster: EtcdCluster;
  readonly #clients: MemberClients;
  readonly #lanes: RequestLanes;
  readonly #choice: SeededChoice;
  readonly #histories: readonly MemberHistory[];
  readonly #members: readonly number[];
  readonly #failures: string[] = [];
  readonly #led = new Set<number>();
  #checkpoints = 0;
  #disturbances = 0;

  constructor(options: MixedOptions, cluster: EtcdCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#clients = new MemberClients(cluster);
    this.#choice = new SeededChoice(options.seed);
    this.#lanes = new RequestLanes(this.#clients, new SeededChoice(options.seed + 1), options.requests);
    this.#members = options.members.map((_, index) => index);
    this.#histories = this.#members.map((member) => new MemberHistory(this.#clients.api(member)));
  }

  async toEnd(): Promise<SuiteReport> {
    const started = performance.now();
    try {
      await this.#segments();
    } catch (error) {
      this.#failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.#failures.push(...this.#lanes.failures.slice(0, FAILURES_MAX));
    for (const [i, history] of this.#histories.entries())
      this.#failures.push(...history.breaches.slice(0, 3).map((breach) => `watch on member ${i}: ${breach}`));
    this.#failures.push(...this.#logErrors());
    if (this.#options.logs !== undefined) this.#copyLogs(this.#options.logs);
    const seconds = (performance.now() - started) / 1000;
    const { sent, acknowledged, refused, unanswered } = this.#lanes.report;
    const leaders = [...this.#led].sort((a, b) => a - b).join();
    const figure =
      `${sent} requests (${acknowledged} acknowledged, ${refused} refused, ${unanswered} unanswered), ` +
      `${this.#disturbances} disturbances, leaders ${leaders}, ${this.#checkpoints} checkpoints, ` +
      `${this.#histories[0]?.events} events, ${seconds.toFixed(0)} s, seed ${this.#options.seed}`;
    return { suite: `mixed cluster, ${this.#options.title}`, figure, failures: this.#failures };
  }

  /** How often each request was answered how. */
  get coverage(): ReadonlyMap<string, number> {
    return this.#lanes.coverage;
  }

  close(): void {
    this.#lanes.close();
    for (const history of this.#histories) history.close();
    this.#clients.close();
  }

  async #segments(): Promise<void> {
    const { requests } = this.#options;
    const rounds = Math.max(fullRound(this.#members.length), Math.ceil(requests / SEGMENT_REQUESTS_MAX));
    const perSegment = Math.ceil(requests / rounds);
    this.#lanes.auth = await this.#clients.haveAuth(this.#members);
    for (const member of this.#members) {
      await this.#histories[member]?.open();
      this.#lanes.openMember(member);
    }
    for (const [i, disturbance] of drawDisturbances(this.#choice, this.#members.length, rounds).entries()) {
      this.#tell(`${i + 1}/${rounds} ${disturbance.kind} ${disturbance.member}`);
      await Promise.all([this.#lanes.run(perSegment), this.#disturb(disturbance)]);
      this.#disturbances += 1;
      this.#mustAllRun();
      if ((i + 1) % CHECKPOINT_EVERY_SEGMENTS === 0 || i + 1 === rounds) await this.#checkpoint();
      if (this.#failures.length + this.#lanes.failures.length > FAILURES_MAX) return;
    }
    const never = this.#members.filter((member) => !this.#led.has(member));
    if (never.length > 0) this.#failures.push(`members ${never.join()} never led`);
  }

  async #disturb(disturbance: Disturbance): Promise<void> {
    const { kind, member } = disturbance;
    if (kind === "lead") {
      await this.#clients.moveLeader(member);
      this.#led.add(member);
      return;
    }
    if (kind === "alarm") {
      await this.#raiseAlarm(member);
      return;
    }
    this.#lanes.closeMember(member);
    this.#histories[member]?.close();
    if (kind === "terminate") await this.#cluster.terminate(member);
    else await this.#cluster.kill(member);
    if (kind === "outage") await this.#writeMuch(member);
    await this.#cluster.restart(member);
    await this.#clients.api(member).ready();
    await this.#histories[member]?.open();
    this.#lanes.openMember(member);
  }

  /** Before its version is decided, a cluster of several releases may not agree on what a transaction costs. */
  async #raiseAlarm(member: number): Promise<void> {
    await Promise.all(this.#members.map((each) => this.#clients.untilVersionDecided(each)));
    const alarm = { memberID: await this.#clients.id(member), alarm: NO_SPACE };
    await this.#clients.patiently("Maintenance/Alarm", { ...alarm, action: ACTIVATE }, this.#members);
    await sleep(ALARM_MS);
    await this.#clients.patiently("Maintenance/Alarm", { ...alarm, action: DEACTIVATE }, this.#members);
    // A member of 3.4 stores the end of an alarm at once, how far it has come only with its next write to the key space: killed
    // in between it applies at its start what was refused under the alarm.
    await this.#clients.patiently("KV/Put", { key: Buffer.from("alarm"), value: Buffer.from("over") }, this.#members);
    await sleep(BACKEND_COMMIT_MS);
  }

  /** Small writes through the others, until the leader has forgotten what `away` saw last. */
  async #writeMuch(away: number): Promise<void> {
    const others = this.#members.filter((member) => member !== away);
    let written = 0;
    const write = async (lane: number): Promise<void> => {
      for (let turn = lane; written < OUTAGE_WRITES; turn++) {
        const api = this.#clients.api(others[turn % others.length] ?? 0);
        const key = Buffer.from(`outage/${lane}`);
        const put = await api.call("KV/Put", { key, value: Buffer.from(String(turn)) });
        if (put.ok) written += 1;
      }
    };
    await Promise.all(Array.from({ length: OUTAGE_CONCURRENCY }, (_, lane) => write(lane)));
  }

  async #checkpoint(): Promise<void> {
    const { revision, hash, failures } = await checkpoint(this.#clients, this.#members);
    this.#failures.push(...failures.map((failure) => `checkpoint at revision ${revision}: ${failure}`));
    await Promise.all(this.#histories.map((history) => history.reach(revision)));
    const [first, ...others] = this.#histories;
    for (const [i, history] of others.entries()) {
      const where = first?.difference(history, revision);
      if (where !== undefined) this.#failures.push(`histories of members 0 and ${i + 1} part at ${where}`);
    }
    this.#lanes.compactUpTo = revision;
    this.#checkpoints += 1;
    this.#tell(`checkpoint at revision ${revision}, hash ${hash}, ${failures.length} failures`);
  }

  #mustAllRun(): void {
    for (const member of this.#members) {
      const { exit } = this.#cluster.node(member).process;
      if (exit === undefined) continue;
      const log = this.#cluster.node(member).process.log().slice(-2000);
      throw new Error(`member ${member} ended by itself (${exit.signal ?? exit.code}):\n${log}`);
    }
  }

  #logErrors(): readonly string[] {
    return this.#members.flatMap((member) =>
      findErrors(this.#cluster.node(member).wholeLog())
        .slice(0, FAILURES_MAX)
        .map(({ line, count }) => `log of member ${member}, ${count} times: ${line}`),
    );
  }

  #copyLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const node of this.#cluster.nodes) copyFileSync(node.logFile, join(folder, `${node.name}.log`));
  }

  #tell(line: string): void {
    this.#options.progress?.(line);
  }
}
