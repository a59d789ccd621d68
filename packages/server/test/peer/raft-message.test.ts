import { describe, expect, it } from "@jest/globals";
import { bytesFromLatin1, EMPTY_BYTES, SeededPrng } from "@quorate/base";
import { DecodeError, decodeRaftMessage, Writer } from "@quorate/protocol";
import { createMessage, type Entry, type Message, MessageType } from "@quorate/raft";
import { EntryBlocks } from "../../src/node/peer/entry-blocks.ts";
import { decodeEntry, decodeMessage, writeMessage } from "../../src/node/peer/raft-message.ts";

function encode(message: Message): Uint8Array {
  const writer = new Writer();
  writeMessage(writer, message, new EntryBlocks().fields(message.entries));
  return writer.finish();
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-f]/g, ""), "hex"));
const entry = (index: number, data = "x", term = 3): Entry => ({ term, index, type: 0, data: bytesFromLatin1(data) });
const append = createMessage({
  type: MessageType.App,
  to: 2n,
  from: 1n,
  term: 3,
  logTerm: 3,
  index: 7,
  entries: [entry(8)],
  commit: 6,
});
const snapshot = createMessage({
  type: MessageType.Snap,
  to: 2n,
  from: 1n,
  term: 3,
  snapshot: {
    index: 9,
    term: 3,
    data: bytesFromLatin1("d"),
    confState: { voters: [1n, 2n], learners: [3n], votersOutgoing: [], learnersNext: [], autoLeave: false },
  },
});

describe("raft messages on the wire", () => {
  it("are read as raft 3.6 writes them", () => {
    const dialect: readonly (readonly [string, Message])[] = [
      ["0808100018002000280030004000500058006800", createMessage({ type: MessageType.Heartbeat })],
      ["0803 1002 1801 2003 2803 3007 3a09 0800 1003 1808 220178 4006 5000 5800 6800", append],
      [
        "0804 1002 1801 2003 2802 3007 4000 5001 5805 6800",
        createMessage({ type: 4, to: 2n, from: 1n, term: 3, logTerm: 2, index: 7, reject: true, rejectHint: 5 }),
      ],
      [
        "0809 1002 1801 2003 2800 3000 4000 5000 5800 6202 0102 6800",
        createMessage({ type: 9, to: 2n, from: 1n, term: 3, context: Uint8Array.of(1, 2) }),
      ],
      [
        "0807 1002 1801 2003 2800 3000 4000 4a13 0a0164 120e 0a08 0801 0802 1003 2800 1009 1803 5000 5800 6800",
        snapshot,
      ],
    ];
    for (const [bytes, message] of dialect) expect(decodeMessage(hex(bytes))).toEqual(message);
  });

  it("are read as raft up to 3.5 and as 3.7 write them", () => {
    const old = "0808100018002000280030004000 4a0a 1208 0a02 2800 1000 1800 5000 5800";
    expect(decodeMessage(hex(old))).toEqual(createMessage({ type: MessageType.Heartbeat }));
    expect(decodeMessage(hex("0808"))).toEqual(createMessage({ type: MessageType.Heartbeat }));
    expect(decodeMessage(hex("0803 1002 1801 2003 2803 3007 3a07 1003 1808 220178 4006"))).toEqual(append);
  });

  it("are written with every scalar, zero too, as every release reads them", () => {
    expect(encode(append)).toEqual(hex("0803 1002 1801 2003 2803 3007 3a09 0800 1003 1808 220178 4006 5000 5800"));
    expect(encode(snapshot)).toEqual(
      hex("0807 1002 1801 2003 2800 3000 4000 4a13 0a0164 120e 0a08 0801 0802 1003 2800 1009 1803 5000 5800"),
    );
  });

  it("mean the same to the generated codec", () => {
    const entries = [entry(8, "", 2), entry(9, "y".repeat(300)), { ...entry(10), type: 1 }];
    const message = createMessage({ ...append, from: 2n ** 64n - 3n, entries, commit: 2 ** 40, vote: 5n });
    const { responses: _, ...generated } = decodeRaftMessage(encode(message)) as unknown as Record<string, unknown>;

    expect(generated["from"]).toBe(message.from);
    expect(generated["commit"]).toBe(message.commit);
    expect(generated["vote"]).toBe(5n);
    expect(generated["entries"]).toMatchObject(entries.map(({ index, term, data }) => ({ index, term, data })));
    expect(decodeMessage(encode(message))).toEqual(message);
    expect(decodeMessage(encode(snapshot))).toEqual(snapshot);
  });

  it("share the bytes of entries but copy what is small", () => {
    const bytes = encode(append);
    const { entries } = decodeMessage(bytes);
    expect(entries[0]?.data.buffer).toBe(bytes.buffer);
    expect(decodeMessage(hex("6202 0102")).context).toEqual(Uint8Array.of(1, 2));
  });

  it("refuse counters that could not be exact", () => {
    for (const tag of ["20", "28", "30", "40", "58"])
      expect(() => decodeMessage(hex(`${tag} ffffffffffffffffff01`))).toThrow(DecodeError);
    expect(() => decodeEntry(hex("18 ffffffffffffffffff01"), 0, 11)).toThrow(DecodeError);
    expect(decodeMessage(hex("18 ffffffffffffffffff01")).from).toBe(2n ** 64n - 1n);
  });

  it("fail with nothing but DecodeError, whatever the bytes", () => {
    const prng = new SeededPrng(7);
    const valid = [encode(append), encode(snapshot)];
    let failures = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from(valid[round & 1] ?? EMPTY_BYTES);
      for (let i = 0; i < 3; i++) bytes[prng.below(bytes.length)] = prng.below(256);
      try {
        decodeMessage(bytes, 0, prng.below(bytes.length + 1));
      } catch (error) {
        failures++;
        expect({ round, error }).toEqual({ round, error: expect.any(DecodeError) });
      }
    }
    expect(failures).toBeGreaterThan(1000);
  });
});

describe("encoded runs of entries", () => {
  it("are found again for the same entries, in another array too, and made anew for others", () => {
    const blocks = new EntryBlocks();
    const [a, b, c] = [entry(1), entry(2), entry(3)];
    const first = Uint8Array.from(blocks.fields([a, b]));

    expect(blocks.fields([a, b])).toEqual(first);
    expect(blocks.fields([a, b, c])).not.toEqual(first);
    expect(blocks.fields([a])).toEqual(first.subarray(0, first.length / 2));
    expect(blocks.fields([])).toEqual(EMPTY_BYTES);
    expect(blocks.fields([{ ...a }, b])).toEqual(first);
    expect(blocks.framed([a])).toEqual(hex("0000000000000009 0800 1003 1801 220178"));
  });
});
