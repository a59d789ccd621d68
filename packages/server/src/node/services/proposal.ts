import { copyBytes } from "@quorate/base";
import type { UnaryCall } from "@quorate/grpc";
import { type ErrorCode, Writer, writeRaftRequest } from "@quorate/protocol";
import type { ApplyResult, Pending } from "../../core/index.ts";
import type { NodeContext } from "./node-context.ts";
import { failWith } from "./reply.ts";

/** More that waits for the engine than this means that it cannot keep up; memory must not pay for it. */
const UNWRITTEN_BYTES_MAX = 256 * 1024 * 1024;

/** How the result of an applied request is written as an answer. */
export type Answer<R> = (call: UnaryCall, result: R) => void;

/** A unary call that waits for its entry. One small object per write request: the answer itself is a shared function. */
class WaitingCall<R> implements Pending {
  readonly #call: UnaryCall;
  readonly #answer: Answer<R>;

  constructor(call: UnaryCall, answer: Answer<R>) {
    this.#call = call;
    this.#answer = answer;
  }

  applied(result: ApplyResult): void {
    if (typeof result === "string") failWith(this.#call, result);
    // The proposer chose the request's kind, and with it the kind of result.
    else this.#answer(this.#call, result as R);
  }

  failed(code: ErrorCode): void {
    failWith(this.#call, code);
  }
}

/** Turns client requests into replicated ones. */
export class Proposer {
  readonly #context: NodeContext;
  readonly #writer = new Writer();

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /**
   * Proposes the request of `kind` whose encoded form is `request` (borrowed) on behalf of `call`, and has `answer` write the
   * result once it was applied here. The bytes go into the log as the client sent them.
   */
  submit<R>(call: UnaryCall, kind: number, request: Uint8Array, answer: Answer<R>): void {
    const refused = this.propose(kind, request, new WaitingCall(call, answer));
    if (refused !== undefined) failWith(call, refused);
  }

  /** The same for a request of the server itself. Returns an error code when it was refused and `pending` is not called. */
  propose(kind: number, request: Uint8Array, pending: Pending): ErrorCode | undefined {
    const { backend, limits, replica, requestIds } = this.#context;
    if (backend.unwrittenBytes > UNWRITTEN_BYTES_MAX) return "tooManyRequests";
    const idLow48 = requestIds.nextLow48();
    const writer = this.#writer;
    writer.reset();
    writeRaftRequest(writer, kind, request, requestIds.high16, idLow48);
    if (writer.length > limits.maxRequestBytes) return "requestTooLarge";
    return replica.propose(copyBytes(writer.buffer.subarray(0, writer.length)), idLow48, pending);
  }
}
