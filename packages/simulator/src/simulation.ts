import { type Prng, SeededPrng } from "@quorate/base";
import type { Entry, HardState, Message } from "@quorate/raft";
import { MessageType } from "@quorate/raft";
import { Administrator } from "./administrator.ts";
import { Client, readNow, textOf } from "./client.ts";
import { HEALTHY_DISK } from "./disk.ts";
import { History } from "./history.ts";
import type { Observer } from "./host.ts";
import { Invariants } from "./invariants.ts";
import { Member, type MemberDeps } from "./member.ts";
import { type Mutation, NO_MUTATION } from "./mutations.ts";
import { type Moment, Nemesis } from "./nemesis.ts";
import { Network, PERFECT_LINKS } from "./network.ts";
import type { Process } from "./process.ts";
import { drawProfile, type Profile } from "./profile.ts";
import { type Figures, NODES_DEFAULT, type SimulationOptions, STEPS_DEFAULT } from "./run.ts";
import { Scheduler } from "./scheduler.ts";
import type { Image } from "./sim-backend.ts";
import { Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

const CLIENT_COUNT = 8;
/** A snapshot takes at least as long, and this much longer at most. */
const SNAPSHOT_MIN_US = 2000;
const SNAPSHOT_SPREAD_US = 30_000;
/** A sender gives up on a snapshot after this time, whether it arrives or not. */
const SNAPSHOT_PATIENCE_US = 25_000;
/** Clients go on for so long after the last fault. */
const CALM_US = 400_000;
/** Within this time after that all members agree. */
const SETTLE_US = 6_000_000;
const LEAVING_VISIT_US = 50_000;

/** A member that was removed, and has to stay until nobody can need it any more. */
interface Leaving {
  readonly member: Member;
  readonly index: number;
}

/** A cluster with its network, clients, administrator and faults. All of it follows from the seed. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #scheduler = new Scheduler();
  readonly trace: Trace;
  readonly #prng: Prng;
  readonly #profile: Profile;
  readonly #network: Network;
  readonly #nemesis: Nemesis;
  readonly #administrator: Administrator;
  readonly #clients: readonly Client[];
  readonly #invariants = new Invariants();
  readonly #history = new History();
  readonly #mutation: Mutation;
  readonly #machines = new Map<bigint, Member>();
  readonly #founders: readonly bigint[];
  readonly #images = new WeakMap<Message, Image>();
  #active: Member[] = [];
  #leaving: Leaving[] = [];
  #nextId = 1n;
  /** The newest leader's term, and what it had committed when it was elected. */
  #reign = { term: 0, committed: 0 };
  #restarts = 0;
  #confChanges = 0;
  steps = 0;

  constructor(options: SimulationOptions) {
    const { nodes = NODES_DEFAULT, seed } = options;
    this.#options = options;
    this.#mutation = options.mutation ?? NO_MUTATION;
    this.trace = new Trace(this.#scheduler, options.sink);
    this.#prng = new SeededPrng(seed);
    const prng = this.#prng;
    const profile = drawProfile(new SeededPrng(prng.u32()), nodes);
    this.#profile = profile;
    this.#network = new Network({
      scheduler: this.#scheduler,
      prng,
      deliver: (message) => this.#deliver(message),
      lost: (message) => this.#lost(message),
    });
    this.#network.quality = profile.links;
    this.#founders = Array.from({ length: profile.founderCount }, (_, i) => BigInt(i + 1));
    for (let i = 0; i < nodes; i++) this.#addMachine();
    const shared = { scheduler: this.#scheduler, prng, trace: this.trace, profile, members: () => this.#active };
    this.#nemesis = new Nemesis({ ...shared, network: this.#network });
    this.#administrator = new Administrator({ ...shared, nodes, addMachine: () => this.#addMachine() });
    const onAcknowledged = (member: Member): void => this.#nemesis.ambush("acknowledged", member);
    this.#clients = Array.from(
      { length: CLIENT_COUNT },
      (_, i) => new Client(i + 1, { ...shared, history: this.#history, thinkMs: profile.thinkMs, onAcknowledged }),
    );
    this.#visitLeaving();
  }

  get simulatedMs(): number {
    return this.#scheduler.nowUs / 1000;
  }

  figures(): Figures {
    const { committedMax, elections, hashesCompared, snapshotsInstalled } = this.#invariants;
    return {
      elections,
      committed: committedMax,
      writesAcknowledged: this.#history.writesAcknowledged,
      readsChecked: this.#history.readsChecked,
      hashesCompared,
      snapshotsInstalled,
      restarts: this.#restarts,
      confChanges: this.#confChanges,
    };
  }

  /** Faults, then calm, then quiet, then the last checks. */
  run(): void {
    const { steps = STEPS_DEFAULT } = this.#options;
    while (this.steps < steps) this.#step();
    this.#heal();
    this.#runFor(CALM_US);
    for (const client of this.#clients) client.stop();
    const deadlineUs = this.#scheduler.nowUs + SETTLE_US;
    while (!this.#agrees()) {
      if (this.#scheduler.nowUs > deadlineUs) throw new Violation("liveness", `no agreement: ${this.#describe()}`);
      this.#runFor(20_000);
    }
    this.#checkEnd();
  }

  #step(): void {
    this.steps++;
    this.#scheduler.step();
  }

  #runFor(durationUs: number): void {
    const untilUs = this.#scheduler.nowUs + durationUs;
    while (this.#scheduler.nowUs < untilUs) this.#step();
  }

  #heal(): void {
    this.trace.record("heal");
    this.#network.quality = PERFECT_LINKS;
    this.#administrator.stop();
    for (const member of this.#active) member.disk.speed = HEALTHY_DISK;
    this.#nemesis.stop();
  }

  #addMachine(): Member {
    const id = this.#nextId++;
    const { prng } = this;
    const deps: MemberDeps = {
      scheduler: this.#scheduler,
      prng,
      tuning: this.#profile.tuning,
      planted: this.#mutation.ports,
      founders: this.#founders.includes(id) ? this.#founders : undefined,
      observer: this.#observer(id),
      sendMessages: (messages) => {
        for (const message of messages) this.#network.send(message);
      },
      sendSnapshot: (message, image) => this.#sendSnapshot(message, image),
      onStep: (process) => {
        this.#invariants.observe(process);
        if (process.raft.role === "leader") this.#watchReign(process);
      },
      onEnd: (process) => this.#invariants.ended(process),
    };
    const member = new Member(id, deps);
    member.disk.speed = this.#profile.disk;
    this.#machines.set(id, member);
    this.#active = [...this.#active, member];
    member.start();
    return member;
  }

  /** Notices the first commit of a leader. */
  #watchReign({ id, raft }: Process): void {
    if (raft.term > this.#reign.term) this.#reign = { term: raft.term, committed: raft.committed };
    if (raft.term < this.#reign.term || raft.committed <= this.#reign.committed) return;
    this.#reign = { term: raft.term, committed: Number.POSITIVE_INFINITY };
    this.#nemesis.ambush("firstCommit", this.#machine(id));
  }

  get prng(): Prng {
    return this.#prng;
  }

  #observer(id: bigint): Observer {
    const invariants = this.#invariants;
    const ambush = (moment: Moment): void => this.#nemesis.ambush(moment, this.#machine(id));
    let role = "";
    return {
      started: (process) => {
        this.#restarts++;
        role = "";
        invariants.started(process);
      },
      logAppended: (process, entries, hardState) => {
        this.#traceAppend(process, entries, hardState);
        invariants.appended(process, entries);
        if (hardState !== undefined && hardState.vote !== 0n && entries.length === 0) ambush("voted");
        if (process.raft.role === "leader") ambush(role === "leader" ? "appended" : "elected");
        role = process.raft.role;
      },
      entryApplied: (process, entry) => invariants.applied(process, entry),
      revisionMade: (process, revision, changes) => this.#history.revisionMade(process.id, revision, changes, textOf),
      stateReplaced: (process) => {
        this.trace.record("installed", Number(id), process.appliedIndex);
        invariants.replaced(process);
      },
      snapshotFrozen: (process) => {
        invariants.frozen(process);
        ambush("snapshot");
      },
      confChanged: (process) => this.#confChanged(process),
    };
  }

  #machine(id: bigint): Member {
    return this.#machines.get(id) as Member;
  }

  #traceAppend(process: Process, entries: readonly Entry[], hardState: HardState | undefined): void {
    const first = entries[0];
    this.trace.record("write", Number(process.id), first?.index ?? 0, entries.length, hardState?.term ?? 0);
  }

  #confChanged(process: Process): void {
    this.#confChanges++;
    const { voters, learners } = process.raft.confState;
    this.trace.record("configuration", Number(process.id), process.appliedIndex, voters.length, learners.length);
    this.#nemesis.ambush("reconfigured", this.#machine(process.id));
    const member = this.#machine(process.id);
    if (process.membership.isRemoved(process.id) && !this.#leaving.some((leaving) => leaving.member === member)) {
      this.#leaving.push({ member, index: process.appliedIndex });
    }
  }

  /** A removed member ends once all others know for good: before that its vote may be needed for them to find out. */
  #visitLeaving(): void {
    this.#scheduler.after(LEAVING_VISIT_US, () => {
      for (const leaving of this.#leaving) this.#retireIfKnown(leaving);
      this.#leaving = this.#leaving.filter(({ member }) => !member.isRetired);
      this.#visitLeaving();
    });
  }

  #retireIfKnown({ index, member }: Leaving): void {
    const others = this.#active.filter((other) => !this.#leaving.some((leaving) => leaving.member === other));
    if (others.some(({ disk }) => !disk.isBlank && disk.durableCommit < index)) return;
    this.trace.record("retire", Number(member.id));
    member.retire();
    this.#active = this.#active.filter((other) => other !== member);
  }

  #sendSnapshot(message: Message, image: Image): void {
    const { prng } = this;
    this.#images.set(message, image);
    let isReported = false;
    const report = (outcome: "delivered" | "failed"): void => {
      if (isReported) return;
      isReported = true;
      this.#machine(message.from).enter((process) => process.replica.reportSnapshot(message.to, outcome));
    };
    this.#snapshotReports.set(message, report);
    this.#scheduler.after(SNAPSHOT_PATIENCE_US, () => report("failed"));
    this.#network.send(message, SNAPSHOT_MIN_US + prng.below(SNAPSHOT_SPREAD_US));
  }

  readonly #snapshotReports = new WeakMap<Message, (outcome: "delivered" | "failed") => void>();

  #deliver(message: Message): void {
    const { from, index, term, to, type } = message;
    this.trace.record(`deliver ${type}`, Number(from), Number(to), term, index);
    const member = this.#machines.get(to);
    if (member === undefined || member.process === undefined) {
      this.#lost(message);
      return;
    }
    member.enter((process) => {
      // A member that knows of the sender's removal does not listen to it any more.
      if (process.membership.isRemoved(from)) return;
      if (type !== MessageType.Snap) {
        process.replica.step(message);
        return;
      }
      process.receiveSnapshot(message, this.#images.get(message) as Image);
      this.#snapshotReports.get(message)?.("delivered");
    });
  }

  #lost(message: Message): void {
    if (message.type === MessageType.Snap) {
      this.#snapshotReports.get(message)?.("failed");
      return;
    }
    this.#machines.get(message.from)?.enter((process) => process.replica.reportUnreachable(message.to));
  }

  /** Whether there is a leader, and everybody who belongs to the cluster has applied all it has. */
  #agrees(): boolean {
    const leader = this.#leader();
    if (leader === undefined) return false;
    const { confState, lastIndex } = leader.raft;
    if (leader.appliedIndex !== lastIndex || leader.membership.isRemoved(leader.id)) return false;
    const ids = [...confState.voters, ...confState.learners];
    return ids.every((id) => {
      const process = this.#machines.get(id)?.process;
      return process !== undefined && process.appliedIndex === lastIndex && !process.replica.isInstalling;
    });
  }

  #leader(): Process | undefined {
    let newest: Process | undefined;
    for (const { process } of this.#active) {
      if (process?.raft.role === "leader" && process.raft.term > (newest?.raft.term ?? 0)) newest = process;
    }
    return newest;
  }

  #checkEnd(): void {
    const leader = this.#leader() as Process;
    for (const id of [...leader.raft.confState.voters, ...leader.raft.confState.learners]) {
      const process = this.#machine(id).process as Process;
      this.#invariants.compareNow(process);
      this.#history.checkFinal(id, process.store.revision, (key) => readNow(process, key).value);
    }
    this.trace.record("end", leader.appliedIndex, leader.store.revision);
  }

  #describe(): string {
    return this.#active
      .map(({ id, process }) => {
        if (process === undefined) return `${id} is down`;
        const { committed, lastIndex, role, term, vote, confState, peers } = process.raft.status();
        const progress = peers.map((peer) => `${peer.id} ${peer.state} ${peer.match}/${peer.next}`).join(", ");
        const conf = `voters ${confState.voters.join()} learners ${confState.learners.join()}`;
        return `${id} ${role} term ${term} vote ${vote} applied ${process.appliedIndex}/${committed}/${lastIndex} ${conf} (${progress})`;
      })
      .join("; ");
  }
}
