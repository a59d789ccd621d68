import { describe, expect, it } from "@jest/globals";
import { type Figures, type SimulationResult, simulate } from "@quorate/simulator";

/** First seed and number of seeds; others by SIM_SEED and SIM_SEEDS. */
const FIRST_SEED = Number(process.env["SIM_SEED"] ?? 1);
const SEEDS = Number(process.env["SIM_SEEDS"] ?? 200);
/** 200 seeds take half a minute of one core; this is for machines that do much else. */
const TIMEOUT_MS = 900_000;

function describeViolation({ recent, seed, violation }: SimulationResult): string {
  const again = `node packages/simulator/dist/main.js --seed ${seed} --trace`;
  return [...recent, violation?.message, `again: ${again}`].join("\n");
}

describe("clusters of five members in simulated time", () => {
  it(
    "keep every invariant under partitions, crashes, losses, repeats, reordering, clock skew, new members and hand-overs",
    () => {
      const sums = new Map<string, number>();
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const result = simulate({ seed });
        if (result.violation !== undefined) throw new Error(describeViolation(result));
        for (const [name, count] of Object.entries(result.figures)) sums.set(name, (sums.get(name) ?? 0) + count);
      }
      // Runs that idle would keep everything, too. Single ones may well; a few of them say nothing.
      if (SEEDS < 50) return;
      const least: Partial<Figures> = {
        elections: 5,
        writesAcknowledged: 60,
        readsChecked: 40,
        hashesCompared: 80,
        snapshotsInstalled: 2,
        restarts: 30,
        confChanges: 30,
      };
      for (const [name, count] of Object.entries(least)) {
        expect([name, (sums.get(name) ?? 0) > count * SEEDS]).toEqual([name, true]);
      }
    },
    TIMEOUT_MS,
  );

  it("do the same again with the same seed, and something else with another", () => {
    const run = (seed: number): string => simulate({ seed, steps: 4000 }).hash;
    expect(run(7)).toBe(run(7));
    expect(new Set([1, 2, 3, 4, 5].map(run)).size).toBe(5);
  });

  it("may be of other sizes", () => {
    for (const nodes of [1, 2, 3, 7]) {
      const { figures, violation } = simulate({ seed: nodes, nodes, steps: 6000 });
      expect(violation).toBeUndefined();
      expect(figures.writesAcknowledged).toBeGreaterThan(0);
    }
  });
});
