import { setTimeout as sleep } from "node:timers/promises";
import type { RunningMember } from "./member-directory.ts";

const EVERY_MS = 100;
const CALL_DEADLINE_MS = 1500;
/** A voter set without its quorum is a breach once this many looks in a row saw it: one may fall between two answers. */
const LOOKS_IN_A_ROW = 3;

/** A member as etcd lists it. */
export interface ListedMember {
  readonly id: string;
  /** Empty until its server has started. */
  readonly name: string;
  readonly isLearner: boolean;
}

/** One look at a cluster. */
export interface MembershipLook {
  readonly atMs: number;
  /** Undefined when no member answered with a quorum. */
  readonly list: readonly ListedMember[] | undefined;
  /** IDs of the members that answered at all. */
  readonly alive: ReadonlySet<string>;
  readonly clusterIds: ReadonlySet<string>;
  readonly leader: string | undefined;
}

/**
 * Looks at a cluster ten times a second and notes what must never be: two cluster IDs, two membership changes at once, a voter
 * set whose quorum does not run. `figures` counts what is of interest besides.
 */
export class MembershipWatch {
  readonly #members: () => readonly RunningMember[];
  readonly #breaches = new Set<string>();
  readonly #sizes: number[] = [];
  #loop: Promise<void> | undefined;
  #isStopped = false;
  #allowsLoss = false;
  #lossLooks = 0;
  #last: MembershipLook | undefined;
  #leader: string | undefined;
  #leaderChanges = 0;
  #changes = 0;
  #clusterId: string | undefined;

  constructor(members: () => readonly RunningMember[]) {
    this.#members = members;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** What was seen that must never be. */
  get breaches(): readonly string[] {
    return [...this.#breaches];
  }

  get figures(): { readonly changes: number; readonly leaderChanges: number; readonly sizes: readonly number[] } {
    return { changes: this.#changes, leaderChanges: this.#leaderChanges, sizes: this.#sizes };
  }

  get last(): MembershipLook | undefined {
    return this.#last;
  }

  /** From now on members may be away, as while a cluster sleeps or a test kills them; false: no longer. */
  allowLoss(allowed: boolean): void {
    this.#allowsLoss = allowed;
    this.#lossLooks = 0;
  }

  /** The cluster may have another ID from now on, once: it is being restored. */
  allowNewCluster(): void {
    this.#clusterId = undefined;
    this.#last = undefined;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    const start = performance.now();
    while (!this.#isStopped) {
      this.#take(await lookAt(this.#members(), performance.now() - start));
      await sleep(EVERY_MS);
    }
  }

  #take(look: MembershipLook): void {
    for (const id of look.clusterIds) {
      this.#clusterId ??= id;
      if (id !== this.#clusterId) this.#breach(look, `cluster ${id} beside ${this.#clusterId}`);
    }
    if (look.leader !== undefined && look.leader !== this.#leader) {
      if (this.#leader !== undefined) this.#leaderChanges += 1;
      this.#leader = look.leader;
    }
    if (look.list !== undefined) {
      for (const problem of membershipProblems(this.#last?.list, look.list)) this.#breach(look, problem);
      if (this.#last?.list !== undefined && describe(this.#last.list) !== describe(look.list)) this.#changes += 1;
      const voters = look.list.filter(({ isLearner }) => !isLearner).length;
      if (this.#sizes.at(-1) !== voters) this.#sizes.push(voters);
    }
    this.#checkQuorum(look);
    this.#last = { ...look, list: look.list ?? this.#last?.list };
  }

  #checkQuorum(look: MembershipLook): void {
    const voters = (look.list ?? this.#last?.list ?? []).filter(({ isLearner }) => !isLearner);
    const alive = voters.filter(({ id }) => look.alive.has(id)).length;
    const hasQuorum = voters.length === 0 || alive >= Math.floor(voters.length / 2) + 1;
    this.#lossLooks = hasQuorum || this.#allowsLoss ? 0 : this.#lossLooks + 1;
    if (this.#lossLooks === LOOKS_IN_A_ROW) this.#breach(look, `${alive} of ${voters.length} voters run`);
  }

  #breach(look: MembershipLook, text: string): void {
    if (this.#breaches.size < 20) this.#breaches.add(`at ${Math.round(look.atMs)} ms: ${text}`);
  }
}

/**
 * What is wrong with a member list that follows another: more than one change at once, or a change begun before the one
 * before it has ended (a learner or a member that has not started yet is a change that has not ended).
 */
export function membershipProblems(
  before: readonly ListedMember[] | undefined,
  after: readonly ListedMember[],
): readonly string[] {
  const problems: string[] = [];
  const open = after.filter(({ name, isLearner }) => name === "" || isLearner);
  if (open.length > 1) problems.push(`${open.length} members join at once: ${describe(after)}`);
  if (before === undefined) return problems;
  const old = new Map(before.map((member) => [member.id, member]));
  const now = new Map(after.map((member) => [member.id, member]));
  const added = after.filter(({ id }) => !old.has(id)).length;
  const removed = before.filter(({ id }) => !now.has(id)).length;
  const promoted = after.filter(({ id, isLearner }) => old.get(id)?.isLearner === true && !isLearner).length;
  if (added + removed + promoted > 1) problems.push(`${describe(before)} became ${describe(after)} at once`);
  return problems;
}

function describe(list: readonly ListedMember[]): string {
  const words = list.map(({ id, name, isLearner }) => `${name === "" ? id : name}${isLearner ? " (learner)" : ""}`);
  return `[${words.sort((a, b) => (a < b ? -1 : 1)).join(", ")}]`;
}

/** Asks all members that run at once. */
export async function lookAt(members: readonly RunningMember[], atMs: number): Promise<MembershipLook> {
  const alive = new Set<string>();
  const clusterIds = new Set<string>();
  const leaders = new Map<string, number>();
  const statuses = members.map(async ({ api }) => {
    const outcome = await api.call("Maintenance/Status", {}, CALL_DEADLINE_MS);
    if (!outcome.ok) return;
    const { header, leader } = outcome.response as unknown as StatusAnswer;
    alive.add(header.member_id);
    clusterIds.add(header.cluster_id);
    if (leader !== "0") leaders.set(leader, (leaders.get(leader) ?? 0) + 1);
  });
  const lists = members.map(async ({ api }) => {
    const outcome = await api.call("Cluster/MemberList", { linearizable: true }, CALL_DEADLINE_MS);
    if (!outcome.ok) throw new Error("no list");
    return (outcome.response as unknown as ListAnswer).members.map(({ ID, name, isLearner }) => ({
      id: ID,
      name,
      isLearner,
    }));
  });
  const [list] = await Promise.all([Promise.any(lists).catch(() => undefined), Promise.all(statuses)]);
  const leader = [...leaders].sort(([, a], [, b]) => b - a)[0]?.[0];
  return { atMs, list, alive, clusterIds, leader };
}

interface StatusAnswer {
  readonly header: { readonly member_id: string; readonly cluster_id: string };
  readonly leader: string;
}

interface ListAnswer {
  readonly members: readonly { readonly ID: string; readonly name: string; readonly isLearner: boolean }[];
}
