/**
 * Proposals a second through three members in one process, in batches, each replicated, committed and applied by all, with
 * reads by read index in between if asked. Build first; `node packages/raft/bench/three-members.mjs [batch] [bytes] [reads]`.
 */
import { SeededPrng } from "@quorate/base";
import { ConfChangeType, confChangeV2, MemoryLogStorage, parseConfig, RawNode } from "@quorate/raft";

const batchSize = Number(process.argv[2] ?? 50);
const payload = new Uint8Array(Number(process.argv[3] ?? 100));
const readsPerBatch = Number(process.argv[4] ?? 0);
const ROUNDS = 7;
const PER_ROUND = Math.max(100_000, 10_000 * batchSize);
/** Entries kept in memory, as a host keeps some for followers. */
const KEPT = 1000;
const IDS = [1n, 2n, 3n];

class Member {
  applied = 0;
  reads = 0;
  storage = new MemoryLogStorage();

  constructor(id) {
    const parsed = parseConfig({ id, preVote: true, checkQuorum: true });
    this.node = new RawNode(parsed.config, { storage: this.storage, prng: new SeededPrng(Number(id)) });
    this.node.bootstrap(IDS.map((member) => ({ id: member, data: new Uint8Array([Number(member)]) })));
  }

  /** Everything there is to do; returns how many messages were sent. */
  drain() {
    const { node, storage } = this;
    let sent = 0;
    while (node.hasReady()) {
      const ready = node.ready();
      storage.append(ready.entries);
      if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
      for (const message of ready.messages) members[Number(message.to) - 1].inbox.push(message);
      sent += ready.messages.length;
      node.onPersisted(ready);
      for (const { type, index, data } of ready.committedEntries) {
        if (type === 1) node.applyConfChange(confChangeV2({ type: ConfChangeType.AddNode, nodeId: BigInt(data[0]) }));
        this.applied = index;
      }
      if (ready.committedEntries.length > 0) node.appliedTo(this.applied);
      this.reads += ready.readStates.length;
    }
    return sent;
  }

  inbox = [];

  deliver() {
    const messages = this.inbox;
    this.inbox = [];
    for (const message of messages) this.node.step(message);
  }
}

const members = IDS.map((id) => new Member(id));
const [leader] = members;
let messages = 0;

function settle() {
  for (let busy = true; busy; ) {
    busy = false;
    for (const member of members) {
      member.deliver();
      const sent = member.drain();
      messages += sent;
      if (sent > 0) busy = true;
    }
    if (members.some((member) => member.inbox.length > 0)) busy = true;
  }
}

settle();
leader.node.campaign();
settle();

const batch = Array.from({ length: batchSize }, () => payload);
const context = new Uint8Array(8);
const rates = [];
messages = 0;
for (let round = 0; round < ROUNDS; round++) {
  const start = process.hrtime.bigint();
  for (let i = 0; i * batchSize < PER_ROUND; i++) {
    leader.node.propose(batch);
    for (let read = 0; read < readsPerBatch; read++) members[1].node.readIndex(context);
    settle();
    if (i % 200 === 199) {
      for (const member of members) if (member.applied > KEPT) member.storage.compact(member.applied - KEPT);
    }
  }
  rates.push(PER_ROUND / (Number(process.hrtime.bigint() - start) / 1e9));
}
for (const { applied } of members) if (applied < ROUNDS * PER_ROUND) throw new Error(`only ${applied} were applied`);
const median = rates.sort((a, b) => a - b)[ROUNDS >> 1];
const perBatch = (messages / ((ROUNDS * PER_ROUND) / batchSize)).toFixed(1);
console.log(
  `three members, batches of ${batchSize}, ${payload.length} bytes: ${(median / 1e6).toFixed(2)} million proposals/s, ${(median / batchSize / 1e3).toFixed(0)} thousand batches/s, ${perBatch} messages a batch`,
);
