import type { ClientDuplexStream, ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { onAbort } from "./abort-listener.ts";
import type { Endpoint } from "./endpoint.ts";
import { abortedError, closedError, type EtcdError, errorFromStatus } from "./etcd-error.ts";

type Call<Response> = ClientReadableStream<Response> | ClientDuplexStream<Buffer, Response>;

/** What a {@link MessageStream} is made of. */
export interface MessageStreamParts<Response> {
  readonly call: Call<Response>;
  /** Undefined where the requests were all sent. */
  readonly write: ((request: unknown) => Buffer) | undefined;
  readonly endpoint: Endpoint;
  readonly token: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A stream of responses, to be iterated once, and of requests where the method takes several. Responses are read only as fast
 * as they are taken: gRPC's flow control holds the server back. Leaving the iteration, `cancel()` and the signal end the call.
 * Iterating throws an {@link EtcdError} for a status that is not OK; nothing is tried again.
 */
export class MessageStream<Request, Response> implements AsyncIterable<Response>, AsyncDisposable {
  readonly #parts: MessageStreamParts<Response>;
  readonly #stopListening: () => void;
  #wake: (() => void) | undefined;
  /** Pending while the other side does not take what was written. */
  #drain: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #ended = false;
  #cancelled = false;
  #closed = false;
  #error: EtcdError | undefined;

  constructor(parts: MessageStreamParts<Response>) {
    this.#parts = parts;
    const { call, signal, endpoint } = parts;
    const registered = { cancel: () => this.#close() };
    endpoint.calls.add(registered);
    this.#stopListening = () => {
      endpoint.calls.delete(registered);
      stopListening();
    };
    const stopListening = onAbort(signal, () => this.cancel());
    call.on("drain", () => this.#onDrain());
    call.on("readable", () => this.#stir());
    call.on("error", (error: ServiceError) => this.#fail(error));
    call.on("status", () => this.#end());
    if (signal?.aborted === true) this.cancel();
  }

  /** The endpoint it goes to, as given to the client. */
  get endpoint(): string {
    return this.#parts.endpoint.text;
  }

  /** The token it was opened with. */
  get token(): string | undefined {
    return this.#parts.token;
  }

  /** Sends a request; resolves when the next may be sent. Rejects with the stream's end if it has ended. */
  async write(request: Partial<Request>): Promise<void> {
    const { call, write, signal } = this.#parts;
    if (signal?.aborted === true) throw abortedError(signal, true);
    if (write === undefined || !("write" in call)) throw new TypeError("the method takes one request");
    if (this.#ended || this.#cancelled) throw this.#error ?? closedError("stream");
    if (call.write(write(request))) return;
    this.#drain ??= new Promise((resolve) => {
      this.#drained = resolve;
    });
    await this.#drain;
  }

  /** Says that no request follows. Servers may go on answering. */
  end(): void {
    const { call } = this.#parts;
    if ("end" in call && !this.#ended) call.end();
  }

  /** Ends the call; what was received but not read is dropped. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    if (!this.#ended) this.#parts.call.cancel();
    this.#stir();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void, undefined> {
    const { call } = this.#parts;
    try {
      while (!this.#cancelled) {
        const response = call.read() as Response | null;
        if (response !== null) yield response;
        else if (this.#ended) break;
        else await this.#stirred();
      }
      const { signal } = this.#parts;
      if (signal?.aborted === true) throw abortedError(signal, true);
      if (this.#closed) throw closedError("client", true);
      if (this.#error !== undefined && !this.#cancelled) throw this.#error;
    } finally {
      this.cancel();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }

  /** The client is closed. */
  #close(): void {
    if (this.#cancelled) return;
    this.#closed = true;
    this.cancel();
  }

  #fail(error: ServiceError): void {
    this.#error ??= errorFromStatus(error.code, error.details, this.endpoint);
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#onDrain();
    this.#stopListening();
    this.#stir();
  }

  #onDrain(): void {
    this.#drained?.();
    this.#drain = undefined;
    this.#drained = undefined;
  }

  #stirred(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
