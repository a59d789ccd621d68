import { describe, expect, it } from "@jest/globals";
import { gatherFacts } from "../../../src/core/plan/facts/facts.ts";
import { rollOrder } from "../../../src/core/plan/order/roll.ts";
import { successor } from "../../../src/core/plan/order/successor.ts";
import { victims } from "../../../src/core/plan/order/victim.ts";
import { build, healthy, SILENT, type WorldSketch } from "./build-world.ts";

function order(sketch: WorldSketch, sort: typeof victims): string {
  const facts = gatherFacts(healthy(5, sketch));
  return sort(facts, facts.members)
    .map((member) => member.serial)
    .join(" ");
}

describe("the order of victims", () => {
  const rows: readonly (readonly [string, WorldSketch, string])[] = [
    ["newest first, leader last", {}, "5 4 3 2 1"],
    ["the leader last wherever it is", { leader: 5 }, "4 3 2 1 5"],
    ["who does not answer before who does", { members: { 2: { answer: SILENT } } }, "2 5 4 3 1"],
    [
      "who lost its data before who does not answer",
      { members: { 2: { answer: SILENT }, 3: { pod: "none", claim: "none" } } },
      "3 2 5 4 1",
    ],
    ["who is far behind before who is not", { members: { 2: { says: { appliedIndex: 1000 } } } }, "2 5 4 3 1"],
    ["who shares a node before who does not", { members: { 2: { pod: { node: "n3" } } } }, "3 2 5 4 1"],
    [
      "who was deleted by the user before all",
      { members: { 2: { isDeleted: true }, 3: { answer: SILENT } } },
      "2 3 5 4 1",
    ],
  ];
  for (const [title, sketch, expected] of rows) it(title, () => expect(order(sketch, victims)).toBe(expected));

  it("never is the order of names", () => {
    const many = Object.fromEntries([9, 10, 11].map((serial) => [serial, {}]));
    const facts = gatherFacts(build({ members: many, leader: 9 }));
    expect(victims(facts, facts.members).map((member) => member.name)).toEqual(["c-11", "c-10", "c-9"]);
  });
});

describe("the order of a roll", () => {
  const rows: readonly (readonly [string, WorldSketch, string])[] = [
    ["followers, then the leader", {}, "2 3 4 5 1"],
    ["who is not well before all others", { members: { 4: { answer: SILENT } } }, "4 2 3 5 1"],
    ["a learner first", { members: { 5: { role: "learner" }, 4: { answer: SILENT } } }, "5 4 2 3 1"],
    ["who is most behind first among followers", { members: { 3: { says: { appliedIndex: 4500 } } } }, "3 2 4 5 1"],
  ];
  for (const [title, sketch, expected] of rows) {
    it(title, () => expect(order(sketch, (_facts, members) => rollOrder(members))).toBe(expected));
  }
});

describe("the successor", () => {
  const next = (sketch: WorldSketch): string | undefined => successor(gatherFacts(healthy(3, sketch)), "c-1")?.name;
  const rows: readonly (readonly [string, WorldSketch, string | undefined])[] = [
    ["is the newest among equals", {}, "c-3"],
    ["is one that runs what is wanted", { members: { 3: { pod: { templateHash: "h0" } } } }, "c-2"],
    ["is the one that is least behind", { members: { 3: { says: { appliedIndex: 4990 } } } }, "c-2"],
    [
      "is nobody who is far behind",
      { members: { 2: { says: { appliedIndex: 1 } }, 3: { says: { appliedIndex: 1 } } } },
      undefined,
    ],
    ["is nobody who leaves", { members: { 3: { spec: { desiredRole: "Absent" } } } }, "c-2"],
    ["is one that is to be replaced only if there is no other", { members: { 3: { isDeleted: true } } }, "c-2"],
    ["may be one that is to be replaced", { members: { 2: { answer: SILENT }, 3: { isDeleted: true } } }, "c-3"],
    ["is never a learner", { members: { 2: { answer: SILENT }, 3: { role: "learner" } } }, undefined],
  ];
  for (const [title, sketch, expected] of rows) it(title, () => expect(next(sketch)).toBe(expected));
});
