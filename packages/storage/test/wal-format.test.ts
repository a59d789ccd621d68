import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { decodeSnapFile, encodeSnapFile, snapFileName } from "@quorate/storage";
import { decodeEntry, encodeHardState, encodeWalMetadata, encodeWalSnapshot } from "../src/wal/record-codec.ts";
import { RecordEncoder } from "../src/wal/record-encoder.ts";
import { paddingFor, parseSegmentName, RecordType, segmentName } from "../src/wal/record-format.ts";
import { RecordReader } from "../src/wal/record-reader.ts";
import { SimulatedDisk } from "./support/simulated-disk.ts";
import { entry, readAll, WAL_DIRECTORY } from "./support/wal-fixture.ts";

/** The first segment of a member of etcd 3.4.23 after twelve requests, without its preallocated tail. */
const ETCD_WAL = new Uint8Array(readFileSync(new URL("testdata/etcd-3.4.23.wal", import.meta.url)));
const ETCD_SNAP_NAME = "0000000000000002-0000000000000009.snap";
const ETCD_SNAP = new Uint8Array(readFileSync(new URL("testdata/etcd-3.4.23-snap.bin", import.meta.url)));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function recordsOf(bytes: Uint8Array): { type: number; data: Uint8Array }[] {
  const disk = new SimulatedDisk();
  disk.put("/log", bytes);
  const reader = new RecordReader(disk.open("/log", "read"), "/log", undefined);
  const records: { type: number; data: Uint8Array }[] = [];
  while (reader.next() === "record") records.push({ type: reader.type, data: reader.data.slice() });
  expect(reader.nextOffset).toBe(bytes.length);
  return records;
}

describe("the log's format", () => {
  it("begins as etcd's does", () => {
    const encoder = new RecordEncoder(0);
    encoder.crcRecord();
    expect(hex(encoder.buffer.subarray(0, encoder.length))).toBe("0400000000000084" + "08041000" + "00000000");
  });

  it("is read from a log that etcd wrote", () => {
    const disk = new SimulatedDisk();
    disk.put(`${WAL_DIRECTORY}/${segmentName(0, 0)}`, ETCD_WAL);
    const contents = readAll(disk);
    expect(contents.hardState).toEqual({ term: 2, vote: 0x2e1259d415f2a040n, commit: 16 });
    expect(contents.entries.map(({ index }) => index)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    expect(contents.snapshots.map(({ index, term }) => [index, term])).toEqual([
      [0, 0],
      [9, 2],
    ]);
    expect(hex(contents.metadata)).toBe(hex(encodeWalMetadata(0x2e1259d415f2a040n, 0x48276a8f75b6a87n)));
    expect(contents.torn).toBeUndefined();
  });

  it("is written byte for byte as etcd writes it", () => {
    const encoder = new RecordEncoder(0);
    for (const { type, data } of recordsOf(ETCD_WAL)) {
      if (type === RecordType.Crc) encoder.crcRecord();
      else if (type === RecordType.Entry) {
        const decoded = decodeEntry(data);
        if (decoded === undefined) throw new Error("an entry of etcd is not read");
        encoder.entry(decoded);
      } else encoder.record(type, data);
    }
    expect(hex(encoder.buffer.subarray(0, encoder.length))).toBe(hex(ETCD_WAL));
  });

  it("writes the messages of records as etcd does", () => {
    expect(hex(encodeHardState({ term: 2, vote: 1n, commit: 3 }))).toBe("080210011803");
    expect(hex(encodeWalSnapshot({ index: 0, term: 0, confState: undefined }))).toBe("08001000");
    const confState = { voters: [1n, 2n], learners: [3n], votersOutgoing: [], learnersNext: [], autoLeave: false };
    expect(hex(encodeWalSnapshot({ index: 9, term: 3, confState }))).toBe("08091003" + "1a08" + "0801080210032800");
  });

  it("reads back entries of every size and checksum, aligned and chained", () => {
    const prng = new SeededPrng(4711);
    const encoder = new RecordEncoder(0);
    encoder.crcRecord();
    const written = Array.from({ length: 400 }, (_, i) => ({
      ...entry(i + 1 + (i === 200 ? 2 ** 40 : 0), 1 + (i >> 4), prng.below(10) === 0 ? 5000 : prng.below(70)),
      type: prng.below(3),
    }));
    for (const each of written) {
      encoder.entry(each);
      expect(encoder.length % 8).toBe(0);
    }
    const read = recordsOf(encoder.buffer.slice(0, encoder.length)).filter(({ type }) => type === RecordType.Entry);
    expect(read.map(({ data }) => decodeEntry(data))).toEqual(written);
  });

  it("names segments and tells padding", () => {
    expect(segmentName(1, 0x54b79)).toBe("0000000000000001-0000000000054b79.wal");
    expect(parseSegmentName(segmentName(12, 345))).toEqual({ sequence: 12, firstIndex: 345 });
    for (const name of ["0.tmp", "0000000000000001-0000000000054b79.wal.broken", "1-2.wal"]) {
      expect(parseSegmentName(name)).toBeUndefined();
    }
    expect([4, 5, 7, 8, 9].map(paddingFor)).toEqual([4, 3, 1, 0, 7]);
  });
});

describe("snapshot files", () => {
  it("are read and written as etcd does", () => {
    const snapshot = decodeSnapFile(ETCD_SNAP);
    if (snapshot === undefined) throw new Error("etcd's snapshot file is not read");
    expect(snapFileName(snapshot)).toBe(ETCD_SNAP_NAME);
    expect(snapshot.confState.voters).toEqual([0x2e1259d415f2a040n]);
    expect(hex(decodeSnapFile(encodeSnapFile(snapshot))?.data ?? new Uint8Array(0))).toBe(hex(snapshot.data));
  });

  it("are refused with any bit flipped", () => {
    const bytes = encodeSnapFile({
      index: 5,
      term: 2,
      confState: { voters: [1n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      data: Uint8Array.of(1, 2, 3),
    });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeSnapFile(damaged)).toBeUndefined();
    }
  });
});
