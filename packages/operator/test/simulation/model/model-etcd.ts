import type { Prng } from "@quorate/base";
import {
  type EtcdAlarm,
  type EtcdApi,
  EtcdCallError,
  type EtcdMemberClient,
  type EtcdMemberEntry,
  type EtcdMemberList,
  type EtcdStatus,
} from "../../../src/core/index.ts";
import type { SimClock } from "./sim-clock.ts";

/** What is on one volume. */
export interface DataDirectory {
  /** UID of the EtcdMember that the start wrapper wrote. */
  incarnation: string | undefined;
  recoveryEpoch: number;
  data: MemberData | undefined;
}

interface MemberData {
  readonly clusterId: string;
  memberId: string;
  /** Entries of the cluster's log that are on this disk. */
  length: number;
  term: number;
  lineage: Lineage;
}

/** One history of one cluster: a forced new cluster begins another one that shares a beginning. */
interface Lineage {
  readonly clusterId: string;
  /** Membership after each entry; entries that do not change it share the list. */
  readonly configs: (readonly Entry[])[];
  /** Writes that clients had acknowledged, by index. */
  readonly writes: Set<number>;
  leader: Process | undefined;
  /** When the next leader can be elected; 0: not looked for. */
  electionAtMs: number;
  term: number;
  removed: Set<string>;
}

interface Entry {
  readonly id: string;
  readonly name: string;
  readonly peerUrl: string;
  readonly isLearner: boolean;
}

export interface ProcessStart {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly isNew: boolean;
  readonly initialCluster: string;
  readonly isForced: boolean;
  /** Restored before it starts: it founds a cluster of its own with data. */
  readonly isRestored: boolean;
  readonly version: string;
  /** Token of the cluster: IDs depend on it. */
  readonly token: string;
}

/** One running server. */
export class Process {
  readonly start: ProcessStart;
  readonly disk: DataDirectory;
  isAlive = true;
  /** Cut off from everybody: its node is away. */
  isAway = false;
  isHung = false;
  /** Serves everybody but the operator. */
  isHidden = false;
  dbSize = 20_000_000;

  constructor(start: ProcessStart, disk: DataDirectory) {
    this.start = start;
    this.disk = disk;
  }

  get data(): MemberData | undefined {
    return this.disk.data;
  }

  get isUp(): boolean {
    return this.isAlive && !this.isAway && !this.isHung;
  }
}

/** What nobody but the model knows, and the invariants are held against. */
export interface Truth {
  /** Clusters that were founded from nothing. */
  founded: number;
  /** Acknowledged writes that a declared recovery gave up. */
  givenUp: number;
  readonly breaches: string[];
}

const ELECTION_MS = 1000;
/** Entries that a follower or learner receives each tick. */
const CATCH_UP_PER_TICK = 60;
/** Entries of a real log that one of the model's stands for: so that a learner has something to catch up with. */
export const ENTRIES_PER_WRITE = 50;

/**
 * etcd's rules of membership and majority, without its messages: a log per history, a prefix of it on every disk, a leader that needs a
 * majority of the voters in reach, and the refusals of the real server. Clients write all the time.
 */
export class ModelEtcd implements EtcdApi {
  readonly #clock: SimClock;
  readonly #prng: Prng;
  readonly processes = new Set<Process>();
  readonly lineages: Lineage[] = [];
  /** Told when a server founds a cluster from nothing. */
  onFounded: () => void = () => undefined;
  readonly truth: Truth = { founded: 0, givenUp: 0, breaches: [] };
  alarms: EtcdAlarm[] = [];
  #nextId = 0xa0;

  constructor(clock: SimClock, prng: Prng) {
    this.#clock = clock;
    this.#prng = prng;
  }

  // Processes.

  /** Starts a server on a disk. Undefined: it ended at once, with a reason. */
  launch(start: ProcessStart, disk: DataDirectory): Process | string {
    const process = new Process(start, disk);
    const ended = disk.data === undefined ? this.#join(start, disk) : this.#resume(start, disk);
    if (ended !== undefined) return ended;
    this.processes.add(process);
    return process;
  }

  #join(start: ProcessStart, disk: DataDirectory): string | undefined {
    if (start.isNew || start.isRestored) {
      disk.data = this.#found(start);
      return undefined;
    }
    for (const lineage of this.lineages) {
      if (lineage.leader === undefined) continue;
      const entry = lineage.configs.at(-1)?.find((candidate) => candidate.peerUrl === start.peerUrl);
      if (entry === undefined) continue;
      if (entry.name !== "" && !entry.isLearner)
        this.truth.breaches.push(`D2: ${start.name} starts with an empty disk and has been a member`);
      disk.data = { clusterId: lineage.clusterId, memberId: entry.id, length: 0, term: lineage.term, lineage };
      return undefined;
    }
    return "the member is not in the cluster, or nobody answers";
  }

  #found(start: ProcessStart): MemberData {
    this.#nextId += 1;
    // Alarms are in the store: another store has others.
    if (start.isRestored) this.alarms = [];
    else {
      this.truth.founded += 1;
      this.onFounded();
    }
    const clusterId = `c${this.#nextId.toString(16)}`;
    const memberId = this.#nextId.toString(16);
    const first: Entry = { id: memberId, name: "", peerUrl: start.peerUrl, isLearner: false };
    const base = start.isRestored ? 1_000_000 : 1;
    const lineage: Lineage = {
      clusterId,
      configs: [],
      writes: new Set(),
      leader: undefined,
      electionAtMs: 0,
      term: 1,
      removed: new Set(),
    };
    lineage.configs[0] = [first];
    this.lineages.push(lineage);
    this.#restoredBase.set(lineage, base);
    return { clusterId, memberId, length: 1, term: 1, lineage };
  }

  readonly #restoredBase = new Map<Lineage, number>();

  #resume(start: ProcessStart, disk: DataDirectory): string | undefined {
    const data = disk.data;
    if (data === undefined) return "no data";
    if (start.isForced) this.#force(data);
    if (data.lineage.removed.has(data.memberId) && this.#knowsRemoval(data))
      return "the member has been removed from the cluster";
    return undefined;
  }

  /** It hears of it from the others, or has it in its own log. */
  #knowsRemoval(data: MemberData): boolean {
    const own = data.lineage.configs[data.length - 1] ?? [];
    return data.lineage.leader !== undefined || !own.some((entry) => entry.id === data.memberId);
  }

  /** A cluster of one from what this disk has: what others had beyond it is given up. */
  #force(data: MemberData): void {
    const old = data.lineage;
    const own = (old.configs[data.length - 1] ?? []).find((entry) => entry.id === data.memberId);
    if (own === undefined) return;
    const others = [...this.processes].filter(
      (process) => process.isAlive && process.data?.lineage === old && process.data !== data,
    );
    if (others.length > 0)
      this.truth.breaches.push(`R2: forced while ${others.map((process) => process.start.name).join()} still run`);
    const configs = old.configs.slice(0, data.length);
    const kept = new Set([...old.writes].filter((index) => index < data.length));
    this.truth.givenUp += old.writes.size - kept.size;
    const lineage: Lineage = {
      clusterId: old.clusterId,
      configs,
      writes: kept,
      leader: undefined,
      electionAtMs: 0,
      term: old.term + 1,
      removed: new Set(),
    };
    configs.push([{ ...own, isLearner: false }]);
    for (const entry of old.configs[data.length - 1] ?? []) if (entry.id !== own.id) lineage.removed.add(entry.id);
    this.lineages.push(lineage);
    this.#restoredBase.set(lineage, this.#restoredBase.get(old) ?? 1);
    data.lineage = lineage;
    data.length = configs.length;
  }

  stop(process: Process): void {
    process.isAlive = false;
    this.processes.delete(process);
    const lineage = process.data?.lineage;
    if (lineage?.leader === process) lineage.leader = undefined;
  }

  /** Members that were removed end by themselves. Gives those that did. */
  removedProcesses(): readonly Process[] {
    return [...this.processes].filter((process) => {
      const data = process.data;
      return process.isUp && data !== undefined && data.lineage.removed.has(data.memberId) && this.#knowsRemoval(data);
    });
  }

  // Majority.

  /** One moment: leaders fall and are elected, logs are copied, members make themselves known, clients write. */
  tick(): void {
    for (const lineage of this.lineages) {
      this.#keepLeader(lineage);
      if (lineage.leader === undefined) continue;
      this.#replicate(lineage);
      this.#publishNames(lineage);
      this.#write(lineage);
    }
  }

  #members(lineage: Lineage): readonly Process[] {
    return [...this.processes].filter((process) => process.isUp && process.data?.lineage === lineage);
  }

  #config(lineage: Lineage, length: number): readonly Entry[] {
    return lineage.configs[Math.max(0, length - 1)] ?? [];
  }

  #entryOf(lineage: Lineage, process: Process, length: number): Entry | undefined {
    return this.#config(lineage, length).find((entry) => entry.id === process.data?.memberId);
  }

  /** Voters of this configuration that are in reach. */
  #activeVoters(lineage: Lineage, config: readonly Entry[]): readonly Process[] {
    return this.#members(lineage).filter((process) =>
      config.some((entry) => entry.id === process.data?.memberId && !entry.isLearner),
    );
  }

  #hasMajority(lineage: Lineage, config: readonly Entry[]): boolean {
    const voters = config.filter((entry) => !entry.isLearner).length;
    return this.#activeVoters(lineage, config).length >= Math.floor(voters / 2) + 1;
  }

  #keepLeader(lineage: Lineage): void {
    const config = this.#config(lineage, lineage.configs.length);
    const { leader } = lineage;
    if (leader !== undefined) {
      const entry = this.#entryOf(lineage, leader, lineage.configs.length);
      if (leader.isUp && entry !== undefined && !entry.isLearner && this.#hasMajority(lineage, config)) return;
      lineage.leader = undefined;
      lineage.electionAtMs = 0;
    }
    this.#elect(lineage);
  }

  #elect(lineage: Lineage): void {
    const nowMs = this.#clock.nowMs();
    const candidate = this.#candidate(lineage);
    if (candidate === undefined) {
      lineage.electionAtMs = 0;
      return;
    }
    if (lineage.electionAtMs === 0) lineage.electionAtMs = nowMs + ELECTION_MS + this.#prng.below(ELECTION_MS);
    if (nowMs < lineage.electionAtMs) return;
    lineage.electionAtMs = 0;
    lineage.term += 1;
    lineage.leader = candidate;
    const has = candidate.data?.length ?? 0;
    if (has < lineage.configs.length) this.#truncate(lineage, has);
  }

  /** Who has most among those that a majority of its own configuration can vote for. */
  #candidate(lineage: Lineage): Process | undefined {
    const able = this.#members(lineage).filter((process) => {
      const config = this.#config(lineage, process.data?.length ?? 0);
      const own = config.find((entry) => entry.id === process.data?.memberId);
      if (own === undefined || own.isLearner) return false;
      const needed = Math.floor(config.filter((entry) => !entry.isLearner).length / 2) + 1;
      const votes = this.#activeVoters(lineage, config).filter(
        (voter) => (voter.data?.length ?? 0) <= (process.data?.length ?? 0),
      );
      return votes.length >= needed;
    });
    return able.sort(
      (a, b) => (b.data?.length ?? 0) - (a.data?.length ?? 0) || (a.start.name < b.start.name ? -1 : 1),
    )[0];
  }

  /** A leader that lacks entries: if clients had an answer for one of them, data is lost. */
  #truncate(lineage: Lineage, length: number): void {
    const lost = [...lineage.writes].filter((index) => index >= length);
    if (lost.length > 0) this.truth.breaches.push(`A1: ${lost.length} acknowledged writes are lost`);
    for (const index of lost) lineage.writes.delete(index);
    lineage.configs.length = length;
    for (const process of this.processes) {
      if (process.data?.lineage === lineage && process.data.length > length) process.data.length = length;
    }
  }

  #replicate(lineage: Lineage): void {
    for (const process of this.#members(lineage)) {
      const data = process.data;
      if (data === undefined || !this.#entryOf(lineage, process, lineage.configs.length)) continue;
      data.length = Math.min(lineage.configs.length, data.length + CATCH_UP_PER_TICK);
      data.term = lineage.term;
    }
  }

  /** Appends an entry; true if a majority has it on disk, which is when clients hear of it. */
  #append(lineage: Lineage, config: readonly Entry[]): boolean {
    const before = this.#config(lineage, lineage.configs.length);
    if (lineage.leader === undefined || !this.#hasMajority(lineage, before)) return false;
    lineage.configs.push(config);
    this.#replicate(lineage);
    return true;
  }

  #publishNames(lineage: Lineage): void {
    const config = this.#config(lineage, lineage.configs.length);
    for (const process of this.#members(lineage)) {
      const entry = config.find((candidate) => candidate.id === process.data?.memberId);
      if (entry === undefined || entry.name !== "") continue;
      this.#append(
        lineage,
        config.map((candidate) => (candidate === entry ? { ...entry, name: process.start.name } : candidate)),
      );
      return;
    }
  }

  #write(lineage: Lineage): void {
    if (this.#append(lineage, this.#config(lineage, lineage.configs.length)))
      lineage.writes.add(lineage.configs.length - 1);
  }

  /** Somebody with a client of their own: no gate asks them anything but the server's own. */
  byHand(act: (lineage: Lineage, config: readonly Entry[]) => readonly Entry[] | undefined): void {
    const lineage = this.lineages.find((candidate) => candidate.leader !== undefined);
    if (lineage === undefined) return;
    const next = act(lineage, this.#config(lineage, lineage.configs.length));
    if (next === undefined) return;
    for (const entry of this.#config(lineage, lineage.configs.length))
      if (!next.some((other) => other.id === entry.id)) lineage.removed.add(entry.id);
    this.#append(lineage, next);
  }

  newId(): string {
    this.#nextId += 1;
    return this.#nextId.toString(16);
  }

  // The members' API.

  member(clientUrl: string): EtcdMemberClient {
    const at = (): Process => {
      const process = [...this.processes].find(
        (candidate) => candidate.isUp && !candidate.isHidden && candidate.start.clientUrl === clientUrl,
      );
      if (process === undefined) throw new EtcdCallError("Unreachable", `no answer from ${clientUrl}`, false);
      return process;
    };
    return {
      status: async () => this.#status(at()),
      memberList: async (linearizable) => this.#list(at(), linearizable),
      linearizableRead: async () => this.#quorum(at()).configs.length,
      addLearner: async (peerUrl) => this.#addLearner(at(), peerUrl),
      promote: async (id) => this.#promote(at(), id),
      removeMember: async (id) => this.#remove(at(), id),
      moveLeader: async (id) => this.#move(at(), id),
      defragment: async () => {
        at().dbSize = 10_000_000;
      },
      alarms: async () => {
        this.#quorum(at());
        return this.alarms;
      },
      disarm: async (alarm) => {
        this.#quorum(at());
        this.alarms = this.alarms.filter((other) => other.memberId !== alarm.memberId || other.alarm !== alarm.alarm);
      },
      compact: async () => {
        this.#quorum(at());
      },
      hashKv: async () => ({ hash: 1, compactRevision: 0 }),
      isAuthEnabled: async () => false,
      enableAuth: async () => undefined,
      disableAuth: async () => undefined,
    };
  }

  #data(process: Process): MemberData {
    if (process.data === undefined) throw new EtcdCallError("Unreachable", "it has just started", false);
    return process.data;
  }

  #status(process: Process): EtcdStatus {
    const data = this.#data(process);
    const { lineage } = data;
    const own = this.#config(lineage, data.length).find((entry) => entry.id === data.memberId);
    const isKnown =
      lineage.leader !== undefined && this.#entryOf(lineage, process, lineage.configs.length) !== undefined;
    const base = this.#restoredBase.get(lineage) ?? 1;
    return {
      clusterId: data.clusterId,
      memberId: data.memberId,
      leaderId: isKnown ? (lineage.leader?.data?.memberId ?? "0") : "0",
      raftTerm: isKnown ? lineage.term : data.term,
      raftIndex: data.length * ENTRIES_PER_WRITE,
      appliedIndex: data.length * ENTRIES_PER_WRITE,
      isLearner: own?.isLearner ?? true,
      revision: base + data.length,
      version: process.start.version,
      dbSize: process.dbSize,
      dbSizeInUse: 10_000_000,
      quota: 2_147_483_648,
      errors: [],
    };
  }

  #list(process: Process, linearizable: boolean): EtcdMemberList {
    const data = this.#data(process);
    if (linearizable) this.#quorum(process);
    const config = this.#config(data.lineage, data.length);
    if (config.find((entry) => entry.id === data.memberId)?.isLearner === true)
      throw new EtcdCallError("Other", "rpc not supported for learner", false);
    return { clusterId: data.clusterId, memberId: data.memberId, members: config.map(shown) };
  }

  /** Whoever is asked reaches a leader with a majority. */
  #quorum(process: Process): Lineage {
    const { lineage } = this.#data(process);
    const config = this.#config(lineage, lineage.configs.length);
    if (lineage.leader === undefined || !lineage.leader.isUp || !this.#hasMajority(lineage, config))
      throw new EtcdCallError("NoQuorum", "no leader", false);
    const entry = this.#entryOf(lineage, process, lineage.configs.length);
    if (entry === undefined) throw new EtcdCallError("NoQuorum", "the member has been removed", false);
    if (entry.isLearner) throw new EtcdCallError("Other", "rpc not supported for learner", false);
    return lineage;
  }

  #addLearner(process: Process, peerUrl: string): string {
    const lineage = this.#quorum(process);
    const config = this.#config(lineage, lineage.configs.length);
    if (config.some((entry) => entry.peerUrl === peerUrl))
      throw new EtcdCallError("MemberExists", "Peer URLs already exists", false);
    if (config.some((entry) => entry.isLearner))
      throw new EtcdCallError("TooManyLearners", "too many learner members in cluster", false);
    const voters = config.filter((entry) => !entry.isLearner);
    const active = this.#activeVoters(lineage, config).length;
    if (voters.length > 1 && active < Math.floor((voters.length + 1) / 2) + 1)
      throw new EtcdCallError("UnhealthyCluster", "unhealthy cluster", false);
    const id = this.newId();
    if (!this.#append(lineage, [...config, { id, name: "", peerUrl, isLearner: true }]))
      throw new EtcdCallError("NoQuorum", "no quorum", true);
    return id;
  }

  #promote(process: Process, id: string): void {
    const lineage = this.#quorum(process);
    const config = this.#config(lineage, lineage.configs.length);
    const entry = config.find((candidate) => candidate.id === id);
    if (entry === undefined) throw new EtcdCallError("MemberNotFound", "member not found", false);
    if (!entry.isLearner) throw new EtcdCallError("NotLearner", "can only promote a learner member", false);
    const learner = this.#members(lineage).find((candidate) => candidate.data?.memberId === id);
    if (learner === undefined || (learner.data?.length ?? 0) < lineage.configs.length * 0.9) {
      throw new EtcdCallError(
        "LearnerNotReady",
        "can only promote a learner member which is in sync with leader",
        false,
      );
    }
    const active = this.#activeVoters(lineage, config).length + 1;
    const voters = config.filter((candidate) => !candidate.isLearner).length + 1;
    if (active < Math.floor(voters / 2) + 1) throw new EtcdCallError("UnhealthyCluster", "unhealthy cluster", false);
    this.#append(
      lineage,
      config.map((candidate) => (candidate === entry ? { ...entry, isLearner: false } : candidate)),
    );
  }

  #remove(process: Process, id: string): void {
    const lineage = this.#quorum(process);
    const config = this.#config(lineage, lineage.configs.length);
    const entry = config.find((candidate) => candidate.id === id);
    if (entry === undefined) throw new EtcdCallError("MemberNotFound", "member not found", false);
    const rest = config.filter((candidate) => candidate.id !== id);
    const voters = rest.filter((candidate) => !candidate.isLearner).length;
    const active = this.#activeVoters(lineage, rest).length;
    if (!entry.isLearner && (voters === 0 || active < Math.floor(voters / 2) + 1)) {
      throw new EtcdCallError("UnhealthyCluster", "re-configuration failed due to not enough started members", false);
    }
    lineage.removed.add(id);
    this.#append(lineage, rest);
  }

  #move(process: Process, id: string): void {
    const lineage = this.#quorum(process);
    if (lineage.leader !== process) throw new EtcdCallError("NotLeader", "not leader", false);
    const target = this.#members(lineage).find((candidate) => candidate.data?.memberId === id);
    const entry = this.#config(lineage, lineage.configs.length).find((candidate) => candidate.id === id);
    if (target === undefined || entry === undefined || entry.isLearner)
      throw new EtcdCallError("Other", "bad leader transferee", false);
    lineage.leader = target;
    lineage.term += 1;
  }
}

function shown(entry: Entry): EtcdMemberEntry {
  return { id: entry.id, name: entry.name, peerUrls: [entry.peerUrl], clientUrls: [], isLearner: entry.isLearner };
}
