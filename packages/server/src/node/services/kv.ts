import { copyBytes } from "@quorate/base";
import type { Method, UnaryCall } from "@quorate/grpc";
import { checkPut, checkRange, checkTxn, isTxnReadonly, isTxnSerializable, putCost, txnCost } from "@quorate/mvcc";
import {
  type DeleteRangeResult,
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type ErrorCode,
  type PutResult,
  type RangeRequest,
  type RangeResult,
  type TxnRequest,
  type TxnResult,
  writeDeleteRangeResponse,
  writePutResponse,
  writeRangeResponse,
  writeTxnResponse,
} from "@quorate/protocol";
import { type HeaderResult, RequestKind } from "../../core/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer } from "./proposal.ts";
import { rangeStreamHandler } from "./range-stream.ts";
import { failUndecodable, failWith } from "./reply.ts";
import { respondWith } from "./respond.ts";

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
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    writeRangeResponse(writer, header, result);
    respondWith(call, writer);
  }

  readonly #put = (call: UnaryCall, message: Uint8Array): void => {
    const { quota, raiseNoSpace } = this.#context;
    try {
      const request = decodePutRequest(message);
      if (!quota.admits(putCost(request))) {
        raiseNoSpace();
        failWith(call, "noSpace");
        return;
      }
      const invalid = checkPut(request);
      if (invalid !== undefined) {
        failWith(call, invalid);
        return;
      }
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    this.#proposer.submit(call, RequestKind.Put, message, this.#answerPut);
  };

  readonly #answerPut = (call: UnaryCall, result: PutResult): void => {
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    writePutResponse(writer, header, result);
    respondWith(call, writer);
  };

  readonly #deleteRange = (call: UnaryCall, message: Uint8Array): void => {
    try {
      if (decodeDeleteRangeRequest(message).key.length === 0) {
        failWith(call, "emptyKey");
        return;
      }
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    this.#proposer.submit(call, RequestKind.DeleteRange, message, this.#answerDeleteRange);
  };

  readonly #answerDeleteRange = (call: UnaryCall, result: DeleteRangeResult): void => {
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    writeDeleteRangeResponse(writer, header, result);
    respondWith(call, writer);
  };

  readonly #txn = (call: UnaryCall, message: Uint8Array): void => {
    const { limits, quota, raiseNoSpace } = this.#context;
    let request: TxnRequest;
    try {
      request = decodeTxnRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    if (!quota.admits(txnCost(request))) {
      raiseNoSpace();
      failWith(call, "noSpace");
      return;
    }
    const invalid = checkTxn(request, limits.maxTxnOps);
    if (invalid !== undefined) failWith(call, invalid);
    else if (isTxnReadonly(request)) this.#readonlyTxn(call, request, message);
    else this.#proposer.submit(call, RequestKind.Txn, message, this.#answerTxn);
  };

  /** A transaction of reads alone is answered from the applied state, after a read-index round unless all are serializable. */
  #readonlyTxn(call: UnaryCall, request: TxnRequest, message: Uint8Array): void {
    const { replica, store } = this.#context;
    if (isTxnSerializable(request) || replica.readsAreLinearizable()) {
      this.#answerTxnOrFail(call, store.txn(request));
      return;
    }
    const kept = decodeTxnRequest(copyBytes(message));
    replica.linearizableRead(
      () => this.#answerTxnOrFail(call, store.txn(kept)),
      (code) => failWith(call, code),
    );
  }

  #answerTxnOrFail(call: UnaryCall, result: TxnResult | ErrorCode): void {
    if (typeof result === "string") failWith(call, result);
    else this.#answerTxn(call, result);
  }

  readonly #answerTxn = (call: UnaryCall, result: TxnResult): void => {
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    writeTxnResponse(writer, header, result);
    respondWith(call, writer);
  };

  readonly #compact = (call: UnaryCall, message: Uint8Array): void => {
    let physical: boolean;
    try {
      physical = decodeCompactionRequest(message).physical;
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    this.#proposer.submit(
      call,
      RequestKind.Compaction,
      message,
      physical ? this.#answerPhysicalCompact : this.#answerCompact,
    );
  };

  readonly #answerCompact = (call: UnaryCall, result: HeaderResult): void => {
    const { header, replica, writer } = this.#context;
    writer.reset();
    header.raftTerm = replica.term;
    // A response that holds nothing but a header has the shape of a put's without a previous value.
    writePutResponse(writer, header, { revision: result.revision, prevKv: undefined });
    respondWith(call, writer);
  };

  readonly #answerPhysicalCompact = (call: UnaryCall, result: HeaderResult): void => {
    this.#context.whenCompacted(() => this.#answerCompact(call, result));
  };
}
