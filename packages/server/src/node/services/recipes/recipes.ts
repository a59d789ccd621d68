import { copyBytes } from "@quorate/base";
import type { Call, Method, Services, StreamCall, UnaryCall } from "@quorate/grpc";
import { ERRORS, type ErrorCode } from "@quorate/protocol";
import { failUndecodable, failUndecodableStream, failWith } from "../reply.ts";
import { Caller } from "./caller.ts";
import { InnerStatus } from "./inner-call.ts";
import { InnerClient } from "./inner-client.ts";

const CANCELED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const INTERNAL = 13;
/** Calls that wait here at a time; etcd has no bound. More are refused with "too many requests". */
const WAITING_MAX = 10_000;

export interface RecipesDeps {
  /** What recipes are made of, with all their checks. */
  readonly services: Services;
  /** Something that no request explains has failed, other than with a status. */
  readonly onFailure: (path: string, error: unknown) => void;
  /** For tests; default {@link WAITING_MAX}. */
  readonly waitingMax?: number;
}

/** A recipe's refusal of its own. */
export class RecipeRefusal extends Error {
  override readonly name = "RecipeRefusal";
  readonly refusal: ErrorCode;

  constructor(refusal: ErrorCode) {
    super(ERRORS[refusal].message);
    this.refusal = refusal;
  }
}

/**
 * Runs the server's recipes, which are programs over its own API (locks, elections), each call by itself. A call whose client goes
 * away is told so by its {@link InnerClient}'s caller; its answer, if there is one all the same, goes nowhere.
 */
export class Recipes {
  readonly #deps: RecipesDeps;
  readonly #waitingMax: number;
  readonly #waiting = new Map<Caller, Call>();
  #isStopped = false;

  constructor(deps: RecipesDeps) {
    this.#deps = deps;
    this.#waitingMax = deps.waitingMax ?? WAITING_MAX;
  }

  /** A unary method: `run` makes the response. */
  unary<Q>(decode: (message: Uint8Array) => Q, run: (client: InnerClient, request: Q) => Promise<Uint8Array>): Method {
    return {
      kind: "unary",
      handler: (call, message) => {
        let request: Q;
        try {
          request = decode(copyBytes(message));
        } catch (error) {
          failUndecodable(call, error);
          return;
        }
        const client = this.#admit(call);
        if (client === undefined) return;
        const answer = (response: Uint8Array): void => {
          if (this.#release(client)) call.respond(response);
        };
        void run(client, request).then(answer, (error: unknown) => this.#fail(call, client, error));
      },
    };
  }

  /** A stream of responses: `run` sends them, and the stream ends when it does. */
  serverStream<Q>(
    decode: (message: Uint8Array) => Q,
    run: (client: InnerClient, request: Q, call: StreamCall) => Promise<void>,
  ): Method {
    return {
      kind: "serverStream",
      handler: (call) => {
        const client = this.#admit(call);
        if (client === undefined) return;
        call.onMessage = (message) => {
          let request: Q;
          try {
            request = decode(copyBytes(message));
          } catch (error) {
            this.#release(client);
            failUndecodableStream(call, error);
            return;
          }
          const end = (): void => {
            if (this.#release(client)) call.end();
          };
          void run(client, request, call).then(end, (error: unknown) => this.#fail(call, client, error));
        };
      },
    };
  }

  /** Ends every call that waits, and takes no more: the member is about to stop. */
  stop(): void {
    this.#isStopped = true;
    for (const [caller, call] of this.#waiting) {
      failWith(call, "stopped");
      caller.leave();
    }
  }

  #admit(call: UnaryCall | StreamCall): InnerClient | undefined {
    if (this.#isStopped || this.#waiting.size >= this.#waitingMax) {
      failWith(call, this.#isStopped ? "stopped" : "tooManyRequests");
      return undefined;
    }
    const caller = new Caller(call);
    this.#waiting.set(caller, call);
    caller.onGone(() => this.#waiting.delete(caller));
    return new InnerClient(this.#deps.services, caller);
  }

  /** Whether the call still waits for its answer; it does not from now on. */
  #release({ caller }: InnerClient): boolean {
    return this.#waiting.delete(caller);
  }

  #fail(call: Call, client: InnerClient, error: unknown): void {
    if (!this.#release(client)) return;
    if (error instanceof RecipeRefusal) failWith(call, error.refusal);
    else if (error instanceof InnerStatus) {
      // etcd's members ask themselves by its client library, whose errors have lost their codes. Errors page, section 3.
      const keepsCode = error.code === CANCELED || error.code === DEADLINE_EXCEEDED;
      call.fail(keepsCode ? error.code : UNKNOWN, error.message);
    } else {
      this.#deps.onFailure(call.path, error);
      call.fail(INTERNAL, "internal error");
    }
  }
}
