import { assert } from "@quorate/base";
import type { ErrorCode, OpResult, RequestOp, TxnRequest, TxnResult } from "@quorate/protocol";
import type { RangeReader } from "./range-reader.ts";
import type { StoreWriter } from "./store-writer.ts";

/**
 * A txn in its three steps, all on one state: which branches are taken (compares of nested txns are decided before
 * anything runs, too), whether every operation on the way may run, and the run itself. Only the last step changes
 * anything, and it cannot fail. The path is one boolean per txn entered, in the order of entering. Source: grpc-api.md 4.2.
 */
export class TxnRun {
  readonly #reader: RangeReader;
  readonly #writer: StoreWriter;
  readonly #compactedRevision: number;
  readonly #revision: number;
  readonly #path: boolean[] = [];
  #entered = 0;

  constructor(reader: RangeReader, writer: StoreWriter, revision: number, compactedRevision: number) {
    this.#reader = reader;
    this.#writer = writer;
    this.#revision = revision;
    this.#compactedRevision = compactedRevision;
  }

  /** Runs the txn in the write that the writer has begun, or says why nothing of it was done. */
  run(request: TxnRequest): TxnResult | ErrorCode {
    this.#choose(request);
    this.#entered = 0;
    const error = this.#check(request);
    if (error !== undefined) return error;
    this.#entered = 0;
    const responses = this.#execute(request);
    return { revision: this.#writer.visibleRevision, succeeded: this.#path[0] === true, responses };
  }

  #choose(request: TxnRequest): void {
    const isTrue = request.compare.every((compare) => this.#reader.isTrue(compare, this.#revision));
    this.#path.push(isTrue);
    for (const op of isTrue ? request.success : request.failure) {
      if (op.requestTxn !== undefined) this.#choose(op.requestTxn);
    }
  }

  #branch(request: TxnRequest): readonly RequestOp[] {
    return this.#path[this.#entered++] === true ? request.success : request.failure;
  }

  #check(request: TxnRequest): ErrorCode | undefined {
    for (const op of this.#branch(request)) {
      let error: ErrorCode | undefined;
      if (op.requestRange !== undefined) error = this.#checkRevision(op.requestRange.revision);
      else if (op.requestPut !== undefined) error = this.#writer.checkPut(op.requestPut);
      else if (op.requestTxn !== undefined) error = this.#check(op.requestTxn);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** A negative revision passes only while nothing was compacted, as in etcd; it reads the newest state then. */
  #checkRevision(revision: number): ErrorCode | undefined {
    if (revision === 0) return undefined;
    if (revision > this.#revision) return "futureRevision";
    return revision < this.#compactedRevision ? "compacted" : undefined;
  }

  #execute(request: TxnRequest): OpResult[] {
    const results: OpResult[] = [];
    for (const op of this.#branch(request)) {
      if (op.requestRange !== undefined) {
        const visible = this.#writer.visibleRevision;
        const result = this.#reader.range(op.requestRange, visible, this.#compactedRevision);
        assert(typeof result !== "string", "a range failed that had been checked");
        results.push({ kind: "range", result });
      } else if (op.requestPut !== undefined) {
        results.push({ kind: "put", result: this.#writer.put(op.requestPut) });
      } else if (op.requestDeleteRange !== undefined) {
        results.push({ kind: "deleteRange", result: this.#writer.deleteRange(op.requestDeleteRange) });
      } else if (op.requestTxn !== undefined) {
        const succeeded = this.#path[this.#entered] === true;
        // The header of a nested txn's response is empty in etcd, hence revision 0.
        results.push({ kind: "txn", result: { revision: 0, succeeded, responses: this.#execute(op.requestTxn) } });
      }
    }
    return results;
  }
}
