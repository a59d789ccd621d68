import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { decide } from "../../src/core/index.ts";
import { breaches } from "./invariants.ts";
import { randomWorld } from "./random-world.ts";

// Shows that no world, however odd, makes the planner throw or breach an invariant of docs/operator-invariants.md. A failure names the seed:
// OPERATOR_SIMULATION_SEED=<seed> OPERATOR_SIMULATION_WORLDS=1 replays it.

const WORLDS = Number(process.env["OPERATOR_SIMULATION_WORLDS"] ?? 20_000);
const FIRST = Number(process.env["OPERATOR_SIMULATION_SEED"] ?? 1);

describe("any world", () => {
  it("never makes the planner throw or breach an invariant", () => {
    const found: string[] = [];
    const kinds = new Map<string, number>();
    for (let seed = FIRST; seed < FIRST + WORLDS && found.length < 5; seed += 1) {
      const world = randomWorld(new SeededPrng(seed));
      const decision = decide(world);
      kinds.set(decision.step?.kind ?? "none", (kinds.get(decision.step?.kind ?? "none") ?? 0) + 1);
      for (const { invariant, detail } of breaches(world, decision))
        found.push(`seed ${seed}: ${invariant}: ${detail} (rule ${decision.rule})`);
    }

    expect(found).toEqual([]);
    // Worlds that ask for nothing show nothing: every kind of step has to be met.
    if (WORLDS >= 20_000) expect([...kinds.keys()].sort()).toEqual(EVERY_KIND);
  }, 300_000);

  it("gives the same decision for the same world, in whatever order its objects come", () => {
    for (let seed = 1; seed <= 500; seed += 1) {
      const world = randomWorld(new SeededPrng(seed));
      const turned = { ...world, members: [...world.members].reverse() };
      expect(decide(turned)).toEqual(decide(world));
    }
  });
});

const EVERY_KIND = [
  "AddLearner",
  "AdoptClaim",
  "Compact",
  "CreateClaim",
  "CreateMember",
  "CreatePod",
  "Defragment",
  "DeleteClaim",
  "DeletePod",
  "DisarmAlarm",
  "ExpandClaims",
  "ForgetMember",
  "MarkJoined",
  "MarkLeaving",
  "MoveLeader",
  "Promote",
  "RecordIdentity",
  "RemoveFromCluster",
  "RenewCertificate",
  "RequestRecovery",
  "RetireClaim",
  "RotateAuthorities",
  "SetMemberEpoch",
  "WithdrawLeaving",
  "none",
];
