import { describe, expect, it } from "@jest/globals";
import { walk } from "./model/walk.ts";

// Shows that the operator, the real one, brings a cluster to what its spec asks for once faults have stopped, whatever they were, and breaches no
// invariant of docs/operator-invariants.md on the way. Everything around the operator is a model on simulated time; a walk depends on its seed
// alone. OPERATOR_SIMULATION_WALKS asks for more walks, OPERATOR_SIMULATION_SEED for others.

const WALKS = Number(process.env["OPERATOR_SIMULATION_WALKS"] ?? 300);
const FIRST = Number(process.env["OPERATOR_SIMULATION_SEED"] ?? 1);

/** Every second walk, from the first or from the second on: two workers share them. */
export function walkSuite(half: 0 | 1): void {
  describe("a walk through faults", () => {
    it(
      "ends where the spec asks, and breaches no invariant",
      async () => {
        const failed: string[] = [];
        for (let seed = FIRST + half; seed < FIRST + WALKS && failed.length < 5; seed += 2) {
          const { breaches, unsettled, faults, trace } = await walk(seed);
          if (breaches.length === 0 && unsettled === undefined) continue;
          const told = WALKS === 1 ? [...faults, ...trace] : [];
          failed.push([replay(seed), ...breaches.slice(0, 3), unsettled ?? "it settled", ...told].join("\n"));
        }

        expect(failed).toEqual([]);
      },
      WALKS * 20_000,
    );
  });
}

function replay(seed: number): string {
  const jest = "node --experimental-vm-modules node_modules/jest/bin/jest.js --config jest.config.mjs";
  return `OPERATOR_SIMULATION_WALKS=1 OPERATOR_SIMULATION_SEED=${seed} ${jest} packages/operator/test/simulation/walks`;
}
