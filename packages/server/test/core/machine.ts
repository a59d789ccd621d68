import { SeededPrng, utf8Bytes } from "@quorate/base";
import { Lessor, Store } from "@quorate/mvcc";
import { MapBackend } from "@quorate/mvcc/testing";
import {
  createAlarmMember,
  createRaftConfChange,
  decodeAlarmMember,
  type ErrorCode,
  encodeAlarmMember,
  encodeRaftConfChange,
  type RaftConfChange,
  Writer,
  writeRaftRequest,
} from "@quorate/protocol";
import { type Entry, type HardState, MemoryLogStorage, parseConfig, RawNode, type Snapshot } from "@quorate/raft";
import {
  Alarms,
  Applier,
  type ApplyResult,
  Auth,
  type Caller,
  Counts,
  Membership,
  memberJson,
  NO_TOKENS,
  type Pending,
  Quota,
  Replica,
  type ReplicaConfig,
  RequestIds,
  type TokenKeeper,
} from "@quorate/server/core";

export const SELF = 7n;
const ID_HIGH = 7;

/** A log whose writes are done when the test says so. */
export class SlowLog {
  readonly writes: { readonly entries: readonly Entry[]; readonly mustSync: boolean; done: (error?: Error) => void }[] =
    [];

  append(
    entries: readonly Entry[],
    _hardState: HardState | undefined,
    mustSync: boolean,
    done: (error?: Error) => void,
  ): void {
    this.writes.push({ entries, mustSync, done });
  }

  /** Finishes the oldest write. */
  finish(error?: Error): void {
    this.writes.shift()?.done(error);
  }

  /** Finishes writes until there are none. */
  finishAll(): void {
    while (this.writes.length > 0) this.finish();
  }
}

/** What a request came to: its result, or the code it failed with before it was applied. */
export class Answer implements Pending {
  result: ApplyResult | undefined;
  failure: ErrorCode | undefined;

  applied(result: ApplyResult): void {
    this.result = result;
  }
  failed(code: ErrorCode): void {
    this.failure = code;
  }
}

/** The state machine of a member on a backend in memory. */
export class Machine {
  readonly backend: MapBackend;
  readonly lessor: Lessor;
  readonly store: Store;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly auth: Auth;
  readonly applier: Applier;
  readonly events: string[] = [];
  readonly counts: Counts = new Counts();
  sizeBytes = 0;
  /** What a change of the configuration comes to; replaced by tests that have one. */
  onConfChange: (change: RaftConfChange) => ErrorCode | undefined = ({ nodeId }) => {
    this.events.push(`conf change of ${nodeId}`);
    return undefined;
  };

  constructor(
    quotaBytes?: number,
    backend: MapBackend = new MapBackend(),
    idHigh16: number = ID_HIGH,
    tokens: TokenKeeper = NO_TOKENS,
  ) {
    this.backend = Object.assign(backend, { sizeBytes: () => this.sizeBytes });
    this.lessor = new Lessor({ minTtlSeconds: 2 }, { backend });
    this.store = new Store(backend, { leases: this.lessor });
    this.membership = new Membership(backend);
    this.alarms = new Alarms(backend, {
      encode: ({ memberId, type }) => encodeAlarmMember(createAlarmMember({ memberId, alarm: type })),
      decode: (bytes) => {
        const { memberId, alarm } = decodeAlarmMember(bytes);
        return { memberId, type: alarm };
      },
    });
    this.auth = new Auth({
      backend,
      lessor: this.lessor,
      tokens,
      hashPassword: (text) => utf8Bytes(`hash of ${text}`),
    });
    this.applier = new Applier({
      counts: this.counts,
      idHigh16,
      backend,
      store: this.store,
      lessor: this.lessor,
      membership: this.membership,
      alarms: this.alarms,
      auth: this.auth,
      quota: new Quota(backend, quotaBytes),
      nowMs: () => 0,
      onOverQuota: () => this.events.push("over quota"),
      onFirstCommitInTerm: () => this.events.push("first commit"),
      onConfChange: (change) => this.onConfChange(change),
      onCompact: () => this.events.push("compact"),
    });
  }
}

/** The bytes of a replicated request. */
export function requestEntry(
  kind: number,
  request: Uint8Array,
  low48: number,
  high16 = ID_HIGH,
  caller?: Caller,
): Uint8Array {
  const writer = new Writer();
  writeRaftRequest(writer, kind, request, high16, low48, caller);
  return writer.finish();
}

/** A lone member with its loop: the log and the end of a turn are the test's. */
export class LoneMember {
  readonly machine: Machine = new Machine();
  readonly log: SlowLog = new SlowLog();
  readonly raftLog: MemoryLogStorage = new MemoryLogStorage();
  readonly raft: RawNode;
  readonly replica: Replica;
  readonly fatal: Error[] = [];
  readonly batches: number[] = [];
  /** Snapshots that the replica wants to be installed; the test says when that is done. */
  readonly installs: { readonly snapshot: Snapshot; readonly done: (error?: Error) => void }[] = [];
  #tasks: (() => void)[] = [];
  #low48 = 100;

  constructor(config: Partial<ReplicaConfig> = {}, raftLimits: { maxUncommittedSize?: number } = {}) {
    const parsed = parseConfig({ id: SELF, checkQuorum: true, preVote: true, ...raftLimits });
    if (!parsed.ok) throw new Error(parsed.errors.join());
    this.raft = new RawNode(parsed.config, { storage: this.raftLog, prng: new SeededPrng(1) });
    const member = { id: SELF, name: "n", peerUrls: ["http://a:1"], clientUrls: [], isLearner: false };
    const change = createRaftConfChange({ nodeId: SELF, context: memberJson(member) });
    this.raft.bootstrap([{ id: SELF, data: encodeRaftConfChange(change) }]);
    this.replica = new Replica(
      {
        applyBacklogMax: 5000,
        requestTimeoutTicks: 70,
        catchUpEntries: 50,
        catchUpBytesMax: 1e9,
        electionTicks: 10,
        readRetryTicks: 5,
        heldProposalBytesMax: 1e9,
        snapshotGraceTicks: 300,
        ...config,
      },
      {
        counts: this.machine.counts,
        raft: this.raft,
        raftLog: this.raftLog,
        entryLog: this.log,
        applier: this.machine.applier,
        endOfTurn: (run) => this.#tasks.push(run),
        beforeApply: () => {},
        afterApply: (count) => this.batches.push(count),
        fatal: (error) => this.fatal.push(error),
        readIds: new RequestIds(SELF, 0),
        sendMessages: () => {},
        sendSnapshot: () => {},
        installSnapshot: (snapshot, done) => this.installs.push({ snapshot, done }),
        onLeadership: () => {},
        isConnectedSince: () => true,
      },
      0,
    );
  }

  /** Elects the member. */
  lead(): this {
    this.replica.campaign();
    this.log.finishAll();
    this.batches.length = 0;
    return this;
  }

  /** The end of a turn of the event loop. */
  endTurn(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
  }

  propose(kind: number, request: Uint8Array): { answer: Answer; refused: ErrorCode | undefined } {
    const answer = new Answer();
    const low48 = ++this.#low48;
    return { answer, refused: this.replica.propose(requestEntry(kind, request, low48), low48, answer) };
  }
}
