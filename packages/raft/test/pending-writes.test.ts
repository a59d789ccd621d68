import { describe, expect, it } from "@jest/globals";
import { MessageType } from "@quorate/raft";

import { PendingWrites } from "../src/pending-writes.ts";
import { BASE, entry, Net } from "./harness/net.ts";

function write(lastIndex: number, snapshotIndex = 0) {
  return { lastIndex, snapshotIndex, tick: 7 };
}

describe("writes in flight", () => {
  it("are settled in order, the newest report standing for the earlier ones", () => {
    const writes = new PendingWrites();
    writes.add(1, write(5));
    writes.add(3, write(0, 9));
    writes.add(4, write(12));
    expect([writes.count, writes.newestReady, writes.oldestTick]).toEqual([3, 4, 7]);
    expect(writes.settle(0)).toBeUndefined();
    expect(writes.settle(3)).toEqual({ lastIndex: 5, snapshotIndex: 9 });
    expect(writes.settle(3)).toBeUndefined();
    expect(writes.settle(9)).toEqual({ lastIndex: 12, snapshotIndex: 0 });
    expect([writes.count, writes.newestReady, writes.oldestTick]).toEqual([0, undefined, undefined]);
  });

  it("confirm nothing from where a later one overwrites", () => {
    const writes = new PendingWrites();
    writes.add(1, write(5));
    writes.add(2, write(8));
    writes.overwrittenFrom(5);
    writes.add(3, write(6));
    expect(writes.settle(1)).toEqual({ lastIndex: 4, snapshotIndex: 0 });
    expect(writes.settle(2)).toEqual({ lastIndex: 4, snapshotIndex: 0 });
    expect(writes.settle(3)).toEqual({ lastIndex: 6, snapshotIndex: 0 });
  });
});

describe("the same entry written, replaced and written again while all three writes are in flight", () => {
  /** Entry BASE + 1 of term 2, then of term 3, then of term 2 once more: here through a leader of term 4 that has it. */
  function written(): Net {
    const net = new Net({ voters: 3 });
    const append = (from: bigint, term: number, entryTerm: number): void => {
      net.send(2, {
        type: MessageType.App,
        from,
        term,
        index: BASE,
        logTerm: 1,
        entries: [entry(BASE + 1, entryTerm)],
      });
      net.take(2);
    };
    append(1n, 2, 2);
    append(3n, 3, 3);
    append(1n, 4, 2);
    expect(net.at(2).inFlight.length).toBe(3);
    return net;
  }

  it("is durable with the third write, not with the first, though that wrote the same bytes", () => {
    const net = written();
    const stable: number[] = [];
    for (let i = 0; i < 3; i++) {
      net.at(2).persist(1);
      stable.push(net.at(2).node.status().stableIndex);
    }
    expect(stable).toEqual([BASE, BASE, BASE + 1]);
  });

  it("is acknowledged in each term with the write of that term, and stays readable throughout", () => {
    const net = written();
    const acks: (number | bigint)[][] = [];
    for (let i = 0; i < 3; i++) {
      net.at(2).persist(1);
      for (const { type, term, to, index } of net.take(2))
        if (type === MessageType.AppResp) acks.push([to, term, index]);
      expect(net.at(2).node.lastIndex).toBe(BASE + 1);
    }
    expect(acks).toEqual([
      [1n, 2, BASE + 1],
      [3n, 3, BASE + 1],
      [1n, 4, BASE + 1],
    ]);
  });

  it("is what the disk holds after a crash between any two of the writes", () => {
    for (const [kept, term] of [
      [0, "unavailable"],
      [1, 2],
      [2, 3],
      [3, 2],
    ] as const) {
      const net = written();
      net.at(2).crash(kept);
      expect(net.at(2).storage.term(BASE + 1)).toBe(term);
    }
  });
});
