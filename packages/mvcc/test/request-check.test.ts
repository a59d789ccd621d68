/** What is refused before it goes into the log: grpc-api.md 3.2, 3.4, 3.5, 4.2. */
import { describe, expect, it } from "@jest/globals";
import type { RequestOp } from "@quorate/protocol";
import {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  isTxnReadonly,
  isTxnSerializable,
  putCost,
  txnCost,
} from "../src/request-check.ts";
import { compare, del, op, put, range, txn } from "./requests.ts";

describe("checkRange", () => {
  it.each([
    ["an empty key", range(""), "emptyKey"],
    ["an empty key before a bad order", range("", "", { sortOrder: 9 }), "emptyKey"],
    ["an unknown order", range("a", "", { sortOrder: 3 }), "invalidSortOption"],
    ["a negative order", range("a", "", { sortOrder: -1 }), "invalidSortOption"],
    ["an unknown target", range("a", "", { sortTarget: 5 }), "invalidSortOption"],
    ["every known order and target", range("a", "", { sortOrder: 2, sortTarget: 4 }), undefined],
  ])("judges %s", (_, request, expected) => {
    expect(checkRange(request)).toBe(expected);
    expect(checkTxn(txn({ success: [{ ...op.nothing(), requestRange: request }] }))).toBe(expected);
  });
});

describe("checkPut", () => {
  it.each([
    ["an empty key", put("", "v", { ignoreValue: true }), "emptyKey"],
    ["a value to be ignored", put("a", "v", { ignoreValue: true, ignoreLease: true, lease: 1n }), "valueProvided"],
    ["a lease to be ignored", put("a", "", { ignoreValue: true, ignoreLease: true, lease: 1n }), "leaseProvided"],
    ["both ignored and absent", put("a", "", { ignoreValue: true, ignoreLease: true }), undefined],
    ["a plain put", put("a", "v", { lease: 1n }), undefined],
  ])("judges %s", (_, request, expected) => {
    expect(checkPut(request)).toBe(expected);
    expect(checkTxn(txn({ failure: [{ ...op.nothing(), requestPut: request }] }))).toBe(expected);
  });
});

describe("checkDeleteRange", () => {
  it("wants a key", () => {
    expect(checkDeleteRange(del(""))).toBe("emptyKey");
    expect(checkDeleteRange(del("a", "b"))).toBe(undefined);
  });
});

describe("checkTxn", () => {
  const puts = (count: number): RequestOp[] => Array.from({ length: count }, (_, i) => op.put(`k${i}`));

  it.each([
    ["as many operations as allowed", txn({ success: puts(128), failure: puts(128) }), undefined],
    ["too many successes", txn({ success: puts(129) }), "tooManyOps"],
    ["too many failures", txn({ failure: puts(129) }), "tooManyOps"],
    ["too many compares", txn({ compare: Array.from({ length: 129 }, () => compare("a")) }), "tooManyOps"],
    ["too many operations before an empty key", txn({ compare: [compare("")], success: puts(129) }), "tooManyOps"],
    ["a nested txn within what is left", txn({ success: [op.txn({ success: puts(127) })] }), undefined],
    ["a nested txn beyond what is left", txn({ success: [op.txn({ success: puts(128) })] }), "tooManyOps"],
    ["a compare without key", txn({ compare: [compare("a"), compare("")] }), "emptyKey"],
    ["a compare before the operations", txn({ compare: [compare("")], success: [op.nothing()] }), "emptyKey"],
    ["an operation without request", txn({ success: [op.nothing()] }), "keyNotFound"],
    ["a nested operation without request", txn({ failure: [op.txn({ failure: [op.nothing()] })] }), "keyNotFound"],
    ["a nested deletion without key", txn({ success: [op.txn({ success: [op.del("")] })] }), "emptyKey"],
    ["successes before failures", txn({ success: [op.put("")], failure: [op.nothing()] }), "emptyKey"],
    ["operations before overlaps", txn({ success: [op.put("a"), op.put("a"), op.put("")] }), "emptyKey"],
    ["the limit that is given", txn({ success: puts(3) }), undefined],
  ])("judges %s", (_, request, expected) => {
    expect(checkTxn(request, 128)).toBe(expected);
  });

  it("takes the limit it is given", () => {
    expect(checkTxn(txn({ success: puts(3) }), 2)).toBe("tooManyOps");
    expect(checkTxn(txn({ success: puts(3) }), 3)).toBe(undefined);
  });

  it.each([
    ["two puts of a key", [op.put("a"), op.put("b"), op.put("a")], true],
    ["puts of different keys", [op.put("a"), op.put("ab")], false],
    ["a put of a deleted key", [op.del("a"), op.put("a")], true],
    ["a deletion of a put key", [op.put("a"), op.del("a")], true],
    ["a put within a deleted range", [op.put("b"), op.del("a", "c")], true],
    ["a put at the end of a deleted range", [op.put("c"), op.del("a", "c")], false],
    ["a put behind a deleted key", [op.put("a\0"), op.del("a")], false],
    ["a put within a wide range among narrow ones", [op.del("a", "z"), op.del("b", "c"), op.put("x")], true],
    ["a put in a gap", [op.del("a", "c"), op.del("x", "z"), op.put("m")], false],
    ["overlapping deletions", [op.del("a", "c"), op.del("b", "d"), op.del("b")], false],
    ["a deletion to the end of all keys, which is not seen", [op.del("a", "\0"), op.put("b")], false],
    ["an inverted deletion", [op.del("z", "a"), op.put("m")], false],
    ["a put in a nested txn and here", [op.put("a"), op.txn({ success: [op.put("a")] })], true],
    ["a put in the else of a nested txn and here", [op.txn({ failure: [op.put("a")] }), op.put("a")], true],
    ["then and else of one nested txn", [op.txn({ success: [op.put("a")], failure: [op.put("a")] })], false],
    ["twice in one nested branch", [op.txn({ success: [op.put("a"), op.put("a")] })], true],
    ["two nested txns", [op.txn({ success: [op.put("a")] }), op.txn({ failure: [op.put("a")] })], true],
    ["a nested put deleted here", [op.txn({ success: [op.put("a")] }), op.del("a")], true],
    ["a nested else put deleted here", [op.txn({ failure: [op.put("a")] }), op.del("a", "b")], true],
    ["a put here deleted in a nested txn", [op.put("a"), op.txn({ success: [op.del("a", "b")] })], true],
    [
      "a nested put deleted by an earlier nested txn",
      [op.txn({ success: [op.del("a")] }), op.txn({ success: [op.put("a")] })],
      true,
    ],
    [
      "a nested put deleted by a later nested txn, which is not seen",
      [op.txn({ success: [op.put("a")] }), op.txn({ success: [op.del("a")] })],
      false,
    ],
    ["three levels", [op.txn({ success: [op.txn({ failure: [op.put("a")] })] }), op.put("a")], true],
    ["one operation", [op.put("a")], false],
  ])("sees whether %s overlap", (_, ops, overlaps) => {
    const expected = overlaps ? "duplicateKey" : undefined;

    expect(checkTxn(txn({ success: ops }))).toBe(expected);
    expect(checkTxn(txn({ failure: ops }))).toBe(expected);
  });

  it("treats the two branches apart", () => {
    expect(checkTxn(txn({ success: [op.put("a"), op.put("b")], failure: [op.put("a"), op.del("b")] }))).toBe(undefined);
  });
});

describe("the kind of a txn", () => {
  const local = { serializable: true };

  it.each([
    ["no operation", txn({ compare: [compare("a")] }), true, true],
    ["ranges", txn({ success: [op.range("a")], failure: [op.range("b", "", local)] }), true, false],
    [
      "serializable ranges",
      txn({ success: [op.range("a", "", local)], failure: [op.range("b", "", local)] }),
      true,
      true,
    ],
    ["a put", txn({ failure: [op.put("a")] }), false, false],
    ["a deletion", txn({ success: [op.del("a")] }), false, false],
    ["a nested txn that only reads", txn({ success: [op.txn({ success: [op.range("a", "", local)] })] }), false, false],
  ])("with %s", (_, request, isReadonly, isSerializable) => {
    expect([isTxnReadonly(request), isTxnSerializable(request)]).toEqual([isReadonly, isSerializable]);
  });
});

describe("the cost of a request", () => {
  it("counts puts of the dearer branch, nested ones included", () => {
    expect(putCost(put("abc", "defg"))).toBe(263);
    expect(txnCost(txn({ success: [op.range("a"), op.del("a")] }))).toBe(0);
    expect(txnCost(txn({ success: [op.put("a", "b")], failure: [op.put("a", "bcd"), op.put("c")] }))).toBe(517);
    expect(txnCost(txn({ success: [op.txn({ failure: [op.put("a")] }), op.put("b")] }))).toBe(514);
  });
});
