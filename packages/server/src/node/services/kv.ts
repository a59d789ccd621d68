import { copyBytes } from "@quorate/base";
import type { Method, UnaryCall, UnaryHandler } from "@quorate/grpc";
import {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  isTxnReadonly,
  isTxnSerializable,
  putCost,
  txnCost,
} from "@quorate/mvcc";
import {
  type CompactionRequest,
  type DeleteRangeRequest,
  type DeleteRangeResult,
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type ErrorCode,
  type PutRequest,
  type PutResult,
  type RangeRequest,
  type RangeResult,
  type TxnRequest,
  type TxnResult,
  type Writer,
  writeDeleteRangeResponse,
  writePutResponse,
  writeTxnResponse,
} from "@quorate/protocol";
import { type HeaderResult, RequestKind } from "../../core/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, Refusal, WriteMethod } from "./proposal.ts";
import { rangeStreamHandler } from "./range-stream.ts";
import { failUndecodable, failWith } from "./reply.ts";
import { respondRange, respondWith } from "./respond.ts";

/** `etcdserverpb.KV`. gRPC API page, sections 3 to 5. */
export class KvService {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;

  constructor(context: NodeContext, proposer: Proposer) {
    this.#context = context;
    this.#proposer = proposer;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      Range: { kind: "unary", handler: this.#range },
      RangeStream: { kind: "serverStream", handler: rangeStreamHandler(this.#context) },
      Put: { kind: "unary", handler: this.#put },
      DeleteRange: { kind: "unary", handler: this.#deleteRange },
      Txn: { kind: "unary", handler: this.#txn },
      Compact: { kind: "unary", handler: this.#compact },
    };
  }

  readonly #range = (call: UnaryCall, message: Uint8Array): void => {
    const { replica, store } = this.#context;
    let request: RangeRequest;
    try {
      request = decodeRangeRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const invalid = checkRange(request);
    if (invalid !== undefined) failWith(call, invalid);
    else if (request.serializable || replica.readsAreLinearizable()) this.#answerRange(call, store.range(request));
    else this.#rangeLater(call, message);
  };

  /** Waits for a read-index round. The request borrows the message, so both are copied. */
  #rangeLater(call: UnaryCall, message: Uint8Array): void {
    const request = decodeRangeRequest(copyBytes(message));
    this.#context.replica.linearizableRead(
      () => this.#answerRange(call, this.#context.store.range(request)),
      (code) => failWith(call, code),
    );
  }

  #answerRange(call: UnaryCall, result: RangeResult | ErrorCode): void {
    if (typeof result === "string") {
      failWith(call, result);
      return;
    }
    this.#context.counts.ranges++;
    respondRange(call, this.#begin(), this.#context.header, result);
  }

  readonly #put: UnaryHandler = (call, message) => this.#proposer.submit(call, message, this.#putMethod);

  readonly #putMethod: WriteMethod<PutRequest, PutResult> = {
    kind: RequestKind.Put,
    decode: decodePutRequest,
    check: (request) => (this.#hasRoom(putCost(request)) ? checkPut(request) : "noSpace"),
    answer: (call, result) => {
      writePutResponse(this.#begin(), this.#context.header, result);
      respondWith(call, this.#context.writer);
    },
  };

  readonly #deleteRange: UnaryHandler = (call, message) =>
    this.#proposer.submit(call, message, this.#deleteRangeMethod);

  readonly #deleteRangeMethod: WriteMethod<DeleteRangeRequest, DeleteRangeResult> = {
    kind: RequestKind.DeleteRange,
    decode: decodeDeleteRangeRequest,
    check: checkDeleteRange,
    answer: (call, result) => {
      writeDeleteRangeResponse(this.#begin(), this.#context.header, result);
      respondWith(call, this.#context.writer);
    },
  };

  readonly #txn: UnaryHandler = (call, message) => this.#proposer.submit(call, message, this.#txnMethod);

  readonly #txnMethod: WriteMethod<TxnRequest, TxnResult> = {
    kind: RequestKind.Txn,
    decode: decodeTxnRequest,
    check: (request, call) => {
      if (!this.#hasRoom(txnCost(request))) return "noSpace";
      return checkTxn(request, this.#context.limits.maxTxnOps) ?? this.#answerReadonly(request, call);
    },
    answer: (call, result) => this.#answerTxn(call, result),
  };

  /** A transaction of reads alone is answered from the applied state, after a read-index round unless all are serializable. */
  #answerReadonly(request: TxnRequest, call: UnaryCall): Refusal | undefined {
    if (!isTxnReadonly(request)) return undefined;
    const { replica, store } = this.#context;
    const run = (): void => {
      const result = store.txn(request);
      if (typeof result === "string") failWith(call, result);
      else this.#answerTxn(call, result);
    };
    if (isTxnSerializable(request)) run();
    else replica.linearizableRead(run, (code) => failWith(call, code));
    return "answered";
  }

  #answerTxn(call: UnaryCall, result: TxnResult): void {
    writeTxnResponse(this.#begin(), this.#context.header, result);
    respondWith(call, this.#context.writer);
  }

  readonly #compact: UnaryHandler = (call, message) => this.#proposer.submit(call, message, this.#compactMethod);

  readonly #compactMethod: WriteMethod<CompactionRequest, HeaderResult> = {
    kind: RequestKind.Compaction,
    decode: decodeCompactionRequest,
    check: () => undefined,
    answer: (call, result, { physical }) => {
      const answer = (): void => {
        // A response that holds nothing but a header has the shape of a put's without a previous value.
        writePutResponse(this.#begin(), this.#context.header, { revision: result.revision, prevKv: undefined });
        respondWith(call, this.#context.writer);
      };
      if (physical) this.#context.whenCompacted(answer);
      else answer();
    },
  };

  /** Whether a request of this cost fits; asks for the alarm where it does not. */
  #hasRoom(costBytes: number): boolean {
    if (this.#context.quota.admits(costBytes)) return true;
    this.#context.raiseNoSpace();
    return false;
  }

  /** The scratch writer, empty, and the header as of now. */
  #begin(): Writer {
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    return writer;
  }
}
