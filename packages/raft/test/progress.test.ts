import { describe, expect, it } from "@jest/globals";

import { Progress } from "../src/progress.ts";

function progress(fields: Partial<Pick<Progress, "match" | "next" | "flowPaused" | "sentCommit">> = {}): Progress {
  const made = new Progress(1n, fields.next ?? 5, { inflightMsgs: 2, inflightBytes: Number.POSITIVE_INFINITY });
  return Object.assign(made, fields);
}

describe("Progress", () => {
  it("probes with one append at a time", () => {
    const peer = progress({ match: 3, next: 5 });
    expect(peer.paused).toBe(false);
    peer.sent(0, 0, 2);
    expect(peer.paused).toBe(false);
    peer.sent(1, 10, 2);
    expect([peer.paused, peer.next]).toEqual([true, 5]);
  });

  it("streams in replicate state until the window is full", () => {
    const peer = progress({ match: 3, next: 5 });
    peer.becomeReplicate();
    expect(peer.next).toBe(4);
    peer.sent(2, 10, 0);
    expect([peer.paused, peer.next]).toEqual([false, 6]);
    peer.sent(1, 10, 0);
    expect([peer.paused, peer.next, peer.inflights.count]).toEqual([true, 7, 2]);
    peer.inflights.freeTo(5);
    expect(peer.acknowledge(5)).toBe(true);
    expect(peer.paused).toBe(false);
  });

  it("forgets at the beginning of a term what it was and when it was heard of", () => {
    const peer = progress({ match: 3, next: 5, sentCommit: 2 });
    peer.heard(7);
    expect([peer.recentActive, peer.heardAtTick]).toEqual([true, 7]);
    peer.becomeReplicate();
    peer.reset(9);
    expect([peer.match, peer.next, peer.state, peer.sentCommit]).toEqual([0, 9, "probe", 0]);
    expect([peer.recentActive, peer.heardAtTick]).toEqual([false, Number.NEGATIVE_INFINITY]);
  });

  it("sends nothing in snapshot state", () => {
    const peer = progress({ match: 1 });
    peer.becomeSnapshot(9);
    expect([peer.paused, peer.pendingSnapshot, peer.next, peer.sentCommit]).toEqual([true, 9, 10, 9]);
    expect(() => peer.sent(1, 1, 1)).toThrow("snapshot is on its way");
  });

  it("goes on behind the snapshot, or behind what was acknowledged meanwhile", () => {
    const behind = progress({ match: 1 });
    behind.becomeSnapshot(9);
    behind.becomeProbe();
    expect([behind.state, behind.next, behind.pendingSnapshot]).toEqual(["probe", 10, 0]);
    const ahead = progress({ match: 12, next: 13 });
    ahead.becomeSnapshot(9);
    ahead.becomeProbe();
    expect(ahead.next).toBe(13);
  });

  it("takes an acknowledgement for news only if it is higher", () => {
    const peer = progress({ match: 3, next: 5, flowPaused: true });
    expect([peer.acknowledge(2), peer.acknowledge(3), peer.flowPaused]).toEqual([false, false, true]);
    expect([peer.acknowledge(4), peer.match, peer.next, peer.flowPaused]).toEqual([true, 4, 5, false]);
    expect([peer.acknowledge(8), peer.match, peer.next]).toEqual([true, 8, 9]);
  });

  const rejections: readonly [
    state: "probe" | "replicate",
    match: number,
    next: number,
    rejected: number,
    hint: number,
    effective: boolean,
    newNext: number,
  ][] = [
    // Replicating: anything at or below match is old; else back to what is certain.
    ["replicate", 5, 10, 5, 5, false, 10],
    ["replicate", 5, 10, 4, 4, false, 10],
    ["replicate", 5, 10, 9, 9, true, 6],
    // Probing: only the answer to the probe itself counts.
    ["probe", 0, 10, 5, 5, false, 10],
    ["probe", 0, 10, 9, 9, true, 9],
    ["probe", 0, 10, 9, 2, true, 3],
    ["probe", 0, 2, 1, 0, true, 1],
    ["probe", 0, 10, 9, 0, true, 1],
    // Never below what is known to match.
    ["probe", 6, 10, 9, 2, true, 7],
  ];
  for (const [state, match, next, rejected, hint, effective, newNext] of rejections) {
    it(`in ${state} state, match ${match}, next ${next}: rejection of ${rejected} with hint ${hint} leads to ${newNext}`, () => {
      const peer = progress({ match, next, sentCommit: next - 1 });
      peer.state = state;
      expect(peer.reject(rejected, hint)).toBe(effective);
      expect([peer.next, peer.match < peer.next]).toEqual([newNext, true]);
      expect(peer.sentCommit).toBeLessThan(effective ? newNext : next);
    });
  }

  it("knows whether telling the commit index is of use", () => {
    expect(progress({ next: 5, sentCommit: 4 }).canLearnCommit(9)).toBe(false);
    expect(progress({ next: 5, sentCommit: 3 }).canLearnCommit(3)).toBe(false);
    expect(progress({ next: 5, sentCommit: 3 }).canLearnCommit(4)).toBe(true);
  });
});
