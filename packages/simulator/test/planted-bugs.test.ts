import { describe, expect, it } from "@jest/globals";
import { loadInternals, mutations, simulate } from "@quorate/simulator";

const SEEDS = 200;
const TIMEOUT_MS = 900_000;

const planted = mutations(await loadInternals());

describe("a planted bug", () => {
  it("is one of eight", () => {
    expect(planted.map(({ name }) => name)).toEqual([
      "vote-not-persisted",
      "ack-before-sync",
      "old-term-commit",
      "stale-read",
      "old-snapshot",
      "learner-in-quorum",
      "two-changes",
      "index-ahead",
    ]);
  });

  for (const mutation of planted) {
    it(
      `is found within ${SEEDS} seeds: ${mutation.about}`,
      () => {
        let seed = 1;
        while (seed <= SEEDS && simulate({ seed, mutation }).violation === undefined) seed++;
        expect(seed).toBeLessThanOrEqual(SEEDS);
      },
      TIMEOUT_MS,
    );
  }

  it("is gone after the run it was planted for", () => {
    const sound = simulate({ seed: 3, steps: 3000 }).hash;
    for (const mutation of planted) simulate({ seed: 3, steps: 500, mutation });
    expect(simulate({ seed: 3, steps: 3000 }).hash).toBe(sound);
  });
});
