import { must } from "@quorate/base";
import type { Compare, ResponseHeader, TxnRequest } from "@quorate/protocol";
import { type Op, type ResponsesOf, responseOf } from "./op.ts";
import { RPC } from "./rpc.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** What a transaction came to: the responses are those of the branch that was taken, in order. */
export type TxnResult<Success extends readonly Op[], Failure extends readonly Op[]> =
  | { readonly header: ResponseHeader; readonly succeeded: true; readonly responses: ResponsesOf<Success> }
  | { readonly header: ResponseHeader; readonly succeeded: false; readonly responses: ResponsesOf<Failure> };

/**
 * A transaction: if all conditions hold, the operations of `do` are carried out, otherwise those of `else`; all at one revision
 * or not at all. Each method returns another transaction and changes nothing. Made by `client.kv.txn()`.
 */
export class Txn<Success extends readonly Op[] = [], Failure extends readonly Op[] = []> {
  readonly #transport: Transport;
  readonly #compares: readonly Compare[];
  readonly #success: Success;
  readonly #failure: Failure;

  constructor(transport: Transport, compares: readonly Compare[], success: Success, failure: Failure) {
    this.#transport = transport;
    this.#compares = compares;
    this.#success = success;
    this.#failure = failure;
  }

  /** Adds conditions, made with `compare`. Without any, `do` is taken. */
  if(...compares: readonly Compare[]): Txn<Success, Failure> {
    return new Txn(this.#transport, [...this.#compares, ...compares], this.#success, this.#failure);
  }

  /** Adds what is done if every condition holds. */
  do<const More extends readonly Op[]>(...ops: More): Txn<[...Success, ...More], Failure> {
    return new Txn(this.#transport, this.#compares, [...this.#success, ...ops], this.#failure);
  }

  /** Adds what is done if a condition does not hold. */
  else<const More extends readonly Op[]>(...ops: More): Txn<Success, [...Failure, ...More]> {
    return new Txn(this.#transport, this.#compares, this.#success, [...this.#failure, ...ops]);
  }

  /** The message, for {@link Ops.txn} or a call of one's own. */
  request(): TxnRequest {
    return {
      compare: this.#compares,
      success: this.#success.map((one) => one.request),
      failure: this.#failure.map((one) => one.request),
    };
  }

  /**
   * Carries it out. Never repeated after it may have been carried out: see `mayHaveApplied`. Errors besides those of the
   * operations: `tooManyOps`, `duplicateKey`.
   */
  async commit(options?: CallOptions): Promise<TxnResult<Success, Failure>> {
    const { header, succeeded, responses } = await this.#transport.unary(RPC.KV.Txn, this.request(), options);
    return {
      header: must(header, "a response of etcd has a header"),
      succeeded,
      responses: responses.map((response) => responseOf(response)),
    } as TxnResult<Success, Failure>;
  }
}
