import { describe, expect, it } from "@jest/globals";
import type { RaftConfigInput } from "@quorate/raft";

import { RandomCluster } from "./harness/random-cluster.ts";

/** First seed and number of seeds; another first seed by RAFT_SEED, more of them by RAFT_SEEDS. */
const FIRST_SEED = Number(process.env["RAFT_SEED"] ?? 1);
const SEEDS = Number(process.env["RAFT_SEEDS"] ?? 40);

const CONFIGS: Readonly<Record<string, Partial<RaftConfigInput>>> = {
  "plain elections": {},
  "pre-vote and check-quorum": { preVote: true, checkQuorum: true },
  "small limits": { preVote: true, maxInflightMsgs: 1, maxSizePerMsg: 0, maxUncommittedSize: 20, maxUnstableSize: 10 },
};

describe("a random cluster with losses, repeats, reordering, partitions and crashes", () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    for (const reconfigure of [false, true]) {
      it(`keeps the properties of the paper's figure 3: ${name}${reconfigure ? ", changing members" : ""}`, () => {
        let elections = 0;
        let applied = 0;
        let reads = 0;
        for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
          const cluster = new RandomCluster({ seed, members: 3 + (seed % 3), steps: 2000, config, reconfigure });
          try {
            cluster.run();
          } catch (error) {
            throw new Error(`RAFT_SEED=${seed} RAFT_SEEDS=1: ${(error as Error).message}`, { cause: error });
          }
          elections += cluster.checker.elections;
          applied += cluster.checker.appliedMax;
          reads += cluster.readsAnswered;
        }
        // The schedules are of use only if something comes about in them; a few single ones may well be idle.
        if (SEEDS < 20) return;
        expect(elections).toBeGreaterThan(SEEDS);
        expect(applied).toBeGreaterThan(SEEDS * 5);
        expect(reads).toBeGreaterThan(SEEDS / 2);
      });
    }
  }
});
