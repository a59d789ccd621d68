import { describe, expect, it } from "@jest/globals";
import {
  type CurrentHash,
  compareCompaction,
  firstSuspicion,
  membersThatDiffer,
  type PeerAnswer,
} from "@quorate/server/core";

const SELF = 1n;
const current = (hash: number, compactRevision = 5, currentRevision = 9): CurrentHash => ({
  hash,
  compactRevision,
  currentRevision,
});
const peer = (id: bigint, answer?: CurrentHash): PeerAnswer => ({ id, answer });

describe("the check of a member that has just opened its data", () => {
  it("finds those that have another hash, and nothing in those that cannot be compared", () => {
    const peers = [peer(2n, current(7)), peer(3n, current(8)), peer(4n, current(8, 6)), peer(5n)];

    expect(membersThatDiffer(current(7), peers)).toEqual([3n]);
  });
});

describe("the leader's comparison of the newest state", () => {
  const suspect = (first: CurrentHash, second: CurrentHash, ...peers: readonly PeerAnswer[]): unknown => {
    const suspicion = firstSuspicion({ self: SELF, first, second, peers });
    return suspicion === undefined ? undefined : [suspicion.memberId, suspicion.reason];
  };

  it("finds nothing in members that are alike, behind, or silent", () => {
    const behind = { hash: 3, compactRevision: 4, currentRevision: 7 };
    expect(suspect(current(7), current(7), peer(2n, current(7)), peer(3n, behind), peer(4n))).toBeUndefined();
  });

  it("doubts a follower of another hash, one that is ahead, and one that has compacted more", () => {
    expect(suspect(current(7), current(7), peer(2n, current(7)), peer(3n, current(8)))).toEqual([
      3n,
      "same compact revision then hashes must match",
    ]);
    expect(suspect(current(7), current(9, 5, 12), peer(2n, current(7, 5, 13)))).toEqual([
      2n,
      "revision from follower must be less than or equal to leader's",
    ]);
    expect(suspect(current(7), current(9, 6, 12), peer(2n, current(8, 7)))).toEqual([
      2n,
      "compact revision from follower must be less than or equal to leader's",
    ]);
  });

  it("doubts itself when its own hash of one state is not always the same", () => {
    expect(suspect(current(7), current(8), peer(2n, current(8)))).toEqual([SELF, "found hash mismatch"]);
    expect(suspect(current(7), current(8, 5, 10), peer(2n, current(7)))).toBeUndefined();
    expect(suspect(current(7), current(8, 6), peer(2n, current(7)))).toBeUndefined();
  });
});

describe("the comparison of a compaction", () => {
  it("is complete when every member has the same, and incomplete when one cannot be compared", () => {
    expect(compareCompaction(SELF, current(7), [peer(2n, current(7)), peer(3n, current(7))])).toEqual({
      kind: "equal",
    });
    expect(compareCompaction(SELF, current(7), [peer(2n, current(7)), peer(3n)])).toEqual({
      kind: "incomplete",
      checked: 1,
    });
    expect(compareCompaction(SELF, current(7), [peer(2n, current(7)), peer(3n, current(8, 4))])).toEqual({
      kind: "incomplete",
      checked: 1,
    });
  });

  it("suspects the minority, the leader too, and nobody by name where there is no majority", () => {
    expect(compareCompaction(SELF, current(7), [peer(2n, current(7)), peer(3n, current(8))])).toEqual({
      kind: "different",
      suspects: [3n],
    });
    expect(compareCompaction(SELF, current(7), [peer(2n, current(8)), peer(3n, current(8))])).toEqual({
      kind: "different",
      suspects: [SELF],
    });
    expect(compareCompaction(SELF, current(7), [peer(2n, current(8)), peer(3n, current(9))])).toEqual({
      kind: "different",
      suspects: [0n],
    });
    expect(compareCompaction(SELF, current(7), [peer(2n, current(8)), peer(3n)])).toEqual({
      kind: "different",
      suspects: [0n],
    });
  });
});
