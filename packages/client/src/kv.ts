import type {
  CompactionResponse,
  DeleteRangeResponse,
  KeyValue,
  PutResponse,
  RangeResponse,
  ResponseHeader,
} from "@quorate/protocol";
import { isEtcdError } from "./etcd-error.ts";
import { type BytesLike, type KeySelection, keyAfter, keyFields } from "./key-range.ts";
import { type DeleteOptions, deleteRequest, type PutOptions, putRequest } from "./op.ts";
import { type RangeOptions, rangeRequest } from "./range-options.ts";
import { type WithHeader, withHeader } from "./response-header.ts";
import { RPC } from "./rpc.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { Txn } from "./txn.ts";

/** How many keys are read, and how many at a time. */
export interface PageOptions extends Omit<RangeOptions, "sortBy" | "order" | "countOnly"> {
  /** How many keys a page has at most. Default 1,000. */
  readonly pageLength?: number | undefined;
}

/** One page of a longer range, all of them of one revision. */
export interface Page {
  readonly header: ResponseHeader;
  /** In the order of their keys. */
  readonly kvs: readonly KeyValue[];
}

const PAGE_LENGTH = 1_000;

/**
 * Keys and values. Byte fields of answers share the memory of the whole answer: copy what is kept for long. Errors are those of
 * {@link EtcdClient.unary} and the ones named here.
 */
export class Kv {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Reads a key or several, by default linearizably. Errors: `compacted`, `futureRevision`, `permissionDenied`, `emptyKey`. */
  async get(keys: KeySelection, options: RangeOptions & CallOptions = {}): Promise<WithHeader<RangeResponse>> {
    return withHeader(await this.#transport.unary(RPC.KV.Range, rangeRequest(keys, options), options));
  }

  /** The one key, or undefined if it is not there. */
  async getOne(key: BytesLike, options?: RangeOptions & CallOptions): Promise<KeyValue | undefined> {
    return (await this.get(key, options)).kvs[0];
  }

  /** How many keys there are. */
  async count(keys: KeySelection, options: RangeOptions & CallOptions = {}): Promise<number> {
    return (await this.get(keys, { ...options, countOnly: true })).count;
  }

  /** Puts a key. Errors: `leaseNotFound`, `keyNotFound`, `noSpace`, `requestTooLarge`, `permissionDenied`, `emptyKey`. */
  async put(
    key: BytesLike,
    value: BytesLike,
    options: PutOptions & CallOptions = {},
  ): Promise<WithHeader<PutResponse>> {
    return withHeader(await this.#transport.unary(RPC.KV.Put, putRequest(key, value, options), options));
  }

  /** Deletes a key or several, at one revision; `deleted` tells how many there were. Errors: `permissionDenied`, `emptyKey`. */
  async delete(
    keys: KeySelection,
    options: DeleteOptions & CallOptions = {},
  ): Promise<WithHeader<DeleteRangeResponse>> {
    return withHeader(await this.#transport.unary(RPC.KV.DeleteRange, deleteRequest(keys, options), options));
  }

  /** Begins a transaction. */
  txn(): Txn {
    return new Txn(this.#transport, [], [], []);
  }

  /**
   * Gives up the history before `revision`; `physical` waits until it is gone from the disk as well. Errors: `compacted`,
   * `futureRevision`.
   */
  async compact(
    revision: number,
    options: { readonly physical?: boolean } & CallOptions = {},
  ): Promise<WithHeader<CompactionResponse>> {
    const request = { revision, physical: options.physical ?? false };
    return withHeader(await this.#transport.unary(RPC.KV.Compact, request, options));
  }

  /**
   * Reads a long range in pages, in the order of keys, all at the revision of the first page: one picture, however long it takes.
   * The next page is asked for when it is wanted; `deadlineMs` is that of one page. Errors: `compacted` when the history is given
   * up meanwhile.
   */
  async *pages(keys: KeySelection, options: PageOptions & CallOptions = {}): AsyncGenerator<Page, void, undefined> {
    const { rangeEnd, key } = keyFields(keys);
    const { pageLength = PAGE_LENGTH, limit = 0, ...rest } = options;
    let left = limit > 0 ? limit : Number.POSITIVE_INFINITY;
    let start = key;
    let revision = options.revision ?? 0;
    for (;;) {
      const selection = rangeEnd.length === 0 ? start : { start, end: rangeEnd };
      const page = await this.get(selection, { ...rest, limit: Math.min(pageLength, left), revision });
      const last = page.kvs.at(-1);
      revision = revision > 0 ? revision : page.header.revision;
      left -= page.kvs.length;
      yield { header: page.header, kvs: page.kvs };
      if (!page.more || last === undefined || left <= 0) return;
      start = keyAfter(last.key);
    }
  }

  /**
   * Reads a long range key by key, at one revision and in constant memory: by RangeStream where the server has it, by
   * {@link pages} otherwise. Errors: as {@link pages}; `connectionLost` when a stream breaks.
   */
  async *entries(
    keys: KeySelection,
    options: PageOptions & CallOptions = {},
  ): AsyncGenerator<KeyValue, void, undefined> {
    let streamed = false;
    try {
      for await (const chunk of this.#rangeStream(keys, options)) {
        streamed = true;
        yield* chunk.kvs;
      }
      return;
    } catch (error) {
      // Servers before 3.7 lack the method; it lacks the filters by revision. Nothing has come then.
      if (streamed || !isEtcdError(error) || !NO_STREAM.has(error.code)) throw error;
    }
    for await (const page of this.pages(keys, options)) yield* page.kvs;
  }

  async *#rangeStream(
    keys: KeySelection,
    options: RangeOptions & CallOptions,
  ): AsyncGenerator<RangeResponse, void, undefined> {
    const stream = await this.#transport.readStream(RPC.KV.RangeStream, rangeRequest(keys, options), options);
    for await (const { rangeResponse } of stream) if (rangeResponse !== undefined) yield rangeResponse;
  }
}

const NO_STREAM: ReadonlySet<string> = new Set(["unimplemented", "rangeStreamFilter", "rangeStreamSortOrder"]);
