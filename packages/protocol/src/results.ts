/**
 * What a store's operations come to, and what the response writers take. Key-values are encoded `mvccpb.KeyValue` messages,
 * as stored: they are never decoded on the way out. Everything is shared.
 */

/** `count` ignores limit and filters; `revision` is the store's at the time of the read. */
export interface RangeResult {
  readonly revision: number;
  readonly kvs: readonly Uint8Array[];
  readonly more: boolean;
  readonly count: number;
}

/** `prevKv` only if asked for and there was one. */
export interface PutResult {
  readonly revision: number;
  readonly prevKv: Uint8Array | undefined;
}

/** `prevKvs` is empty unless asked for. */
export interface DeleteRangeResult {
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly Uint8Array[];
}

/** One response for each operation of the branch that was taken. */
export interface TxnResult {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly OpResult[];
}

export type OpResult =
  | { readonly kind: "range"; readonly result: RangeResult }
  | { readonly kind: "put"; readonly result: PutResult }
  | { readonly kind: "deleteRange"; readonly result: DeleteRangeResult }
  | { readonly kind: "txn"; readonly result: TxnResult };
