/** What the operator's end-to-end tests hold a cluster to, on members that were made up. */
import { describe, expect, it } from "@jest/globals";
import { type ListedMember, membershipProblems } from "../../src/operator/membership-watch.ts";
import { gapsOf } from "../../src/operator/write-load.ts";

describe("membership changes", () => {
  const [a, b, c] = [voter("a"), voter("b"), voter("c")];

  it("are right one after the other", () => {
    const joined = [a, b, { ...c, name: "", isLearner: true }];
    const steps = [[a, b], joined, [a, b, { ...c, isLearner: true }], [a, b, c], [b, c], [b, c]];
    for (const [index, after] of steps.entries()) expect(membershipProblems(steps[index - 1], after)).toEqual([]);
  });

  it("are a breach two at a time, and when one begins before the last has ended", () => {
    expect(membershipProblems([a, b, c], [a])).toEqual(["[a, b, c] became [a] at once"]);
    expect(membershipProblems([a, b], [a, c])).toEqual(["[a, b] became [a, c] at once"]);
    const learners = [a, { ...b, isLearner: true }, { ...c, name: "" }];
    expect(membershipProblems(undefined, learners)).toEqual(["2 members join at once: [a, b (learner), c]"]);
  });
});

describe("gaps between writes", () => {
  it("are those of more than a tenth of a second, the longest first", () => {
    expect(gapsOf([0, 50, 350, 300, 1000])).toEqual([
      { fromMs: 350, lengthMs: 650 },
      { fromMs: 50, lengthMs: 250 },
    ]);
  });
});

function voter(name: string): ListedMember {
  return { id: name, name, isLearner: false };
}
