import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import {
  ConfChangeType,
  confChangeV2,
  type Entry,
  EntryType,
  MemoryLogStorage,
  parseConfig,
  type RaftConfigInput,
  RawNode,
  type Ready,
} from "@quorate/raft";

function open(storage: MemoryLogStorage, input: Partial<RaftConfigInput> = {}): RawNode {
  const parsed = parseConfig({ id: 1n, ...input });
  if (!parsed.ok) throw new Error(parsed.errors.join("; "));
  return new RawNode(parsed.config, { storage, prng: new SeededPrng(1) });
}

/** Makes the Ready visible, as a host does before its write is durable. */
function store(storage: MemoryLogStorage, ready: Ready): void {
  storage.append(ready.entries);
  if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
}

/** Runs the node until it has nothing to do, and returns what it handed out to apply. */
function settle(node: RawNode, storage: MemoryLogStorage): Entry[] {
  const applied: Entry[] = [];
  while (node.hasReady()) {
    const ready = node.ready();
    store(storage, ready);
    node.onPersisted(ready);
    for (const entry of ready.committedEntries) {
      if (entry.type === EntryType.ConfChange) node.applyConfChange(ADD_SELF);
      applied.push(entry);
    }
    if (ready.committedEntries.length > 0) node.appliedTo(applied[applied.length - 1]?.index as number);
    node.checkInvariants();
  }
  return applied;
}

const ADD_SELF = confChangeV2({ type: ConfChangeType.AddNode, nodeId: 1n });
const FOUNDER = [{ id: 1n, data: new Uint8Array([8, 1]) }];
const data = (value: number): Uint8Array => new Uint8Array([value]);

function founded(input: Partial<RaftConfigInput> = {}): { node: RawNode; storage: MemoryLogStorage } {
  const storage = new MemoryLogStorage();
  const node = open(storage, input);
  node.bootstrap(FOUNDER);
  settle(node, storage);
  node.campaign();
  settle(node, storage);
  return { node, storage };
}

describe("a sole voter", () => {
  it("starts from a configuration change at index 1 of term 1, committed", () => {
    const storage = new MemoryLogStorage();
    const node = open(storage);
    expect(node.bootstrap(FOUNDER)).toBe("done");
    const first = node.ready();
    expect(first.hardState).toEqual({ term: 1, vote: 0n, commit: 1 });
    expect(first.entries).toEqual([{ term: 1, index: 1, type: EntryType.ConfChange, data: FOUNDER[0]?.data }]);
    expect(first.committedEntries).toEqual([]);
    expect(first.mustSync).toBe(true);
    store(storage, first);
    node.onPersisted(first);
    expect(node.ready().committedEntries).toEqual(first.entries);
    expect(node.confState.voters).toEqual([1n]);
  });

  it("is founded only once", () => {
    const { node } = founded();
    expect(node.bootstrap(FOUNDER)).toBe("notEmpty");
  });

  for (const preVote of [false, true]) {
    it(`wins its first election in term 2 with an empty entry (preVote ${preVote})`, () => {
      const storage = new MemoryLogStorage();
      const node = open(storage, { preVote, checkQuorum: preVote });
      node.bootstrap(FOUNDER);
      settle(node, storage);
      node.campaign();
      const campaign = node.ready();
      expect(campaign.hardState).toEqual({ term: 2, vote: 1n, commit: 1 });
      expect(campaign.entries).toEqual([]);
      expect(node.role).toBe("candidate");
      store(storage, campaign);
      node.onPersisted(campaign);
      expect(node.role).toBe("leader");
      expect(settle(node, storage)).toEqual([{ term: 2, index: 2, type: EntryType.Normal, data: new Uint8Array() }]);
      expect([node.leader, node.term, node.committed]).toEqual([1n, 2, 2]);
    });
  }

  it("campaigns by itself after an election timeout", () => {
    const storage = new MemoryLogStorage();
    const node = open(storage);
    node.bootstrap(FOUNDER);
    settle(node, storage);
    for (let i = 0; i < 20; i++) node.tick();
    settle(node, storage);
    expect(node.role).toBe("leader");
  });

  it("turns each proposal into one entry, in order", () => {
    const { node, storage } = founded();
    expect(node.propose([data(1), data(2), data(3)])).toBe("accepted");
    const applied = settle(node, storage);
    expect(applied.map((entry) => [entry.index, entry.term, entry.data[0]])).toEqual([
      [3, 2, 1],
      [4, 2, 2],
      [5, 2, 3],
    ]);
  });

  it("hands out the next batch while the write of the last one is in flight, and commits each when it is durable", () => {
    const { node, storage } = founded();
    node.propose([data(1)]);
    const first = node.ready();
    store(storage, first);
    node.propose([data(2)]);
    const second = node.ready();
    store(storage, second);
    expect([first.entries.length, second.entries[0]?.index, node.committed]).toEqual([1, 4, 2]);
    expect(node.hasReady()).toBe(false);
    node.onPersisted(first);
    expect(node.committed).toBe(3);
    const third = node.ready();
    expect(third.committedEntries.map((entry) => entry.index)).toEqual([3]);
    expect([third.hardState?.commit, third.mustSync, third.entries.length]).toEqual([3, false, 0]);
    node.onPersisted(second);
    expect(node.ready().committedEntries.map((entry) => entry.index)).toEqual([4]);
  });

  it("takes the report of a later write for the earlier ones too", () => {
    const { node, storage } = founded();
    node.propose([data(1)]);
    store(storage, node.ready());
    node.propose([data(2)]);
    const second = node.ready();
    store(storage, second);
    node.onPersisted(second);
    expect(node.committed).toBe(4);
  });

  it("answers a read index at once", () => {
    const { node } = founded();
    node.readIndex(data(9));
    expect(node.ready().readStates).toEqual([{ index: 2, context: data(9) }]);
    expect(node.isSoleLeader()).toBe(true);
  });

  it("answers no read before it has committed something in its term", () => {
    const { storage } = founded();
    const node = open(storage, { applied: 2 });
    storage.setConfState({ voters: [1n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false });
    const restarted = open(storage, { applied: 2 });
    restarted.campaign();
    const campaign = restarted.ready();
    restarted.onPersisted(campaign);
    expect([restarted.role, restarted.isSoleLeader(), node.role]).toEqual(["leader", false, "follower"]);
    restarted.readIndex(data(1));
    const append = restarted.ready();
    expect(append.readStates).toEqual([]);
    store(storage, append);
    restarted.onPersisted(append);
    expect(restarted.ready().readStates).toEqual([{ index: 3, context: data(1) }]);
  });

  it("goes on from hard state, entries and snapshot after a restart", () => {
    const { node, storage } = founded();
    node.propose([data(1), data(2)]);
    settle(node, storage);
    storage.createSnapshot(3, node.confState, data(0));
    storage.compact(3);
    const restarted = open(storage, { applied: 3 });
    expect([restarted.term, restarted.committed, restarted.applied, restarted.role]).toEqual([2, 4, 3, "follower"]);
    expect(restarted.confState.voters).toEqual([1n]);
    expect(settle(restarted, storage).map((entry) => entry.index)).toEqual([4]);
    restarted.campaign();
    settle(restarted, storage);
    expect([restarted.role, restarted.term, restarted.committed]).toEqual(["leader", 3, 5]);
  });

  it("refuses a batch that exceeds the uncommitted limit, and takes it when the earlier ones are applied", () => {
    const { node, storage } = founded({ maxUncommittedSize: 10 });
    expect(node.propose([new Uint8Array(8)])).toBe("accepted");
    expect(node.propose([new Uint8Array(3)])).toBe("limit");
    expect(node.propose([new Uint8Array(0)])).toBe("accepted");
    settle(node, storage);
    expect(node.propose([new Uint8Array(30)])).toBe("accepted");
  });

  it("refuses proposals while too much is not durable yet", () => {
    const { node, storage } = founded({ maxUnstableSize: 10 });
    expect(node.propose([new Uint8Array(12)])).toBe("accepted");
    expect(node.propose([new Uint8Array(1)])).toBe("limit");
    settle(node, storage);
    expect(node.propose([new Uint8Array(1)])).toBe("accepted");
  });

  it("hands out no more committed bytes than allowed until they are applied", () => {
    const { node, storage } = founded({ maxCommittedSizePerReady: 100 });
    node.propose([new Uint8Array(50), new Uint8Array(50), new Uint8Array(50)]);
    const ready = node.ready();
    store(storage, ready);
    node.onPersisted(ready);
    expect(node.ready().committedEntries.map((entry) => entry.index)).toEqual([3]);
    expect(node.hasReady()).toBe(false);
    node.appliedTo(3);
    expect(node.ready().committedEntries.map((entry) => entry.index)).toEqual([4]);
  });

  it("reports every mistake in a configuration", () => {
    expect(parseConfig({ id: 0n, electionTicks: 1, heartbeatTicks: 1, maxInflightMsgs: 0, readOnly: "lease" })).toEqual(
      {
        ok: false,
        errors: [
          "id must be between 1 and 2^64-3",
          "electionTicks must be greater than heartbeatTicks",
          "maxInflightMsgs must be a whole number above 0",
          "readOnly lease needs checkQuorum",
        ],
      },
    );
  });
});
