import { type Compare, CompareResult, CompareTarget, createCompare } from "@quorate/protocol";
import { type BytesLike, type KeySelection, keyFields, toBytes } from "./key-range.ts";

/** How the stored field is to stand to the given one. */
export type Comparison = "=" | "!=" | ">" | "<";

/** Conditions of a transaction. Of several keys every one has to satisfy it. Source: reference of the API, section 4.2. */
export interface Compares {
  /** How often the key was put since it was created; 0 for a missing key. */
  version(key: KeySelection, is: Comparison, version: number): Compare;
  /** The revision that created the key; 0 for a missing key. */
  createRevision(key: KeySelection, is: Comparison, revision: number): Compare;
  /** The revision that changed the key last; 0 for a missing key. */
  modRevision(key: KeySelection, is: Comparison, revision: number): Compare;
  /** The value, in the order of its bytes; false for a missing key, whatever the comparison. */
  value(key: KeySelection, is: Comparison, value: BytesLike): Compare;
  /** The lease the key is attached to; 0 for none. */
  lease(key: KeySelection, is: Comparison, lease: bigint): Compare;
  /** The key is there. */
  exists(key: KeySelection): Compare;
  /** The key is not there. */
  missing(key: KeySelection): Compare;
}

const RESULTS: Readonly<Record<Comparison, number>> = {
  "=": CompareResult.EQUAL,
  "!=": CompareResult.NOT_EQUAL,
  ">": CompareResult.GREATER,
  "<": CompareResult.LESS,
};

/** Makes conditions for {@link Txn.if}. */
export const compare: Compares = {
  version: (key, is, version) => condition(key, is, { target: CompareTarget.VERSION, version }),
  createRevision: (key, is, createRevision) => condition(key, is, { target: CompareTarget.CREATE, createRevision }),
  modRevision: (key, is, modRevision) => condition(key, is, { target: CompareTarget.MOD, modRevision }),
  value: (key, is, value) => condition(key, is, { target: CompareTarget.VALUE, value: toBytes(value) }),
  lease: (key, is, lease) => condition(key, is, { target: CompareTarget.LEASE, lease }),
  exists: (key) => compare.createRevision(key, ">", 0),
  missing: (key) => compare.createRevision(key, "=", 0),
};

function condition(key: KeySelection, is: Comparison, target: Partial<Compare>): Compare {
  return createCompare({ ...keyFields(key), ...target, result: RESULTS[is] });
}
