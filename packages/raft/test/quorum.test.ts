import { describe, expect, it } from "@jest/globals";

import { majorityPosition, majorityVote, quorumPosition, quorumVote } from "../src/quorum.ts";
import { EMPTY_CONF_STATE } from "../src/state.ts";

/** `[5, 3, _]`: voters 1, 2, 3 stand at 5, at 3, and at nothing. */
function positions(values: readonly (number | undefined)[]): (id: bigint) => number | undefined {
  return (id) => values[Number(id) - 1];
}
const ids = (...numbers: number[]): bigint[] => numbers.map(BigInt);
const _ = undefined;

describe("the position of a majority", () => {
  const table: readonly [values: readonly (number | undefined)[], expected: number][] = [
    [[], Number.POSITIVE_INFINITY],
    [[_], 0],
    [[12], 12],
    [[12, _], 0],
    [[12, 5], 5],
    [[12, 5, _], 5],
    [[_, 5, _], 0],
    [[100, 101, 103], 101],
    [[103, 104, 103], 103],
    [[7, 7, 7, 2], 7],
    [[7, 2, 2, 2], 2],
    [[9, 8, 7, 6, 5], 7],
    [[5, 6, 7, 8, 9], 7],
    [[101, 104, 103, 103, _, _, 101], 101],
  ];
  for (const [values, expected] of table) {
    it(`of ${JSON.stringify(values)} is ${expected}`, () => {
      expect(
        majorityPosition(
          values.map((_value, i) => BigInt(i + 1)),
          positions(values),
        ),
      ).toBe(expected);
    });
  }

  it("does not depend on the order in which voters are listed", () => {
    const values = positions([3, 9, 1, 7, 5]);
    for (let turn = 0; turn < 5; turn++) {
      const order = [1, 2, 3, 4, 5].map((_id, i) => BigInt(((i + turn) % 5) + 1));
      expect(majorityPosition(order, values)).toBe(5);
    }
  });
});

describe("the position of both halves of a joint configuration", () => {
  const table: readonly [incoming: number[], outgoing: number[], values: (number | undefined)[], expected: number][] = [
    [[1, 2, 3], [], [4, 5, 6], 5],
    [[], [], [], Number.POSITIVE_INFINITY],
    [[], [1, 2, 3], [4, 5, 6], 5],
    [[1, 2, 3], [4, 5, 6], [9, 9, 9, 1, 1, 1], 1],
    [[1, 2, 3], [4, 5, 6], [1, 1, 1, 9, 9, 9], 1],
    [[1, 2, 3], [4, 5, 6], [9, 9, 9, _, _, _], 0],
    [[1, 2, 3], [3, 4, 5], [8, 7, 6, 5, 4], 5],
    [[1, 2, 3], [1, 2, 3], [4, 5, 6], 5],
    [[1], [2], [100, 50], 50],
    [[1, 2], [1], [100, 50], 50],
    [[1, 2], [1], [50, 100], 50],
  ];
  for (const [voters, votersOutgoing, values, expected] of table) {
    it(`of ${voters.join()} and ${votersOutgoing.join()} at ${JSON.stringify(values)} is ${expected}`, () => {
      const conf = { ...EMPTY_CONF_STATE, voters: ids(...voters), votersOutgoing: ids(...votersOutgoing) };
      expect(quorumPosition(conf, positions(values))).toBe(expected);
    });
  }
});

/** `y` granted, `n` refused, `_` open; by voter. */
function votes(text: string): Map<bigint, boolean> {
  const map = new Map<bigint, boolean>();
  text.split("").forEach((letter, i) => {
    if (letter !== "_") map.set(BigInt(i + 1), letter === "y");
  });
  return map;
}

describe("the vote of a majority", () => {
  const table: readonly [text: string, expected: string][] = [
    ["", "won"],
    ["_", "pending"],
    ["y", "won"],
    ["n", "lost"],
    ["y_", "pending"],
    ["n_", "lost"],
    ["yn", "lost"],
    ["yy", "won"],
    ["y__", "pending"],
    ["yy_", "won"],
    ["yn_", "pending"],
    ["nn_", "lost"],
    ["yyn", "won"],
    ["ynn", "lost"],
    ["yy__", "pending"],
    ["yyy_", "won"],
    ["ynn_", "lost"],
    ["yynn", "lost"],
    ["yynn_", "pending"],
    ["yynny", "won"],
    ["nnn__", "lost"],
  ];
  for (const [text, expected] of table) {
    it(`${text} is ${expected}`, () => {
      expect(
        majorityVote(
          text.split("").map((_letter, i) => BigInt(i + 1)),
          votes(text),
        ),
      ).toBe(expected);
    });
  }
});

describe("the vote of a joint configuration", () => {
  const table: readonly [incoming: number[], outgoing: number[], text: string, expected: string][] = [
    [[1, 2, 3], [], "yy_", "won"],
    [[1], [2], "y_", "pending"],
    [[1], [2], "yy", "won"],
    [[1], [2], "yn", "lost"],
    [[1], [2], "_n", "lost"],
    [[1, 2], [1], "y_", "pending"],
    [[1, 2, 3], [4, 5, 6], "yy_yy_", "won"],
    [[1, 2, 3], [4, 5, 6], "yyynn_", "lost"],
    [[1, 2, 3], [4, 5, 6], "yyyy_n", "pending"],
    [[1, 2, 3], [3, 4, 5], "__y_y", "pending"],
    [[1, 2, 3], [3, 4, 5], "_yy_y", "won"],
  ];
  for (const [voters, votersOutgoing, text, expected] of table) {
    it(`${text} among ${voters.join()} and ${votersOutgoing.join()} is ${expected}`, () => {
      const conf = { ...EMPTY_CONF_STATE, voters: ids(...voters), votersOutgoing: ids(...votersOutgoing) };
      expect(quorumVote(conf, votes(text))).toBe(expected);
    });
  }
});
