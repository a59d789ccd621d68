import { describe, expect, it } from "@jest/globals";
import { createMessage, type Message, MessageType } from "@quorate/raft";

import { HELD_MAX, Outbox } from "../src/outbox.ts";

function message(init: Partial<Message> & { type: number }): Message {
  return createMessage({ to: 1n, from: 2n, term: 3, ...init });
}

describe("what is held until it is durable", () => {
  it("leaves with the write it depends on, in order", () => {
    const outbox = new Outbox();
    outbox.sendWhenDurable(message({ type: MessageType.VoteResp }));
    outbox.holdFor(1);
    outbox.sendWhenDurable(message({ type: MessageType.AppResp, index: 5 }));
    outbox.holdFor(2);
    outbox.holdFor(3);
    expect(outbox.takeHeld(0)).toEqual([]);
    expect(outbox.takeHeld(1).map(({ type }) => type)).toEqual([MessageType.VoteResp]);
    outbox.sendWhenDurable(message({ type: MessageType.AppResp, index: 6 }));
    outbox.holdFor(4);
    expect(outbox.takeHeld(4).map(({ index }) => index)).toEqual([5, 6]);
  });

  const pairs: readonly [earlier: Partial<Message>, later: Partial<Message>, kept: number][] = [
    [{ index: 5 }, { index: 6 }, 1],
    [{ index: 5 }, { index: 5 }, 1],
    [{ index: 6 }, { index: 5 }, 2],
    [{ index: 5 }, { index: 6, to: 3n }, 2],
    [{ index: 5 }, { index: 6, term: 4 }, 2],
    [{ index: 5 }, { index: 6, reject: true }, 2],
    [{ index: 5, reject: true }, { index: 6 }, 2],
    [{ index: 5 }, { index: 6, type: MessageType.VoteResp }, 2],
    [{ index: 5, type: MessageType.VoteResp }, { index: 6 }, 2],
  ];
  for (const [earlier, later, kept] of pairs) {
    it(`is ${kept} message(s) of ${JSON.stringify({ ...earlier, to: Number(earlier.to ?? 1n) })} and ${JSON.stringify({ ...later, to: Number(later.to ?? 1n) })}`, () => {
      const outbox = new Outbox();
      outbox.sendWhenDurable(message({ type: MessageType.AppResp, ...earlier }));
      outbox.sendWhenDurable(message({ type: MessageType.AppResp, ...later }));
      expect(outbox.takeFresh().length).toBe(kept);
    });
  }

  it("is bounded while the disk hangs: the oldest are lost, as if on their way", () => {
    const outbox = new Outbox();
    for (let term = 1; term <= 3 * HELD_MAX; term++) {
      outbox.sendWhenDurable(message({ type: MessageType.VoteResp, term, reject: true }));
      outbox.holdFor(1);
    }
    const held = outbox.takeHeld(1);
    expect([held.length, held[held.length - 1]?.term]).toEqual([HELD_MAX, 3 * HELD_MAX]);
  });
});
