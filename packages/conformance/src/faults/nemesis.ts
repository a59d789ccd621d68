import { setTimeout as sleep } from "node:timers/promises";
import type { SeededChoice } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import type { FaultyCluster } from "./faulty-cluster.ts";

/** How often each fault is drawn. Those that leave no majority come last. */
const WEIGHTS = {
  kill: 4,
  "kill leader": 4,
  "terminate leader": 2,
  pause: 3,
  "pause leader": 4,
  isolate: 3,
  "isolate leader": 4,
  "cut off leader": 2,
  deaf: 2,
  "deaf leader": 3,
  mute: 2,
  "mute leader": 3,
  bridge: 3,
  slow: 2,
  "move leader": 2,
  "kill majority": 2,
  "pause majority": 2,
  "split all": 3,
  "kill all": 1,
} as const;

export type FaultKind = keyof typeof WEIGHTS;

/** Longer than a request may wait, so that clients are told of the lost majority. */
const WITHOUT_MAJORITY_MS = [8_500, 11_000] as const;
const FAULT_MS = [2_000, 7_000] as const;
const CALM_MS = [1_500, 4_000] as const;
const SLOW_MS = [20, 150] as const;

/** Applies one fault after the other to a cluster, each for some seconds, and heals it in between. */
export class Nemesis {
  readonly #cluster: FaultyCluster;
  readonly #choice: SeededChoice;
  readonly #log: (text: string) => void;
  readonly #only: readonly FaultKind[];
  readonly counts: Map<FaultKind, number> = new Map();

  /** `only` restricts the faults; empty for all of them. */
  constructor(cluster: FaultyCluster, choice: SeededChoice, only: readonly FaultKind[], log: (text: string) => void) {
    this.#cluster = cluster;
    this.#choice = choice;
    this.#only = only;
    this.#log = log;
  }

  /** Goes on until `until` (monotonic clock), then leaves everything healed. */
  async run(until: number): Promise<void> {
    await sleep(this.#between(CALM_MS));
    while (performance.now() < until) {
      const kind = this.#only.length > 0 ? this.#choice.pick(this.#only) : this.#choice.weighted(WEIGHTS);
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      await this.#inflict(kind);
      await sleep(this.#between(CALM_MS));
    }
  }

  async #inflict(kind: FaultKind): Promise<void> {
    const victims = await this.#victims(kind);
    const others = this.#cluster.members.filter((member) => !victims.includes(member));
    const lost = victims.length > this.#cluster.size / 2 || kind === "split all";
    const forMs = this.#between(lost ? WITHOUT_MAJORITY_MS : FAULT_MS);
    this.#log(`${kind}: ${victims.map((member) => `m${member}`).join(" ")}, ${(forMs / 1000).toFixed(1)} s`);
    const heal = await this.#start(kind, victims, others);
    await sleep(forMs);
    await heal();
    this.#log("healed");
  }

  async #victims(kind: FaultKind): Promise<readonly number[]> {
    const { members, size } = this.#cluster;
    const minority = Math.ceil(size / 2) - 1;
    if (kind === "kill all" || kind === "split all") return members;
    if (kind === "kill majority" || kind === "pause majority") return this.#some(members, minority + 1);
    const leader = kind.endsWith("leader") ? await this.#cluster.leader() : undefined;
    const count = this.#choice.between(1, Math.max(1, minority));
    if (leader === undefined) return this.#some(members, kind === "bridge" || kind === "slow" ? 1 : count);
    // Some companions of the leader, so that five members lose two of them now and then.
    return [
      leader,
      ...this.#some(
        members.filter((member) => member !== leader),
        kind === "move leader" ? 0 : count - 1,
      ),
    ];
  }

  /** Begins the fault and returns what ends it. */
  async #start(kind: FaultKind, victims: readonly number[], others: readonly number[]): Promise<() => Promise<void>> {
    const cluster = this.#cluster;
    const healLinks = async (): Promise<void> => cluster.healLinks();
    switch (kind) {
      case "kill":
      case "kill leader":
      case "kill majority":
      case "kill all":
        await Promise.all(victims.map((member) => cluster.kill(member)));
        return () => cluster.restart(victims);
      case "terminate leader":
        await Promise.all(victims.map((member) => cluster.terminate(member)));
        return () => cluster.restart(victims);
      case "pause":
      case "pause leader":
      case "pause majority":
        for (const member of victims) cluster.pause(member);
        return async () => victims.forEach((member) => cluster.resume(member));
      case "isolate":
      case "isolate leader":
        cluster.setLinks(victims, others, "held");
        cluster.setLinks(others, victims, "held");
        return healLinks;
      case "cut off leader":
        cluster.setLinks(victims, others, "cut");
        cluster.setLinks(others, victims, "cut");
        return healLinks;
      case "deaf":
      case "deaf leader":
        cluster.setLinks(others, victims, "held");
        return healLinks;
      case "mute":
      case "mute leader":
        cluster.setLinks(victims, others, "held");
        return healLinks;
      case "split all":
        cluster.setLinks(victims, victims, "held");
        return healLinks;
      case "bridge": {
        const end = [this.#choice.pick(others)];
        cluster.setLinks(victims, end, "held");
        cluster.setLinks(end, victims, "held");
        return healLinks;
      }
      case "slow":
        cluster.setLinks(victims, others, "open", this.#between(SLOW_MS));
        cluster.setLinks(others, victims, "open", this.#between(SLOW_MS));
        return healLinks;
      case "move leader":
        await this.#moveLeader(victims[0], this.#choice.pick(others));
        return async () => {};
    }
  }

  async #moveLeader(from: number | undefined, to: number): Promise<void> {
    const { endpoints } = this.#cluster.cluster;
    const [source, target] = [endpoints[from ?? -1], endpoints[to]];
    if (source === undefined || target === undefined) return;
    using leader = new EtcdApi(source);
    using successor = new EtcdApi(target);
    const status = await successor.call("Maintenance/Status", {}, 2000);
    if (!status.ok) return;
    const { member_id } = status.response["header"] as { member_id: string };
    // Refused when the leader has changed meanwhile: then it did move.
    const moved = await leader.call("Maintenance/MoveLeader", { targetID: member_id }, 8000);
    if (!moved.ok) this.#log(`move leader: ${moved.message}`);
  }

  #some(members: readonly number[], count: number): readonly number[] {
    const left = [...members];
    const chosen: number[] = [];
    while (chosen.length < count && left.length > 0) chosen.push(...left.splice(this.#choice.below(left.length), 1));
    return chosen.sort((a, b) => a - b);
  }

  #between([low, high]: readonly [number, number]): number {
    return this.#choice.between(low, high);
  }
}

/** The names of all faults. */
export const FAULT_KINDS: readonly FaultKind[] = Object.keys(WEIGHTS) as FaultKind[];
