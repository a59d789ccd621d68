/** Proposals a second through a sole voter, in batches. Build first; `node packages/raft/bench/sole-voter.mjs [batch] [bytes]`. */
import { SeededPrng } from "@quorate/base";
import { ConfChangeType, confChangeV2, MemoryLogStorage, parseConfig, RawNode } from "@quorate/raft";

const batchSize = Number(process.argv[2] ?? 50);
const payload = new Uint8Array(Number(process.argv[3] ?? 100));
const ROUNDS = 7;
const PER_ROUND = 2_000_000;
/** Entries kept in memory, as a host keeps some for followers. */
const KEPT = 1000;

const storage = new MemoryLogStorage();
const parsed = parseConfig({ id: 1n });
const node = new RawNode(parsed.config, { storage, prng: new SeededPrng(1) });
let applied = 0;

function drain() {
  while (node.hasReady()) {
    const ready = node.ready();
    storage.append(ready.entries);
    if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
    node.onPersisted(ready);
    for (const { type, index } of ready.committedEntries) {
      if (type === 1) node.applyConfChange(confChangeV2({ type: ConfChangeType.AddNode, nodeId: 1n }));
      applied = index;
    }
    node.appliedTo(applied);
  }
}

node.bootstrap([{ id: 1n, data: new Uint8Array(1) }]);
drain();
node.campaign();
drain();

const batch = Array.from({ length: batchSize }, () => payload);
const rates = [];
for (let round = 0; round < ROUNDS; round++) {
  const start = process.hrtime.bigint();
  for (let i = 0; i * batchSize < PER_ROUND; i++) {
    node.propose(batch);
    drain();
    if (i % 200 === 199 && applied > KEPT) storage.compact(applied - KEPT);
  }
  rates.push(PER_ROUND / (Number(process.hrtime.bigint() - start) / 1e9));
}
const median = rates.sort((a, b) => a - b)[ROUNDS >> 1];
console.log(
  `sole voter, batches of ${batchSize}, ${payload.length} bytes: ${(median / 1e6).toFixed(1)} million proposals/s`,
);
