import type { Prng } from "@quorate/base";
import { ConfChangeType } from "@quorate/raft";
import { memberJson, promotionJson } from "@quorate/server/core";
import type { Member } from "./member.ts";
import { LEARNERS_MAX, memberNamed, type Process } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** There are no fewer voters than this when one is removed. */
const VOTERS_MIN = 3;

export interface AdministratorDeps {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly trace: Trace;
  readonly profile: Profile;
  readonly nodes: number;
  readonly members: () => readonly Member[];
  /** Sets up a machine that is to join. */
  readonly addMachine: () => Member;
}

const NOBODY_WAITS = { applied: (): void => {}, failed: (): void => {} };

/** Changes the membership and moves the leadership now and then, without waiting for one change to be done before the next. */
export class Administrator {
  readonly #deps: AdministratorDeps;
  #active = true;

  constructor(deps: AdministratorDeps) {
    this.#deps = deps;
    const { faults } = deps.profile;
    this.#often(faults.reconfigureMs, () => this.#reconfigure());
    this.#often(faults.transferMs, () => this.#transfer());
  }

  stop(): void {
    this.#active = false;
  }

  #reconfigure(): void {
    const { prng, profile } = this.#deps;
    const member = this.#leader() ?? this.#anyone();
    const count = profile.reconfiguresInBursts ? 2 + prng.below(2) : 1;
    member?.enter((process) => {
      for (let i = 0; i < count; i++) this.#change(process);
    });
  }

  #change(process: Process): void {
    const { nodes, prng } = this.#deps;
    const list = process.membership.list();
    const voters = list.filter(({ isLearner }) => !isLearner).map(({ id }) => id);
    const learners = list.filter(({ isLearner }) => isLearner).map(({ id }) => id);
    if (list.length === 0) return;
    const dice = prng.below(10);
    if (list.length < nodes && learners.length < LEARNERS_MAX && dice < 6) this.#addLearner(process);
    else if (learners.length > 0 && dice < 4) this.#promote(process, pick(prng, learners));
    else if (learners.length > 0 && dice < 5) this.#remove(process, pick(prng, learners));
    else if (voters.length > VOTERS_MIN && dice < 9) this.#remove(process, pick(prng, voters));
    else if (learners.length < LEARNERS_MAX && list.length < nodes + 2) this.#addLearner(process);
  }

  #addLearner(process: Process): void {
    const machine = this.#deps.addMachine();
    this.#deps.trace.record("add learner", Number(process.id), Number(machine.id));
    const context = memberJson(memberNamed(machine.id, true));
    process.proposeConfChange(ConfChangeType.AddLearnerNode, machine.id, context, NOBODY_WAITS);
  }

  #promote(process: Process, id: bigint): void {
    this.#deps.trace.record("promote", Number(process.id), Number(id));
    process.proposeConfChange(ConfChangeType.AddNode, id, promotionJson(id), NOBODY_WAITS);
  }

  #remove(process: Process, id: bigint): void {
    this.#deps.trace.record("remove", Number(process.id), Number(id));
    process.proposeConfChange(ConfChangeType.RemoveNode, id, new Uint8Array(0), NOBODY_WAITS);
  }

  #transfer(): void {
    const { prng, trace } = this.#deps;
    this.#leader()?.enter((process) => {
      const target = pick(prng, process.raft.confState.voters);
      trace.record("transfer", Number(process.id), Number(target));
      process.replica.transferLeader(target, () => {});
    });
  }

  #leader(): Member | undefined {
    const leaders = this.#deps.members().filter(({ process }) => process?.replica.isLeader === true);
    return leaders[this.#deps.prng.below(Math.max(1, leaders.length))];
  }

  #anyone(): Member | undefined {
    const running = this.#deps.members().filter(({ process }) => process !== undefined);
    return running[this.#deps.prng.below(Math.max(1, running.length))];
  }

  #often(averageMs: number, run: () => void): void {
    const { prng, scheduler } = this.#deps;
    scheduler.after(prng.below(2000 * averageMs), () => {
      if (!this.#active) return;
      run();
      this.#often(averageMs, run);
    });
  }
}

function pick<T>(prng: Prng, from: readonly T[]): T {
  return from[prng.below(from.length)] as T;
}
