import { isTxnReadonly } from "@quorate/mvcc";
import type { RequestOp, TxnRequest, TxnResult } from "@quorate/protocol";
import type { Counts } from "./counts.ts";

/** What one branch of a transaction has done to the store. */
class Tally {
  ranges = 0;
  puts = 0;
  deletes = 0;
  putBytes = 0;
  compares = 0;
}

/**
 * Counts the operations of a transaction that has run. As in etcd a transaction that writes compares in a transaction of its own,
 * so that its compares count apart from what it does. PERF: one pass over the operations of the branches taken.
 */
export function countTxn(counts: Counts, request: TxnRequest, result: TxnResult): void {
  const tally = new Tally();
  addBranch(tally, request, result);
  counts.putBytes += tally.putBytes;
  if (tally.puts + tally.deletes === 0 && isTxnReadonly(request)) {
    counts.operations(tally.ranges + tally.compares, 0, 0);
    return;
  }
  counts.operations(tally.compares, 0, 0);
  counts.operations(tally.ranges, tally.puts, tally.deletes);
}

function addBranch(tally: Tally, request: TxnRequest, result: TxnResult): void {
  tally.compares += request.compare.length;
  const ops = result.succeeded ? request.success : request.failure;
  for (let i = 0; i < result.responses.length; i++) {
    const response = result.responses[i];
    const op = ops[i] as RequestOp;
    if (response?.kind === "txn" && op.requestTxn !== undefined) addBranch(tally, op.requestTxn, response.result);
    else addOperation(tally, op);
  }
}

function addOperation(tally: Tally, { requestDeleteRange, requestPut, requestRange }: RequestOp): void {
  if (requestRange !== undefined) tally.ranges++;
  else if (requestPut !== undefined) {
    tally.puts++;
    tally.putBytes += requestPut.key.length + requestPut.value.length;
    if (requestPut.prevKv || requestPut.ignoreValue || requestPut.ignoreLease) tally.ranges++;
  } else if (requestDeleteRange !== undefined) {
    tally.deletes++;
    if (requestDeleteRange.prevKv) tally.ranges++;
  }
}
