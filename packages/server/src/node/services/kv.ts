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
  encodeCompactionRequest,
  encodeDeleteRangeRequest,
  encodePutRequest,
  encodeTxnRequest,
  type PutRequest,
  type PutResult,
  type RangeRequest,
  type TxnRequest,
  type TxnResult,
  type Writer,
  writeDeleteRangeResponse,
  writePutResponse,
  writeTxnResponse,
} from "@quorate/protocol";
import { countTxn, type HeaderResult, isAtLeast, RequestKind } from "../../core/index.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, Refusal, WriteMethod } from "./proposal.ts";
import { rangeStreamHandler } from "./range-stream.ts";
import { failUndecodable, failWith } from "./reply.ts";
import { respondRange, respondWith } from "./respond.ts";

/** Cluster version from which on all members look at the same permissions of a transaction. */
const TXNS_CHECKED_ALIKE_SINCE = "3.7.0";

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
    const { replica } = this.#context;
    let request: RangeRequest;
    try {
      request = decodeRangeRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const invalid = checkRange(request);
    if (invalid !== undefined) failWith(call, invalid);
    else if (request.serializable || replica.readsAreLinearizable()) this.#answerRange(call, request);
    else this.#rangeLater(call, message);
  };

  /** Waits for a read-index round. The request borrows the message, so both are copied. */
  #rangeLater(call: UnaryCall, message: Uint8Array): void {
    const request = decodeRangeRequest(copyBytes(message));
    this.#context.replica.linearizableRead(
      () => this.#answerRange(call, request),
      (code) => failWith(call, code),
    );
  }

  #answerRange(call: UnaryCall, request: RangeRequest): void {
    const { access, rangeTimes, store } = this.#context;
    const refused = access.isEnabled ? access.localRead(call, request.key, request.rangeEnd) : undefined;
    rangeTimes.begin();
    const result = refused ?? store.range(request);
    rangeTimes.end(typeof result !== "string");
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
    encode: encodePutRequest,
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
    encode: encodeDeleteRangeRequest,
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
    encode: encodeTxnRequest,
    check: (request, call) => {
      if (!this.#hasRoom(txnCost(request))) return "noSpace";
      return (
        checkTxn(request, this.#context.limits.maxTxnOps) ??
        this.#answerReadonly(request, call) ??
        this.#refuseBeforehand(request, call)
      );
    },
    answer: (call, result) => this.#answerTxn(call, result),
  };

  /** A transaction of reads alone is answered from the applied state, after a read-index round unless all are serializable. */
  #answerReadonly(request: TxnRequest, call: UnaryCall): Refusal | undefined {
    if (!isTxnReadonly(request)) return undefined;
    const { access, counts, replica, store } = this.#context;
    const run = (): void => {
      const result = access.localTxn(call, request) ?? store.txn(request);
      counts.readonlyTxns++;
      if (typeof result === "string") {
        failWith(call, result);
        return;
      }
      countTxn(counts, request, result);
      this.#answerTxn(call, result);
    };
    if (isTxnSerializable(request)) run();
    else replica.linearizableRead(run, (code) => failWith(call, code));
    return "answered";
  }

  /**
   * Where members of etcd before 3.7 are in the cluster, a transaction that its caller may not make must not get into the log: those
   * members leave out ranges that others asked for, older ones do not look into transactions inside transactions, nor at previous
   * values and leases of puts, and would apply what this one refuses. Peer protocol page, section 13.4.
   */
  #refuseBeforehand(request: TxnRequest, call: UnaryCall): Refusal | undefined {
    const { access, membership, replica } = this.#context;
    if (!access.isEnabled || isAtLeast(membership.clusterVersion, TXNS_CHECKED_ALIKE_SINCE)) return undefined;
    if (access.txn(call, request) === undefined) return undefined;
    // What is known here of users may be old.
    const again = (): void => {
      const refused = access.txn(call, request);
      if (refused === undefined) this.#proposer.submit(call, encodeTxnRequest(request), this.#txnMethod);
      else failWith(call, refused);
    };
    replica.linearizableRead(again, (code) => failWith(call, code));
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
    encode: encodeCompactionRequest,
    check: (_request, call) => this.#context.access.admin(call),
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
