import { describe, expect, it } from "@jest/globals";
import {
  createRaftEntry,
  createRaftHardState,
  createRaftMessage,
  createWalRecord,
  createWalSnapshot,
  decodeInternalRaftRequest,
  decodeRaftConfChange,
  decodeRaftEntry,
  decodeRaftHardState,
  decodeRaftMessage,
  encodeRaftEntry,
  encodeRaftHardState,
  encodeRaftMessage,
  encodeWalRecord,
  encodeWalSnapshot,
  RaftRequestPeek,
  Writer,
  writeRaftRequest,
} from "../src/index.ts";

/* Bytes seen between real etcd nodes and in their logs; peer protocol page, sections 10.1 and 12, file formats page, section 4. */

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(/[\s[\]]/g, ""), "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

describe("messages of etcd 3.6", () => {
  it("are read: heartbeat of a link", () => {
    expect(decodeRaftMessage(bytes("0808100018002000280030004000500058006800"))).toEqual(
      createRaftMessage({ type: 8 }),
    );
  });

  it("are read: MsgApp with an entry", () => {
    const app = "0803 1002 1801 2003 2803 3007 3a09[0800 1003 1808 220178] 4006 5000 5800 6800";

    expect(decodeRaftMessage(bytes(app))).toEqual(
      createRaftMessage({
        type: 3,
        to: 2n,
        from: 1n,
        term: 3,
        logTerm: 3,
        index: 7,
        entries: [createRaftEntry({ term: 3, index: 8, data: bytes("78") })],
        commit: 6,
      }),
    );
  });

  it("are read: a rejection, a heartbeat's answer with context, a snapshot", () => {
    expect(decodeRaftMessage(bytes("0804 1002 1801 2003 2802 3007 4000 5001 5805 6800"))).toMatchObject({
      type: 4,
      reject: true,
      rejectHint: 5,
      logTerm: 2,
      index: 7,
    });
    expect(decodeRaftMessage(bytes("0809 1002 1801 2003 2800 3000 4000 5000 5800 6202 0102 6800")).context).toEqual(
      bytes("0102"),
    );
    const snap =
      "0807 1002 1801 2003 2800 3000 4000 4a13[0a01 64 120e[0a08[0801 0802 1003 2800] 1009 1803]] 5000 5800 6800";
    expect(decodeRaftMessage(bytes(snap)).snapshot).toEqual({
      data: bytes("64"),
      metadata: {
        confState: { voters: [1n, 2n], learners: [3n], votersOutgoing: [], learnersNext: [], autoLeave: false },
        index: 9,
        term: 3,
      },
    });
  });

  it("are read and written: entry, hard state, configuration change", () => {
    expect(decodeRaftEntry(bytes("0800 1002 1804"))).toEqual(createRaftEntry({ term: 2, index: 4 }));
    expect(hex(encodeRaftEntry(createRaftEntry({ term: 2, index: 4 })))).toBe("10021804");
    const hardState = createRaftHardState({ term: 2, vote: 1n, commit: 3 });
    expect(decodeRaftHardState(bytes("0802 1001 1803"))).toEqual(hardState);
    expect(hex(encodeRaftHardState(hardState))).toBe("080210011803");
    expect(decodeRaftConfChange(bytes("0809 1000 1805 22 02 7b7d"))).toEqual({
      id: 9n,
      type: 0,
      nodeId: 5n,
      context: bytes("7b7d"),
    });
  });

  it("say nothing by what they leave out: 3.7 leaves out what was not assigned", () => {
    expect(decodeRaftMessage(bytes("0808"))).toEqual(createRaftMessage({ type: 8 }));
    expect(decodeRaftMessage(encodeRaftMessage(createRaftMessage({ type: 8, to: 1n })))).toEqual(
      createRaftMessage({ type: 8, to: 1n }),
    );
  });
});

describe("log records", () => {
  it("write type and checksum even when zero, as in the head of a real file", () => {
    expect(hex(encodeWalRecord(createWalRecord({ type: 4 })))).toBe("08041000");
    expect(hex(encodeWalSnapshot(createWalSnapshot()))).toBe("08001000");
  });
});

describe("replicated requests", () => {
  const seen = "22 0d [0a 04 63617030 12 05 68656c6c6f] a2 06 0a [08 c6f2b6db9fc0a8fe0f]";

  it("are written like a real node's", () => {
    const id = decodeInternalRaftRequest(bytes(seen)).header?.id ?? 0n;
    const writer = new Writer();
    writeRaftRequest(
      writer,
      4,
      bytes("0a 04 63617030 12 05 68656c6c6f"),
      Number(id >> 48n),
      Number(id & 0xffff_ffff_ffffn),
    );

    expect(hex(writer.finish())).toBe(hex(bytes(seen)));
  });

  it("are recognised with the whole ID and the place of their header", () => {
    const peek = new RaftRequestPeek();
    const data = bytes(seen);
    peek.read(data);

    const id = (BigInt(peek.idHigh16) << 48n) | BigInt(peek.idLow48);
    expect(id).toBe(decodeInternalRaftRequest(data).header?.id);
    expect(hex(data.subarray(peek.headerStart, peek.headerEnd))).toBe("08c6f2b6db9fc0a8fe0f");
    expect(hex(data.subarray(peek.start, peek.end))).toBe("0a0463617030120568656c6c6f");
  });

  it("take their ID from the request where it has one, as etcd does", () => {
    const peek = new RaftRequestPeek();
    peek.read(bytes("08 07 22 00 a2 06 02 08 09"));
    expect(peek.idLow48).toBe(7);
    peek.read(bytes("a2 06 02 08 09 22 00"));
    expect(peek.idLow48).toBe(9);
    peek.read(bytes("22 00"));
    expect([peek.idLow48, peek.idHigh16, peek.headerStart, peek.headerEnd]).toEqual([0, 0, 0, 0]);
  });

  it("are refused without a request inside, or with a header that goes beyond its end", () => {
    const peek = new RaftRequestPeek();

    expect(() => peek.read(bytes("a2 06 02 08 09"))).toThrow("a replicated request without a request");
    expect(() => peek.read(bytes("22 00 a2 06 01 08 09"))).toThrow("unexpected EOF");
  });
});
