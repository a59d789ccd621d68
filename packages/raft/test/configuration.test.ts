import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";

import type { ConfChangeSingle } from "../src/conf-change.ts";
import {
  changeConfiguration,
  changeOne,
  checkedConfiguration,
  enterJoint,
  leaveJoint,
  membersOf,
} from "../src/configuration.ts";
import { type ConfState, EMPTY_CONF_STATE } from "../src/state.ts";
import { parseChange } from "./harness/change-text.ts";

const changes = (text: string): readonly ConfChangeSingle[] => parseChange(text).changes;

/** `1 2 & 3 4 learners 5 next 4 auto`. */
function show(conf: ConfState | string): string {
  if (typeof conf === "string") return `error ${conf}`;
  const parts = [conf.voters.join(" ")];
  if (conf.votersOutgoing.length > 0) parts.push(`& ${conf.votersOutgoing.join(" ")}`);
  if (conf.learners.length > 0) parts.push(`learners ${conf.learners.join(" ")}`);
  if (conf.learnersNext.length > 0) parts.push(`next ${conf.learnersNext.join(" ")}`);
  if (conf.autoLeave) parts.push("auto");
  return parts.join(" ");
}

/** Runs a script of `simple ...`, `enter ...`, `enter-auto ...` and `leave`; an error leaves the configuration as it was. */
function run(script: readonly string[]): string[] {
  let conf: ConfState = EMPTY_CONF_STATE;
  return script.map((line) => {
    const [verb = "", ...words] = line.split(" ");
    const text = words.join(" ");
    const result =
      verb === "leave"
        ? leaveJoint(conf)
        : verb === "simple"
          ? changeOne(conf, changes(text))
          : enterJoint(conf, changes(text), verb === "enter-auto");
    if (typeof result !== "string") conf = result;
    return show(result);
  });
}

describe("a simple change", () => {
  it("does nothing the second time", () => {
    expect(run(["simple v1", "simple v1", "simple v2", "simple l3", "simple l3", "simple r3", "simple r3"])).toEqual([
      "1",
      "1",
      "1 2",
      "1 2 learners 3",
      "1 2 learners 3",
      "1 2",
      "1 2",
    ]);
  });

  it("promotes a learner and demotes a voter", () => {
    expect(run(["simple v1", "simple v2", "simple l2", "simple v2", "simple l2 v2"])).toEqual([
      "1",
      "1 2",
      "1 learners 2",
      "1 2",
      "1 2",
    ]);
  });

  it("changes any number of learners at once", () => {
    expect(run(["simple v1", "simple l2 l3 l4", "simple r2 l5"])).toEqual([
      "1",
      "1 learners 2 3 4",
      "1 learners 3 4 5",
    ]);
  });

  it("refuses what could make two majorities that do not meet", () => {
    expect(
      run(["simple l1", "simple v1", "simple v2 v3", "simple r1 v2", "simple l1 v2", "simple r1", "simple l1"]),
    ).toEqual([
      "error noVoters",
      "1",
      "error tooManyChanges",
      "error tooManyChanges",
      "error tooManyChanges",
      "error noVoters",
      "error noVoters",
    ]);
  });

  it("cannot be made inside a joint configuration", () => {
    expect(run(["simple v1", "enter v2", "simple v3"])).toEqual(["1", "1 2 & 1", "error alreadyJoint"]);
  });

  it("ignores member 0 and updates", () => {
    expect(run(["simple v1", "simple v0", "simple r0 l0", "simple u1 u9"])).toEqual(["1", "1", "1", "1"]);
  });

  it("refuses kinds it does not know", () => {
    expect(changeOne({ ...EMPTY_CONF_STATE, voters: [1n] }, [{ type: 9, nodeId: 2n }])).toBe("unknownType");
  });
});

describe("a joint change", () => {
  it("keeps the old majority beside the new one until it is left", () => {
    expect(run(["simple v1", "enter v2 v3", "leave", "enter r1 r2", "leave"])).toEqual([
      "1",
      "1 2 3 & 1",
      "1 2 3",
      "3 & 1 2 3",
      "3",
    ]);
  });

  it("may change nothing at all", () => {
    expect(run(["simple v1", "enter", "leave"])).toEqual(["1", "1 & 1", "1"]);
  });

  it("is entered and left in turn, and never without voters", () => {
    expect(run(["enter v1", "leave", "simple v1", "enter r1", "enter v2", "enter v3", "leave", "leave"])).toEqual([
      "error noVoters",
      "error notJoint",
      "1",
      "error noVoters",
      "1 2 & 1",
      "error alreadyJoint",
      "1 2",
      "error notJoint",
    ]);
  });

  it("lets a demoted voter wait until the old majority is gone", () => {
    expect(run(["simple v1", "enter v2 l1", "leave"])).toEqual(["1", "2 & 1 next 1", "2 learners 1"]);
    expect(run(["simple v1", "simple v2", "enter l1 r1 l1 v3", "leave"])).toEqual([
      "1",
      "1 2",
      "2 3 & 1 2 next 1",
      "2 3 learners 1",
    ]);
  });

  it("takes back a demotion that waits", () => {
    expect(run(["simple v1", "simple v2", "enter l1 v1", "leave"])).toEqual(["1", "1 2", "1 2 & 1 2", "1 2"]);
    expect(run(["simple v1", "simple v2", "enter l1 r1", "leave"])).toEqual(["1", "1 2", "2 & 1 2", "2"]);
  });

  it("carries whether it is left by itself", () => {
    expect(run(["simple v1", "enter-auto v2 v3", "leave"])).toEqual(["1", "1 2 3 & 1 auto", "1 2 3"]);
  });
});

describe("a change of the general form", () => {
  const from: ConfState = { ...EMPTY_CONF_STATE, voters: [1n, 2n] };
  const table: readonly [text: string, expected: string][] = [
    ["v3", "1 2 3"],
    ["v3 v4", "1 2 3 4 & 1 2 auto"],
    ["implicit v3", "1 2 3 & 1 2 auto"],
    ["explicit v3", "1 2 3 & 1 2"],
    ["explicit", "1 2 & 1 2"],
    ["", "error notJoint"],
  ];
  for (const [text, expected] of table) {
    it(`"${text}" makes ${expected}`, () => expect(show(changeConfiguration(from, parseChange(text)))).toBe(expected));
  }

  it("without changes leaves a joint configuration", () => {
    expect(show(changeConfiguration({ ...from, votersOutgoing: [1n] }, parseChange("")))).toBe("1 2");
  });
});

describe("a configuration from outside", () => {
  const bad: Readonly<Record<string, Partial<ConfState>>> = {
    "a voter who is a learner": { voters: [1n], learners: [1n] },
    "an outgoing voter who is a learner": { voters: [1n], votersOutgoing: [2n], learners: [2n] },
    "a waiting learner who has no outgoing vote": { voters: [1n], votersOutgoing: [2n], learnersNext: [3n] },
    "a waiting learner who has an incoming vote": { voters: [1n], votersOutgoing: [1n], learnersNext: [1n] },
    "waiting learners outside a joint change": { voters: [1n], learnersNext: [2n] },
    "leaving by itself outside a joint change": { voters: [1n], autoLeave: true },
    "a joint change to nobody": { votersOutgoing: [1n] },
    "member 0": { voters: [0n] },
  };
  for (const [name, parts] of Object.entries(bad)) {
    it(`is refused with ${name}`, () =>
      expect(checkedConfiguration({ ...EMPTY_CONF_STATE, ...parts })).toBeUndefined());
  }

  it("is put in order", () => {
    expect(checkedConfiguration({ ...EMPTY_CONF_STATE, voters: [3n, 1n], learners: [9n, 5n] })).toEqual({
      ...EMPTY_CONF_STATE,
      voters: [1n, 3n],
      learners: [5n, 9n],
    });
  });

  it("keeps its invariants through random changes, and every member is in it once", () => {
    const prng = new SeededPrng(7);
    let conf: ConfState = { ...EMPTY_CONF_STATE, voters: [1n] };
    for (let i = 0; i < 3000; i++) {
      const letters = "vlru";
      const text = Array.from({ length: prng.below(4) }, () => `${letters[prng.below(4)]}${prng.below(6)}`).join(" ");
      const change = parseChange(["", "implicit ", "explicit "][prng.below(3)] + text);
      const next = changeConfiguration(conf, change);
      if (typeof next === "string") continue;
      expect(checkedConfiguration(next)).toEqual(next);
      expect(new Set(membersOf(next)).size).toBe(membersOf(next).length);
      // Two majorities that may decide one after the other have a member in common.
      if (conf.votersOutgoing.length === 0 && next.votersOutgoing.length === 0) {
        const shared = conf.voters.filter((id) => next.voters.includes(id)).length;
        expect(Math.max(conf.voters.length, next.voters.length) - shared).toBeLessThanOrEqual(1);
      }
      conf = next;
    }
  });
});
