import type { FileSystem } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import { ENGINE_REMEDY } from "./level-engine.ts";
import {
  type BlockHandle,
  FOOTER_BYTES,
  hasMagic,
  isIntactBlock,
  listedBlocks,
  readHandle,
  TRAILER_BYTES,
} from "./table-format.ts";

/** Bytes verified between two yields. */
const SLICE_BYTES = 256 * 1024;

/**
 * Verifies the checksums in a table file. LevelDB itself does not when it reads: it returns changed bytes, or an assertion ends
 * the process. Yields now and then, so that the caller can give others a turn; throws StorageError `damaged` naming file and
 * offset. PERF: about 1 ns a byte. Source: LevelDB table_format.md, table/format.cc.
 */
export function* verifyTable(fs: FileSystem, path: string): Generator<void, void, void> {
  const bytes = fs.readFile(path);
  const damaged = (offset: number): StorageError =>
    new StorageError("damaged", "damaged table of the engine", { file: path, offset, remedy: ENGINE_REMEDY });
  const footer = bytes.length - FOOTER_BYTES;
  if (footer < 0 || !hasMagic(bytes)) throw damaged(Math.max(0, footer));
  const metaIndex = readHandle(bytes, footer);
  const index = readHandle(bytes, metaIndex.next);
  const content = bytes.subarray(0, footer);
  const blocks: BlockHandle[] = [];
  for (const { handle } of [index, metaIndex]) {
    const listed = holds(content, handle) ? listedBlocks(content, handle.offset, handle.size) : undefined;
    if (listed === undefined) throw damaged(Math.min(handle.offset, footer));
    // Data blocks come first, then the filter that the meta index lists, then the two.
    blocks.push(...listed);
  }
  blocks.push(metaIndex.handle, index.handle);
  let verified = 0;
  // Blocks lie one behind the other without a gap.
  let expected = 0;
  for (const block of blocks) {
    if (block.offset !== expected || !holds(content, block)) throw damaged(Math.min(block.offset, footer));
    expected = block.offset + block.size + TRAILER_BYTES;
    verified += block.size;
    if (verified < SLICE_BYTES) continue;
    verified = 0;
    yield;
  }
  if (expected !== footer) throw damaged(expected);
}

function holds(content: Uint8Array, { offset, size }: BlockHandle): boolean {
  return offset + size + TRAILER_BYTES <= content.length && isIntactBlock(content, offset, size);
}
