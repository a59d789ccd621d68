import { assert, type FileSystem, type OpenFile, utf8Bytes } from "@quorate/base";
import { BackgroundPace } from "../background-pace.ts";
import { syncLater, writeFully } from "../file-writing.ts";
import { StorageError } from "../storage-error.ts";
import {
  type BboltRecord,
  BUCKET_ELEMENT,
  BUCKET_HEADER_BYTES,
  encodeMeta,
  PAGE_BYTES,
  PAGE_HEADER_BYTES,
  PageFlag,
} from "./bbolt-format.ts";
import { PageOutput } from "./page-output.ts";
import { TreeWriter } from "./tree-writer.ts";

/** Written bytes after which the disk is waited for: so much is in flight at most, and other files' syncs wait for no more. */
const SYNC_BYTES = 8 * 1024 * 1024;

/** A bucket to be written: its records in ascending key order, in lists of any length, each borrowed until the next. */
export interface BboltSource {
  readonly name: string;
  readonly records: AsyncIterable<readonly BboltRecord[]> | Iterable<readonly BboltRecord[]>;
}

/**
 * Writes a bbolt file with these buckets, which come in ascending order of their names, and syncs it; what stood under `path`
 * is replaced. Memory: constant (some pages and one list of records). Gives way to other work all the time. Resolves with the
 * file's size. Rejects with StorageError `ioFailed`, or with what a source throws; the file is removed then.
 */
export async function writeBboltFile(fs: FileSystem, path: string, sources: Iterable<BboltSource>): Promise<number> {
  let file: OpenFile | undefined;
  try {
    file = fs.open(path, "create", 0o600);
    const bytes = await new BboltWriter(file).write(sources);
    file.close();
    return bytes;
  } catch (cause) {
    if (file !== undefined) {
      file.close();
      fs.removeFile(path);
    }
    if (cause instanceof StorageError || (cause as { readonly code?: unknown }).code === undefined) throw cause;
    throw new StorageError("ioFailed", "cannot write a snapshot", {
      file: path,
      remedy: "check the disk and its free space",
      cause,
    });
  }
}

/** One file in the making. For one use. */
class BboltWriter {
  readonly #file: OpenFile;
  readonly #output: PageOutput;
  readonly #pace = new BackgroundPace();
  #unsyncedBytes = 0;

  constructor(file: OpenFile) {
    this.#file = file;
    this.#output = new PageOutput(file, 2);
  }

  async write(sources: Iterable<BboltSource>): Promise<number> {
    const buckets = new TreeWriter(this.#output, BUCKET_ELEMENT);
    let last: string | undefined;
    for (const { name, records } of sources) {
      assert(last === undefined || last < name, "buckets come in order", { name });
      last = name;
      buckets.put(utf8Bytes(name), bucketHeader(await this.#writeBucket(records)));
    }
    const root = buckets.finish();
    await this.#output.flush();
    const pageCount = this.#output.nextPage;
    this.#writeMeta(0, { root, pageCount, txid: 1n });
    this.#writeMeta(1, { root, pageCount, txid: 0n });
    await syncLater(this.#file);
    return pageCount * PAGE_BYTES;
  }

  async #writeBucket(records: BboltSource["records"]): Promise<number> {
    const tree = new TreeWriter(this.#output, 0);
    for await (const list of records) {
      for (let i = 0; i < list.length; i++) {
        const { key, value } = list[i] as BboltRecord;
        tree.put(key, value);
        if (this.#output.hasFull) await this.#writeFull();
        if (this.#pace.isDue()) await this.#pace.rest();
      }
    }
    return tree.finish();
  }

  async #writeFull(): Promise<void> {
    this.#unsyncedBytes += await this.#output.writeFull();
    if (this.#unsyncedBytes < SYNC_BYTES) return;
    this.#unsyncedBytes = 0;
    await syncLater(this.#file);
  }

  /** The metas come last: a file that was cut off has none. */
  #writeMeta(page: number, meta: { readonly root: number; readonly pageCount: number; readonly txid: bigint }): void {
    const bytes = new Uint8Array(PAGE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(page), true);
    view.setUint16(8, PageFlag.Meta, true);
    bytes.set(encodeMeta({ ...meta, pageSize: PAGE_BYTES }), PAGE_HEADER_BYTES);
    writeFully(this.#file, bytes, bytes.length, page * PAGE_BYTES);
  }
}

function bucketHeader(root: number): Uint8Array {
  const bytes = new Uint8Array(BUCKET_HEADER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(root), true);
  return bytes;
}
