// Three members in one process that agree on a number. Build first; then `node packages/raft/examples/replicated-counter.mjs`.
import { ConfChangeType, confChangeV2, EntryType, MemoryLogStorage, parseConfig, RawNode } from "@quorate/raft";

const random = { u32: () => Math.floor(Math.random() * 2 ** 32), below: (bound) => Math.floor(Math.random() * bound) };
const IDS = [1n, 2n, 3n];

class CounterMember {
  counter = 0;
  waiting = [];
  answers = [];

  constructor(id) {
    const parsed = parseConfig({ id, preVote: true, checkQuorum: true });
    if (!parsed.ok) throw new Error(parsed.errors.join("; "));
    this.storage = new MemoryLogStorage();
    this.raft = new RawNode(parsed.config, { storage: this.storage, prng: random });
    // Every founding member starts from the same list. The data is whatever the host needs to decode the change again.
    this.raft.bootstrap(IDS.map((member) => ({ id: member, data: new Uint8Array([Number(member)]) })));
  }

  /** Does everything raft has to do, and returns the messages that have to be sent. */
  process() {
    const outgoing = [];
    while (this.raft.hasReady()) {
      const ready = this.raft.ready();
      if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
      this.storage.append(ready.entries);
      if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
      outgoing.push(...ready.messages);
      for (const entry of ready.committedEntries) this.apply(entry);
      this.waiting.push(...ready.readStates);
      // Memory is as durable as it gets here. With a disk, this is called when the write of `ready` has been synced.
      this.raft.onPersisted(ready);
    }
    // A read may be answered once everything is applied that was committed when it came.
    while (this.waiting.length > 0 && this.waiting[0].index <= this.raft.applied) {
      this.answers.push({ context: this.waiting.shift().context, counter: this.counter });
    }
    return outgoing;
  }

  apply(entry) {
    if (entry.type === EntryType.ConfChange) {
      this.raft.applyConfChange(confChangeV2({ type: ConfChangeType.AddNode, nodeId: BigInt(entry.data[0]) }));
    } else if (entry.data.length > 0) {
      this.counter += entry.data[0];
    }
    this.raft.appliedTo(entry.index);
  }
}

const all = IDS.map((id) => new CounterMember(id));

/** Delivers messages until nobody has any more to say. */
function settle() {
  for (let busy = true; busy; ) {
    const messages = all.flatMap((member) => member.process());
    for (const message of messages) all[Number(message.to) - 1].raft.step(message);
    busy = messages.length > 0;
  }
}

settle();
// Time passes in ticks, a tenth of a second each in etcd. Whoever's timeout ends first is elected.
while (!all.some(({ raft }) => raft.role === "leader")) {
  for (const { raft } of all) raft.tick();
  settle();
}
const leader = all.find(({ raft }) => raft.role === "leader");
const follower = all.find(({ raft }) => raft.role === "follower");

leader.raft.propose([new Uint8Array([1]), new Uint8Array([10])]);
// A follower passes proposals on to the leader, and answers reads once a quorum has confirmed the leader.
follower.raft.propose([new Uint8Array([100])]);
settle();
follower.raft.readIndex(new Uint8Array([42]));
settle();

for (const { counter, raft } of all) console.log(`member ${raft.id} (${raft.role}) counts ${counter}`);
console.log(`a linearizable read at a follower: ${follower.answers[0].counter}`);
