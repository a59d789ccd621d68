import { describe, expect, it } from "@jest/globals";
import { bytesFromLatin1 } from "@quorate/base";
import { DecodeError, Writer } from "@quorate/protocol";
import { createMessage, type Entry, type Message, MessageType } from "@quorate/raft";
import { EntryBlocks } from "../../src/node/peer/entry-blocks.ts";
import { frameDecoder, frameEncoder, type StreamKind } from "../../src/node/peer/framing.ts";

const ids = { local: 2n, remote: 1n };
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-f]/g, ""), "hex"));
const entry = (index: number, term = 3): Entry => ({ term, index, type: 0, data: bytesFromLatin1("x") });

function append(index: number, count: number, over: Partial<Message> = {}): Message {
  const entries = Array.from({ length: count }, (_, i) => entry(index + 1 + i));
  return createMessage({
    type: MessageType.App,
    to: 2n,
    from: 1n,
    term: 3,
    logTerm: 3,
    index,
    entries,
    commit: 6,
    ...over,
  });
}

function frames(kind: StreamKind, messages: readonly Message[]): Uint8Array {
  const encoder = frameEncoder(kind, new EntryBlocks());
  const writer = new Writer();
  for (const message of messages) {
    encoder.write(writer, message);
    encoder.writeHeartbeat(writer);
  }
  return writer.finish();
}

function read(kind: StreamKind, chunks: readonly Uint8Array[]): Message[] {
  const messages: Message[] = [];
  const decoder = frameDecoder(kind, ids, (message) => messages.push(message));
  for (const chunk of chunks) decoder.push(chunk);
  return messages;
}

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
  return chunks;
}

describe("message framing", () => {
  it("is a length and a message", () => {
    const writer = new Writer();
    frameEncoder("message", new EntryBlocks()).writeHeartbeat(writer);
    expect(writer.finish()).toEqual(hex("0000000000000012 080810001800200028003000400050005800"));
  });

  it("is read whatever the chunks, and heartbeats of the link are left out in every dialect", () => {
    const messages = [append(7, 3), createMessage({ type: 9, from: 1n, to: 2n, term: 3 }), append(10, 0)];
    const bytes = frames("message", messages);
    for (const size of [1, 2, 7, 8, 9, 64, bytes.length])
      expect({ size, got: read("message", pieces(bytes, size)) }).toEqual({ size, got: messages });
    const dialects =
      "0000000000000002 0808 000000000000001e 0808100018002000280030004000 4a0a12080a0228001000180050005800";
    expect(read("message", [hex(dialects)])).toEqual([]);
  });

  it("refuses a frame of more than 512 MiB without waiting for it", () => {
    expect(() => read("message", [hex("0000000020000001")])).toThrow(DecodeError);
    expect(read("message", [hex("0000000020000000")])).toEqual([]);
  });
});

describe("msgapp framing", () => {
  it("leaves out the envelope of an append that continues the one before", () => {
    const bytes = frames("msgapp", [append(7, 1), append(8, 1), append(9, 0)]);
    expect(bytes).toEqual(
      hex(`02 000000000000001d 0803 1002 1801 2003 2803 3007 3a09 0800 1003 1808 220178 4006 5000 5800 00
           01 0000000000000001 0000000000000009 0800 1003 1809 220178 0000000000000006 00
           01 0000000000000000 0000000000000006 00`),
    );
  });

  it("writes whole messages at first, in a new term, after a gap and for entries of an older term", () => {
    const messages = [
      append(7, 2),
      append(7, 2),
      append(9, 1, { term: 4 }),
      append(10, 1, { term: 4 }),
      append(11, 1, { term: 4, logTerm: 4 }),
    ];
    const types: number[] = [];
    const encoder = frameEncoder("msgapp", new EntryBlocks());
    for (const message of messages) {
      const writer = new Writer();
      encoder.write(writer, message);
      types.push(writer.buffer[0] ?? -1);
    }
    expect(types).toEqual([2, 2, 2, 2, 1]);
  });

  it("is read whatever the chunks", () => {
    const messages = [
      append(7, 3),
      append(10, 2),
      append(12, 0),
      append(12, 1),
      append(5, 1, { term: 4 }),
      append(6, 1, { term: 4, logTerm: 4 }),
    ];
    const bytes = frames("msgapp", messages);
    for (const size of [1, 3, 8, 9, 33, bytes.length])
      expect({ size, got: read("msgapp", pieces(bytes, size)) }).toEqual({ size, got: messages });
  });

  it("refuses what is no frame, and promises it need not wait for", () => {
    const bad = [
      "03",
      "01 0000000000000001 0000000020000001",
      "02 ffffffffffffffff",
      "01 0000000000000000 ffffffffffffffff",
    ];
    for (const bytes of bad) expect(() => read("msgapp", [hex(bytes)])).toThrow(DecodeError);
    expect(() => read("msgapp", [hex("01 0000000000000001 0000000000000002 0aff")])).toThrow(DecodeError);
    // A number of entries is no promise to keep memory for.
    expect(read("msgapp", [hex("01 ffffffffffffffff")])).toEqual([]);
  });
});
