import type { FileSystem, OpenFile } from "@quorate/base";
import { type BboltRecord, decodeMeta, META_BYTES, PAGE_HEADER_BYTES } from "../bbolt/bbolt-format.ts";
import { type BboltPage, PageReader } from "../bbolt/page-reader.ts";
import { StorageError } from "../storage-error.ts";

const REMEDY = "use another copy of it";

/** A page of a file, as it lies there: it need not be part of any tree (any more). */
export type ScannedPage =
  | { readonly id: number; readonly records: readonly BboltRecord[] }
  | { readonly id: number; readonly problem: string };

/**
 * Every leaf page of a bbolt file in the order of the file, also those that are free, and every page that cannot be read. Throws
 * StorageError `missing` or `foreign` if there is no first meta page. Source: etcd tools/etcd-dump-db scan.go.
 */
export function* leafPages(fs: FileSystem, path: string): Generator<ScannedPage, void, void> {
  let file: OpenFile;
  try {
    file = fs.open(path, "read");
  } catch (cause) {
    throw new StorageError("missing", "cannot open a bbolt file", { file: path, remedy: REMEDY, cause });
  }
  try {
    const bytes = new Uint8Array(META_BYTES);
    const count = file.read(bytes, 0, bytes.length, PAGE_HEADER_BYTES);
    const meta = decodeMeta(bytes.subarray(0, count));
    if (typeof meta !== "object") {
      throw new StorageError("foreign", "the Meta Page has wrong (unexpected) magic", { file: path, remedy: REMEDY });
    }
    const pages = new PageReader(file, path, meta.pageSize, meta.pageCount, REMEDY);
    for (let id = 2; id < meta.pageCount; ) {
      const page = scanned(pages, id);
      if ("problem" in page) yield { id, problem: page.problem };
      else if (page.isLeaf) yield { id, records: page.elements };
      id += "problem" in page ? 1 : 1 + overflowOf(file, id, meta.pageSize);
    }
  } finally {
    file.close();
  }
}

function scanned(pages: PageReader, id: number): BboltPage | { readonly problem: string } {
  try {
    return pages.read(id);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function overflowOf(file: OpenFile, id: number, pageSize: number): number {
  const header = new Uint8Array(PAGE_HEADER_BYTES);
  file.read(header, 0, header.length, id * pageSize);
  return new DataView(header.buffer).getUint32(12, true);
}
