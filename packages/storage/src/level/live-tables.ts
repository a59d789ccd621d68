import { type FileSystem, latin1FromBytes } from "@quorate/base";

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
/** Kinds of fragments in LevelDB's log format: a whole record, or its first, a middle, its last one. */
const FULL = 1;
const FIRST = 2;
const LAST = 4;
/** Fields of a version edit. */
const Tag = {
  Comparator: 1,
  LogNumber: 2,
  NextFile: 3,
  LastSequence: 4,
  CompactPointer: 5,
  DeletedFile: 6,
  NewFile: 7,
  PrevLogNumber: 9,
};

/**
 * Paths of the tables that the engine's manifest names, oldest first; what else lies there is unfinished or obsolete.
 * Undefined if the manifest cannot be read: the engine says so itself when it is opened. Source: LevelDB log_format.md,
 * db/version_edit.cc.
 */
export function liveTables(fs: FileSystem, directory: string): string[] | undefined {
  const live = new Set<number>();
  try {
    const manifest = latin1FromBytes(fs.readFile(`${directory}/CURRENT`)).trim();
    for (const edit of records(fs.readFile(`${directory}/${manifest}`))) applyEdit(edit, live);
  } catch {
    return undefined;
  }
  const paths: string[] = [];
  for (const number of Array.from(live).sort((a, b) => a - b)) {
    const base = `${directory}/${String(number).padStart(6, "0")}`;
    const path = fs.stat(`${base}.ldb`) !== undefined ? `${base}.ldb` : `${base}.sst`;
    if (fs.stat(path) !== undefined) paths.push(path);
  }
  return paths;
}

/** Records of a file in LevelDB's log format. Its checksums are verified by the engine. */
function* records(bytes: Uint8Array): Generator<Uint8Array> {
  let parts: number[] = [];
  for (let position = 0; position + HEADER_BYTES <= bytes.length; ) {
    const blockLeft = BLOCK_BYTES - (position % BLOCK_BYTES);
    if (blockLeft < HEADER_BYTES) {
      position += blockLeft;
      continue;
    }
    const length = (bytes[position + 4] as number) + (bytes[position + 5] as number) * 256;
    const kind = bytes[position + 6];
    const start = position + HEADER_BYTES;
    const fragment = bytes.subarray(start, start + length);
    position = start + length;
    if (kind === FULL) yield fragment;
    else if (kind === FIRST) parts = Array.from(fragment);
    else parts.push(...fragment);
    if (kind === LAST) yield Uint8Array.from(parts);
  }
}

function applyEdit(edit: Uint8Array, live: Set<number>): void {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = edit[position++];
      if (byte === undefined) throw new RangeError("version edit cut off");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const skipBytes = (): void => {
    const length = varint();
    position += length;
  };
  while (position < edit.length) {
    const tag = varint();
    if (tag === Tag.Comparator) skipBytes();
    else if (tag === Tag.CompactPointer) {
      varint();
      skipBytes();
    } else if (tag === Tag.DeletedFile) {
      varint();
      live.delete(varint());
    } else if (tag === Tag.NewFile) {
      varint();
      live.add(varint());
      varint();
      skipBytes();
      skipBytes();
    } else if (tag === Tag.LogNumber || tag === Tag.NextFile || tag === Tag.LastSequence || tag === Tag.PrevLogNumber) {
      varint();
    } else throw new RangeError("unknown field of a version edit");
  }
}
