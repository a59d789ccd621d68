import { ByteSlab } from "@quorate/base";
import type { UnaryCall } from "@quorate/grpc";
import { type ErrorCode, varintSize, Writer, writeRaftRequest } from "@quorate/protocol";
import {
  type ApplyResult,
  type Caller,
  encodeLegacyPut,
  isAtLeast,
  type MembershipChange,
  type Pending,
} from "../../core/index.ts";
import type { NodeContext } from "./node-context.ts";
import { failUndecodable, failWith } from "./reply.ts";

/** More that waits for the engine than this means that it cannot keep up; memory must not pay for it. */
const UNWRITTEN_BYTES_MAX = 256 * 1024 * 1024;

/** Cluster version from which on every member decodes requests as this one does. */
const DECODED_ALIKE_SINCE = "3.7.0";

/** Why a request is not proposed: an error to be told, or that its call has been answered already. */
export type Refusal = ErrorCode | "answered";

/**
 * One kind of write request: how it is decoded, why it may be refused before it is proposed, and how its result is written. One
 * object for all calls of a method.
 */
export interface WriteMethod<Q, R> {
  /** See `RequestKind`. */
  readonly kind: number;
  readonly decode: (bytes: Uint8Array, start: number, end: number) => Q;
  readonly encode: (request: Q) => Uint8Array;
  /** Undefined if it may be proposed. */
  readonly check: (request: Q, call: UnaryCall) => Refusal | undefined;
  readonly answer: (call: UnaryCall, result: R, request: Q) => void;
}

/** A unary call that waits for its entry. One small object per write request. */
class WaitingCall<Q, R> implements Pending {
  readonly request: Q;
  readonly #call: UnaryCall;
  readonly #method: WriteMethod<Q, R>;

  constructor(call: UnaryCall, method: WriteMethod<Q, R>, request: Q) {
    this.request = request;
    this.#call = call;
    this.#method = method;
  }

  applied(result: ApplyResult): void {
    if (typeof result === "string") failWith(this.#call, result);
    // The proposer chose the request's kind, and with it the kind of result.
    else this.#method.answer(this.#call, result as R, this.request);
  }

  failed(code: ErrorCode): void {
    failWith(this.#call, code);
  }
}

/** Turns client requests into replicated ones. */
export class Proposer {
  readonly #context: NodeContext;
  readonly #writer = new Writer();
  /** Entries go in the order in which they came, all of one slab at about the same time. */
  readonly #slab = new ByteSlab();
  /** ID of the next entry. Only what was proposed uses one up: refusals, however many, leave no gap behind what waits. */
  #low48: number;
  /** Whether members may decode requests otherwise, and the cluster version of which that is known: found out once for each. */
  #hasOtherDecoders = true;
  #versionSeen: string | undefined;

  constructor(context: NodeContext) {
    this.#context = context;
    this.#low48 = context.requestIds.nextLow48();
  }

  /**
   * Proposes the request that `message` (borrowed) encodes and answers `call` once it was applied here. The bytes go into the log
   * as the client sent them, copied once; the request is decoded from the copy, once. Where members may decode them otherwise,
   * what was understood here is encoded anew: see ADR 2.
   */
  submit<Q, R>(call: UnaryCall, message: Uint8Array, method: WriteMethod<Q, R>): void {
    const { access } = this.#context;
    const caller = access.isEnabled ? access.identify(call) : undefined;
    const low48 = this.#low48;
    let data: Uint8Array;
    let request: Q;
    try {
      const bytes = this.#mustEncodeAnew() ? method.encode(method.decode(message, 0, message.length)) : message;
      data = this.#entry(method.kind, bytes, typeof caller === "string" ? undefined : caller);
      const start = varintSize(method.kind * 8) + varintSize(bytes.length);
      request = method.decode(data, start, start + bytes.length);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    let refused = method.check(request, call);
    if (refused === "answered") return;
    if (typeof caller === "string") refused ??= caller;
    // A check that proposed something itself, the alarm, has refused: the ID is still ours.
    refused ??= this.#propose(data, low48, new WaitingCall(call, method, request));
    if (refused !== undefined) failWith(call, refused);
  }

  /** Proposes a request of the server itself. Returns an error code when it was refused and `pending` is not called. */
  propose(kind: number, request: Uint8Array, pending: Pending, caller?: Caller): ErrorCode | undefined {
    return this.#propose(this.#entry(kind, request, caller), this.#low48, pending);
  }

  /** The same for what this member has decided as the leader: it fails unless it goes into the log while that holds. */
  proposeAsLeader(kind: number, request: Uint8Array, pending: Pending, caller?: Caller): ErrorCode | undefined {
    return this.#propose(this.#entry(kind, request, caller), this.#low48, pending, true);
  }

  /** Proposes that `path` of the old v2 key space be set to `value`; see `encodeLegacyPut`. Otherwise as `propose`. */
  proposeLegacy(path: string, value: string, pending: Pending): ErrorCode | undefined {
    const id = (BigInt(this.#context.requestIds.high16) << 48n) | BigInt(this.#low48);
    return this.#propose(encodeLegacyPut(id, path, value), this.#low48, pending);
  }

  /** Proposes a change of the membership. Returns an error code when it was refused and `pending` is not called. */
  proposeConfChange(change: MembershipChange, pending: Pending): ErrorCode | undefined {
    const { replica, requestIds } = this.#context;
    const low48 = this.#low48;
    const id = (BigInt(requestIds.high16) << 48n) | BigInt(low48);
    const refused = replica.proposeConfChange(change, { id, low48, pending });
    if (refused === undefined) this.#low48 = requestIds.nextLow48();
    return refused;
  }

  #propose(data: Uint8Array, low48: number, pending: Pending, asLeader = false): ErrorCode | undefined {
    const { backend, limits, replica, requestIds } = this.#context;
    if (data.length > limits.maxRequestBytes) return "requestTooLarge";
    if (backend.unwrittenBytes > UNWRITTEN_BYTES_MAX) return "tooManyRequests";
    const refused = replica.propose(data, low48, pending, asLeader);
    if (refused === undefined) this.#low48 = requestIds.nextLow48();
    return refused;
  }

  /**
   * Members of etcd before 3.7 refuse a field of another wire type, which ends them when they apply the entry, and where a field
   * comes twice they do not merge the two.
   */
  #mustEncodeAnew(): boolean {
    const { clusterVersion } = this.#context.membership;
    if (clusterVersion !== this.#versionSeen) {
      this.#versionSeen = clusterVersion;
      this.#hasOtherDecoders = !isAtLeast(clusterVersion, DECODED_ALIKE_SINCE);
    }
    return this.#hasOtherDecoders;
  }

  /** The entry for a request, with the ID in `#low48`. */
  #entry(kind: number, request: Uint8Array, caller: Caller | undefined): Uint8Array {
    const { requestIds } = this.#context;
    const writer = this.#writer;
    writer.reset();
    writeRaftRequest(writer, kind, request, requestIds.high16, this.#low48, caller);
    const data = this.#slab.take(writer.length);
    writer.copyTo(data);
    return data;
  }
}
