/**
 * How records lie in a segment. A frame is a length word (little-endian int64: bits 0-55 the record's length, top byte
 * `0x80 | padding` if there is padding), the record (protobuf: 1 type, 2 crc, 3 data) and zeros up to a multiple of 8. So no
 * length word ever crosses a disk sector. Source: etcd server/storage/wal encoder.go, decoder.go, walpb/record.proto.
 */

/** What a record is; the numbers are the file's. */
export const RecordType: Readonly<Record<"Metadata" | "Entry" | "State" | "Crc" | "Snapshot", number>> = {
  Metadata: 1,
  Entry: 2,
  State: 3,
  Crc: 4,
  Snapshot: 5,
};

/** Bytes of the length word, and the alignment of frames. */
export const FRAME_ALIGNMENT = 8;
/** A disk writes this much or nothing: the grain of torn writes. */
export const SECTOR_BYTES = 512;
/** A segment is cut when it has reached this. Source: etcd wal.go `SegmentSizeBytes`. */
export const SEGMENT_BYTES = 64_000_000;
/** No record is longer; a length word beyond it is damage. Far above the largest request and the largest configuration. */
export const RECORD_BYTES_MAX: number = 512 * 1024 * 1024;

/** Zeros that follow a record of this length. */
export function paddingFor(recordBytes: number): number {
  return (FRAME_ALIGNMENT - (recordBytes & (FRAME_ALIGNMENT - 1))) & (FRAME_ALIGNMENT - 1);
}

/** Bytes of a varint that holds this safe integer. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  return value < 0x2_0000_0000_0000 ? 7 : 8;
}

/** The name of a segment: its number, and the first index it may contain. */
export function segmentName(sequence: number, firstIndex: number): string {
  return `${sequence.toString(16).padStart(16, "0")}-${firstIndex.toString(16).padStart(16, "0")}.wal`;
}

/** A segment's numbers from its name; undefined if it is not the name of one. */
export function parseSegmentName(name: string): { readonly sequence: number; readonly firstIndex: number } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name);
  if (match === null) return undefined;
  return { sequence: Number.parseInt(match[1] as string, 16), firstIndex: Number.parseInt(match[2] as string, 16) };
}
