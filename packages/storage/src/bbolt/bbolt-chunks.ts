import { assert, utf8Bytes } from "@quorate/base";
import {
  type BboltRecord,
  BUCKET_ELEMENT,
  BUCKET_HEADER_BYTES,
  encodeMeta,
  PAGE_BYTES,
  PAGE_HEADER_BYTES,
  PageFlag,
} from "./bbolt-format.ts";
import { PageChunks, PageCount, type PageSink } from "./page-sink.ts";
import { TreeWriter } from "./tree-writer.ts";

const META_PAGES = 2;

/** A bucket to be written. */
export interface BboltSource {
  readonly name: string;
  /**
   * Its records in ascending key order, in lists of any length; keys are shared, values borrowed until the next list. Asked for twice,
   * and must be the same then: for the plan only keys and lengths count, the bytes of values may be anything.
   */
  readonly records: (isForPlan: boolean) => Iterable<readonly BboltRecord[]>;
}

/** What the beginning of a file says about the whole of it. */
export interface BboltPlan {
  /** The page of the tree of buckets. */
  readonly root: number;
  readonly pageCount: number;
}

/** Goes through the records once, for {@link bboltChunks}. Buckets come in ascending order of their names. */
export function planBbolt(sources: Iterable<BboltSource>): BboltPlan {
  const count = new PageCount(META_PAGES);
  const writing = writeBuckets(count, sources, true);
  for (let step = writing.next(); ; step = writing.next()) {
    if (step.done === true) return { root: step.value, pageCount: count.nextPage };
  }
}

/**
 * The bbolt file of these buckets from front to back, in chunks of 256 KiB and a rest, each borrowed until the next one. Memory:
 * constant. Throws what a source throws.
 */
export function* bboltChunks(
  sources: Iterable<BboltSource>,
  plan: BboltPlan,
): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const pages = new PageChunks();
  writeMeta(pages, plan, 1n);
  writeMeta(pages, plan, 0n);
  const writing = writeBuckets(pages, sources, false);
  for (let isDone = false; !isDone; ) {
    const step = writing.next();
    isDone = step.done === true;
    for (let chunk = pages.takeFull(); chunk !== undefined; chunk = pages.takeFull()) {
      yield chunk;
      pages.giveBack(chunk);
    }
    if (step.done === true) assert(step.value === plan.root, "a file has the root that was planned");
  }
  assert(pages.nextPage === plan.pageCount, "a file has the pages that were planned", { pages: pages.nextPage });
  const rest = pages.takeRest();
  if (rest !== undefined) yield rest;
}

/** Writes the buckets and the tree of them, pausing after each list of records; returns the tree's root. */
function* writeBuckets(
  sink: PageSink,
  sources: Iterable<BboltSource>,
  isForPlan: boolean,
): Generator<undefined, number, void> {
  const buckets = new TreeWriter(sink, BUCKET_ELEMENT);
  let last: string | undefined;
  for (const { name, records } of sources) {
    assert(last === undefined || last < name, "buckets come in order", { name });
    last = name;
    const tree = new TreeWriter(sink, 0);
    for (const list of records(isForPlan)) {
      for (let i = 0; i < list.length; i++) {
        const { key, value } = list[i] as BboltRecord;
        tree.put(key, value);
      }
      yield;
    }
    buckets.put(utf8Bytes(name), bucketHeader(tree.finish()));
  }
  return buckets.finish();
}

function writeMeta(sink: PageSink, { pageCount, root }: BboltPlan, txid: bigint): void {
  const id = sink.nextPage;
  sink.page(PAGE_BYTES, (page) => {
    const view = new DataView(page.buffer, page.byteOffset, page.length);
    view.setBigUint64(0, BigInt(id), true);
    view.setUint16(8, PageFlag.Meta, true);
    page.set(encodeMeta({ root, pageCount, txid, pageSize: PAGE_BYTES }), PAGE_HEADER_BYTES);
  });
}

function bucketHeader(root: number): Uint8Array {
  const bytes = new Uint8Array(BUCKET_HEADER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(root), true);
  return bytes;
}
