import { SeededPrng, utf8Bytes, utf8Text } from "@quorate/base";
import { type Message, MessageType, type RaftConfigInput } from "@quorate/raft";

import { encodeChange, parseChange } from "./change-text.ts";
import { Member } from "./member.ts";
import { SafetyChecker } from "./safety-checker.ts";

export interface ScheduleOptions {
  readonly seed: number;
  readonly members: number;
  readonly steps: number;
  readonly config?: Partial<RaftConfigInput>;
  /** Change the membership as well. */
  readonly reconfigure?: boolean;
}

const NETWORK_MAX = 200;

/** What can happen to a member, and how often it does on average. Each schedule bends the weights: some have hardly a crash,
 * some a disk that lags far behind, some a network that is cut most of the time. Uniform schedules find far less. */
const ACTIONS: readonly { name: string; weight: number; run: (cluster: RandomCluster, member: Member) => void }[] = [
  { name: "deliver", weight: 350, run: (cluster) => cluster.deliver() },
  { name: "process", weight: 230, run: (cluster, member) => cluster.process(member) },
  { name: "persist", weight: 170, run: (_, member) => member.persist(1) },
  { name: "tick", weight: 100, run: (_, member) => member.node.tick() },
  { name: "propose", weight: 60, run: (cluster, member) => cluster.propose(member) },
  { name: "read", weight: 30, run: (cluster, member) => cluster.read(member) },
  { name: "cut", weight: 8, run: (cluster) => cluster.flipCut() },
  { name: "crash", weight: 10, run: (cluster, member) => cluster.crash(member) },
  { name: "blackout", weight: 2, run: (cluster) => cluster.blackout() },
  { name: "transfer", weight: 6, run: (cluster, member) => cluster.transfer(member) },
  { name: "snapshot", weight: 8, run: (cluster, member) => cluster.snapshot(member) },
  { name: "unreachable", weight: 4, run: (cluster, member) => cluster.unreachable(member) },
  { name: "forget", weight: 3, run: (_, member) => member.node.forgetLeader() },
  { name: "campaign", weight: 4, run: (_, member) => member.node.campaign() },
  { name: "reconfigure", weight: 10, run: (cluster, member) => cluster.reconfigure(member) },
];
/** What a schedule may multiply a weight with, in quarters. */
const BENDS: readonly number[] = [0, 1, 2, 4, 4, 8, 16];
/** These keep a minimum, or nothing would come about at all. */
const VITAL: ReadonlySet<string> = new Set(["deliver", "process", "persist", "tick", "propose"]);

/** A cluster on which, step by step, something random happens. The seed decides everything. */
export class RandomCluster {
  readonly checker: SafetyChecker = new SafetyChecker();
  readonly members: Member[] = [];
  readonly #prng: SeededPrng;
  readonly #options: ScheduleOptions;
  #network: Message[] = [];
  /** Pairs that cannot reach each other at the moment, in this direction. */
  readonly #cut = new Set<string>();
  /** What anybody had applied when a read was asked for. */
  readonly #reads = new Map<string, number>();
  readonly #weights = new Map<string, number>();
  #weightTotal = 0;
  #proposed = 0;
  readsAnswered = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#prng = new SeededPrng(options.seed);
    for (const { name, weight } of ACTIONS) {
      const bend = this.#pick(VITAL.has(name) ? BENDS.slice(2, 6) : BENDS);
      const bent = name === "reconfigure" && options.reconfigure !== true ? 0 : weight * bend;
      this.#weights.set(name, bent);
      this.#weightTotal += bent;
    }
    const ids = Array.from({ length: options.members }, (_, i) => BigInt(i + 1));
    for (const id of ids) {
      const member = this.#addMember(id);
      member.bootstrap(ids);
    }
  }

  #addMember(id: bigint): Member {
    const member = new Member({
      config: { electionTicks: 5, maxInflightMsgs: 4, maxSizePerMsg: 60, ...this.#options.config, id },
      prng: new SeededPrng(this.#prng.u32()),
      onApply: (entry) => this.checker.applied(id, entry),
    });
    this.members.push(member);
    return member;
  }

  /** Runs the schedule, then heals everything and expects the cluster to work again. */
  run(): void {
    for (let i = 0; i < this.#options.steps; i++) {
      const member = this.#pick(this.members);
      this.#act(member);
      this.checker.observe(member);
    }
    this.#heal();
  }

  #act(member: Member): void {
    let dice = this.#prng.below(this.#weightTotal);
    for (const action of ACTIONS) {
      dice -= this.#weights.get(action.name) as number;
      if (dice < 0) {
        action.run(this, member);
        return;
      }
    }
  }

  process(member: Member): void {
    if (!member.node.hasReady()) return;
    const before = member.appliedIndex;
    const ready = member.takeReady();
    if (member.appliedIndex < before) throw new Error(`member ${member.id} applied backwards`);
    this.checker.ready(member, ready);
    for (const message of ready.messages) this.#network.push(this.#asSent(member, message));
    for (const { index, context } of ready.readStates) this.#checkRead(index, utf8Text(context));
    while (this.#network.length > NETWORK_MAX) this.#lose(this.#prng.below(this.#network.length));
  }

  /** Hosts may send a newer snapshot than the one that raft names: that of the state machine as it is. */
  #asSent(member: Member, message: Message): Message {
    const { node, storage, appliedIndex } = member;
    if (message.type !== MessageType.Snap || message.snapshot === undefined || this.#prng.below(2) === 0)
      return message;
    const term = storage.term(appliedIndex);
    if (node.term !== message.term || typeof term !== "number" || appliedIndex < message.snapshot.index) return message;
    const snapshot = { ...message.snapshot, index: appliedIndex, term, confState: node.confState };
    return { ...message, snapshot };
  }

  deliver(): void {
    if (this.#network.length === 0) return;
    const at = this.#prng.below(this.#network.length);
    const message = this.#network[at] as Message;
    if (this.#prng.below(100) < 8 || this.#cut.has(`${message.from}>${message.to}`)) {
      this.#lose(at);
      return;
    }
    // Some are delivered and stay on their way, to arrive again.
    if (this.#prng.below(100) >= 5) this.#network.splice(at, 1);
    this.#hand(message);
  }

  #hand(message: Message): void {
    const receiver = this.members.find((member) => member.id === message.to);
    if (receiver === undefined) return;
    receiver.node.step(message);
    this.checker.observe(receiver);
    if (message.type === MessageType.Snap) this.#reportSnapshot(message, "delivered");
  }

  #lose(at: number): void {
    const [message] = this.#network.splice(at, 1);
    if (message?.type === MessageType.Snap) this.#reportSnapshot(message, "failed");
  }

  #reportSnapshot(message: Message, outcome: "delivered" | "failed"): void {
    this.members
      .find((member) => member.id === message.from)
      ?.node.reportSnapshot(message.to, outcome, message.snapshot?.index);
  }

  #payloads(): Uint8Array[] {
    const count = 1 + this.#prng.below(3);
    return Array.from({ length: count }, () => utf8Bytes(`p${++this.#proposed}`));
  }

  read(member: Member): void {
    const key = `r${this.#reads.size}`;
    this.#reads.set(key, this.checker.appliedMax);
    member.node.readIndex(utf8Bytes(key));
  }

  #checkRead(index: number, key: string): void {
    const expected = this.#reads.get(key) as number;
    if (index < expected) throw new Error(`linearizable read: ${key} got ${index}, but ${expected} was applied before`);
    this.readsAnswered++;
  }

  flipCut(): void {
    if (this.#cut.size > 0 && this.#prng.below(2) === 0) {
      this.#cut.clear();
      return;
    }
    const cutOff = this.#pick(this.members);
    const oneWay = this.#prng.below(3) === 0;
    for (const other of this.members) {
      if (this.#prng.below(3) === 0) continue;
      this.#cut.add(`${cutOff.id}>${other.id}`);
      if (!oneWay) this.#cut.add(`${other.id}>${cutOff.id}`);
    }
  }

  propose(member: Member): void {
    member.node.propose(this.#payloads());
  }

  transfer(member: Member): void {
    member.node.transferLeader(this.#pick(this.members).id);
  }

  unreachable(member: Member): void {
    member.node.reportUnreachable(this.#pick(this.members).id);
  }

  snapshot(member: Member): void {
    member.snapshot(this.#prng.below(4));
  }

  crash(member: Member): void {
    member.crash(this.#prng.below(member.inFlight.length + 1));
  }

  /** The power fails for all at once. */
  blackout(): void {
    for (const member of this.members) this.crash(member);
  }

  reconfigure(member: Member): void {
    const id = BigInt(1 + this.#prng.below(this.#options.members + 2));
    if (!this.members.some((known) => known.id === id)) this.#addMember(id);
    const other = BigInt(1 + this.#prng.below(this.#options.members));
    const texts = [`v${id}`, `l${id}`, `r${id}`, `v${id} r${other}`, `explicit l${id} v${other}`, ""];
    const text = texts[this.#prng.below(texts.length)] as string;
    const single = !text.includes(" ") && text !== "";
    member.node.proposeConfChange(encodeChange(text), parseChange(text), single ? 1 : 2);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#prng.below(from.length)] as T;
  }

  /** No more faults: the members elect a leader, and all who belong to the cluster apply the same log to its end. */
  #heal(): void {
    this.#cut.clear();
    for (let round = 0; round < 400; round++) {
      for (const member of this.members) {
        member.node.tick();
        this.#settle();
      }
      if (round % 50 === 20) {
        const leader = this.#leader();
        if (leader?.node.confState.votersOutgoing.length) {
          leader.node.proposeConfChange(encodeChange(""), parseChange(""), 2);
        }
        // A leader that removed itself goes on until its host hands over.
        const successor = leader?.node.confState.voters.find((id) => id !== leader.id);
        if (successor !== undefined && leader?.node.confState.voters.includes(leader.id) === false) {
          leader.node.transferLeader(successor);
          this.#settle();
        }
        leader?.node.propose([utf8Bytes(`end${round}`)]);
        this.#settle();
      }
      if (round > 30 && this.#converged()) return;
    }
    throw new Error(`liveness: no agreement after healing: ${this.#describe()}`);
  }

  #settle(): void {
    for (let i = 0; i < 1000; i++) {
      let busy = false;
      for (const member of this.members) {
        while (member.node.hasReady()) {
          busy = true;
          this.process(member);
          member.persist();
        }
        member.persist();
        this.checker.observe(member);
      }
      const messages = this.#network;
      this.#network = [];
      for (const message of messages) this.#hand(message);
      if (!busy && messages.length === 0) return;
    }
    throw new Error("liveness: the members never stop talking");
  }

  #leader(): Member | undefined {
    const leaders = this.members.filter((member) => member.node.role === "leader");
    leaders.sort((a, b) => b.node.term - a.node.term);
    return leaders[0];
  }

  #converged(): boolean {
    const leader = this.#leader();
    if (leader === undefined || leader.appliedIndex !== leader.node.lastIndex) return false;
    const { voters, learners } = leader.node.confState;
    if (!voters.includes(leader.id)) return false;
    return [...voters, ...learners].every(
      (id) => this.members.find((member) => member.id === id)?.appliedIndex === leader.appliedIndex,
    );
  }

  #describe(): string {
    return this.members
      .map(({ id, node, appliedIndex }) => {
        const { term, vote, role, committed, lastIndex, confState } = node.status();
        const conf = `${confState.voters.join()}/${confState.votersOutgoing.join()}/${confState.learners.join()}`;
        return `${id}:${role} t${term} v${vote} a${appliedIndex} c${committed} l${lastIndex} (${conf})`;
      })
      .join("; ");
  }
}
