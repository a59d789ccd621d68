import type { FileSystem } from "@quorate/base";
import { writeFully } from "../file-writing.ts";
import type { TornTail } from "./wal-contents.ts";

const COPY_BYTES = 1024 * 1024;

/**
 * Copies the segment with the torn tail to `<name>.broken`, for people, and returns that path. The segment itself is left to
 * the caller to cut. Source: etcd server/storage/wal/repair.go.
 */
export function keepTornTail(fs: FileSystem, torn: TornTail): string {
  const path = `${torn.file}.broken`;
  const source = fs.open(torn.file, "read");
  try {
    const target = fs.open(path, "create", 0o600);
    try {
      const size = source.sizeBytes();
      const piece = new Uint8Array(Math.min(size, COPY_BYTES));
      for (let position = 0; position < size; ) {
        const count = source.read(piece, 0, piece.length, position);
        if (count === 0) break;
        // Preallocated zeros stay a hole in the copy.
        if (!piece.subarray(0, count).every((byte) => byte === 0)) writeFully(target, piece, count, position);
        position += count;
      }
      target.truncate(size);
      target.sync();
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
  return path;
}
