import { concatBytes, utf8Bytes } from "@quorate/base";
import {
  type Compare,
  CompareResult,
  CompareTarget,
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  createWatchCreateRequest,
  FilterType,
  type RangeRequest,
  type RequestOp,
  SortOrder,
  SortTarget,
  type TxnRequest,
  type TxnResponse,
  type WatchCreateRequest,
} from "@quorate/protocol";
import { CallerGone } from "./caller-gone.ts";
import { InnerStatus } from "./inner-call.ts";
import type { InnerClient } from "./inner-client.ts";

const UNKNOWN = 2;
const SLASH = utf8Bytes("/");
const BEHIND_SLASH = utf8Bytes("0");

/**
 * Who wants the same thing, a lock or to lead: keys below one name, of which the one that was created first has it. Each candidate's key
 * ends in its lease. gRPC API page, section 12.
 */
export class Candidates {
  readonly #prefix: Uint8Array;
  readonly #prefixEnd: Uint8Array;

  constructor(name: Uint8Array) {
    this.#prefix = concatBytes([name, SLASH]);
    this.#prefixEnd = concatBytes([name, BEHIND_SLASH]);
  }

  /** The key of whoever holds `lease`; a negative one with its sign, as etcd writes it. */
  keyOf(lease: bigint): Uint8Array {
    return concatBytes([this.#prefix, utf8Bytes(lease.toString(16))]);
  }

  /** Asks for the candidate that comes first. */
  get first(): RangeRequest {
    return this.#one(SortOrder.ASCEND, 0);
  }

  /** The range of all, for a watch from `startRevision` on. */
  watchFrom(startRevision: number): WatchCreateRequest {
    return createWatchCreateRequest({ key: this.#prefix, rangeEnd: this.#prefixEnd, startRevision });
  }

  /**
   * Waits until nobody is left who came before revision `createRevision`, watching only the nearest of them at a time, so that an end
   * wakes one and not all. Rejects with an InnerStatus, or CallerGone.
   */
  async untilFirst(client: InnerClient, createRevision: number): Promise<void> {
    for (;;) {
      const { header, kvs } = await client.range(this.#one(SortOrder.DESCEND, createRevision - 1));
      if (client.caller.isGone) throw new CallerGone();
      const [before] = kvs;
      if (before === undefined) return;
      await untilDeleted(client, before.key, (header?.revision ?? 0) + 1);
    }
  }

  #one(sortOrder: number, maxCreateRevision: number): RangeRequest {
    return createRangeRequest({
      key: this.#prefix,
      rangeEnd: this.#prefixEnd,
      limit: 1,
      sortOrder,
      sortTarget: SortTarget.CREATE,
      maxCreateRevision,
    });
  }
}

/** Resolves when the key is deleted at or behind revision `from`, or when that cannot be seen any more because it is compacted. */
async function untilDeleted(client: InnerClient, key: Uint8Array, from: number): Promise<void> {
  const filters = [FilterType.NOPUT];
  const watch = client.watch(createWatchCreateRequest({ key, startRevision: from, filters }));
  try {
    for (;;) {
      const response = await watch.next();
      if (response === undefined) throw new CallerGone();
      if (response.canceled && response.compactRevision === 0) throw new InnerStatus(UNKNOWN, response.cancelReason);
      if (response.events.length > 0 || response.canceled) return;
    }
  } finally {
    watch.close();
  }
}

/** Puts the key unless it is there; the answer begins with the key as it was if so, and `also` is asked in either case. */
export function enter(
  put: { readonly key: Uint8Array; readonly value: Uint8Array; readonly lease: bigint },
  also: readonly RequestOp[],
): TxnRequest {
  return createTxnRequest({
    compare: [createdAt(put.key, 0)],
    success: [createRequestOp({ requestPut: createPutRequest(put) }), ...also],
    failure: [createRequestOp({ requestRange: createRangeRequest({ key: put.key }) }), ...also],
  });
}

/** The revision at which the key of {@link enter} was created: by this transaction, or before by the same lease. */
export function enteredAt({ header, responses, succeeded }: TxnResponse): number {
  if (succeeded) return header?.revision ?? 0;
  return responses[0]?.responseRange?.kvs[0]?.createRevision ?? 0;
}

/** Does `then` if the key is the one that was created at this revision. */
export function ifCreatedAt(key: Uint8Array, createRevision: number, then: RequestOp): TxnRequest {
  return createTxnRequest({ compare: [createdAt(key, createRevision)], success: [then] });
}

export function deletion(key: Uint8Array): RequestOp {
  return createRequestOp({ requestDeleteRange: createDeleteRangeRequest({ key }) });
}

function createdAt(key: Uint8Array, createRevision: number): Compare {
  return createCompare({ target: CompareTarget.CREATE, result: CompareResult.EQUAL, key, createRevision });
}
