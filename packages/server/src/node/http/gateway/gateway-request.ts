import { type GrpcObserver, type Method, Status } from "@quorate/grpc";
import { decodeJson, JsonError, JsonValues, type MethodDescriptor } from "@quorate/protocol";
import type { Body } from "./body.ts";
import { type CallHead, GatewayCall } from "./gateway-call.ts";
import { type GatewayLimits, JSON_BYTES_PER_MESSAGE_BYTE } from "./gateway-limits.ts";
import type { OpenRequests } from "./open-requests.ts";
import type { Reply } from "./reply.ts";

const TIMER_MS_MAX = 2 ** 31 - 1;

/** What all requests of a gateway share. */
export interface GatewayShared {
  readonly limits: GatewayLimits;
  readonly observer: GrpcObserver;
  readonly nowMs: () => number;
  /** JSON held of messages that are not complete, over all requests. */
  readonly held: { bytes: number };
  readonly open: OpenRequests;
}

/** What serves a request, and from where to where. */
export interface GatewayExchange {
  readonly head: CallHead;
  /** Undefined when no service has the method; `missing` says so in grpc-go's words. */
  readonly handler: Method | undefined;
  readonly missing: string;
  readonly body: Body;
  readonly reply: Reply;
}

/**
 * One request: reads JSON values from its body and gives them, as encoded messages, to the handler of the method. A method with one
 * request message takes the first value, or the empty message where there is none, once the body has ended; of a stream of requests
 * each value is a message.
 */
export class GatewayRequest {
  readonly call: GatewayCall;
  readonly #shared: GatewayShared;
  readonly #exchange: GatewayExchange;
  readonly #method: MethodDescriptor;
  readonly #startedMs: number;
  readonly #values = new JsonValues();
  /** Bytes of `#values` that are counted in the sum over all requests. */
  #held = 0;
  /** The one message of a method that takes no stream. */
  #message: Uint8Array | undefined;
  #delivered = 0;
  #bodyEnded = false;
  /** No further value is looked for. */
  #isDone = false;
  #isDelivering = false;
  #messageTimer: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;

  constructor(exchange: GatewayExchange, shared: GatewayShared) {
    const { method } = exchange.head;
    this.#exchange = exchange;
    this.#shared = shared;
    this.#method = method;
    this.#startedMs = shared.nowMs();
    this.call = new GatewayCall(exchange.head, exchange.reply, {
      messageSent: (bytes) => shared.observer.messageSent?.(method.path, bytes),
      decided: (code) => this.#decided(code),
      mayDeliver: () => this.#deliver(),
      handlerError: (error) => shared.observer.handlerError?.(method.path, error),
    });
  }

  /** Begins to read the body; the handler of a stream of requests is called at once. */
  begin(): void {
    const { body, handler, missing } = this.#exchange;
    const { call } = this;
    this.#shared.open.add(this);
    this.#shared.observer.callStarted?.(call.path, this.#method.kind);
    body.onChunk = (chunk) => this.#take(chunk);
    body.onEnd = () => {
      this.#bodyEnded = true;
      this.#deliver();
    };
    if (handler === undefined) {
      call.fail(Status.UNIMPLEMENTED, missing);
      return;
    }
    this.#watchDeadline();
    if (call.ended) return;
    if (this.#isBidi && handler.kind !== "unary") call.guarded(() => handler.handler(call));
    if (!call.ended) this.#watchMessage();
  }

  get #isBidi(): boolean {
    return this.#method.kind === "bidi";
  }

  #take(chunk: Uint8Array): void {
    // What follows the one value of a request is passed over.
    if (this.call.ended || this.#isDone) return;
    const { held, limits } = this.#shared;
    if (held.bytes + chunk.length > limits.heldBytesMax) {
      this.call.abort(Status.RESOURCE_EXHAUSTED, "the JSON gateway holds too much of requests that are not complete");
      return;
    }
    this.#values.push(chunk);
    this.#deliver();
  }

  /** Gives the handler what is complete, as far as it and the client take it. */
  #deliver(): void {
    if (this.#isDelivering || this.call.ended) return;
    this.#isDelivering = true;
    try {
      if (this.#isBidi) this.#deliverAll();
      else this.#deliverOne();
    } catch (error) {
      if (error instanceof JsonError) this.#badJson(error.message);
      // Whatever else a body brings about is the end of its request alone.
      else this.call.failed(error);
    } finally {
      this.#isDelivering = false;
    }
    if (!this.call.ended) this.#afterDelivery();
  }

  #deliverOne(): void {
    if (this.#delivered > 0) return;
    if (!this.#isDone) this.#keep(this.#values.next());
    if (!this.#bodyEnded) return;
    if (!this.#isDone) this.#keep(this.#values.end());
    clearTimeout(this.#messageTimer);
    const { handler } = this.#exchange;
    const message = this.#message ?? new Uint8Array(0);
    const { call } = this;
    if (call.ended || handler === undefined) return;
    this.#delivered++;
    this.#shared.observer.messageReceived?.(call.path, message.length);
    call.guarded(() => {
      if (handler.kind === "unary") {
        handler.handler(call, message);
        return;
      }
      handler.handler(call);
      if (!call.ended) call.onMessage?.(message);
      if (!call.ended) call.onHalfClose?.();
    });
  }

  #keep(value: Uint8Array | undefined): void {
    if (value === undefined) return;
    this.#isDone = true;
    this.#message = this.#encoded(value);
  }

  #deliverAll(): void {
    const { call } = this;
    // A client that takes no answers gives no further requests.
    while (!this.#isDone && !call.paused && call.writable) {
      const value = this.#values.next() ?? (this.#bodyEnded ? this.#values.end() : undefined);
      if (value === undefined) {
        if (this.#bodyEnded) this.#halfClose();
        return;
      }
      const message = this.#encoded(value);
      if (call.ended || message === undefined) return;
      this.#unwatchMessage();
      this.#delivered++;
      this.#shared.observer.messageReceived?.(call.path, message.length);
      call.guarded(() => call.onMessage?.(message));
    }
  }

  #halfClose(): void {
    const { call } = this;
    this.#isDone = true;
    call.guarded(() => {
      if (call.onHalfClose !== undefined) call.onHalfClose();
      // A handler that does not want to know would otherwise leave the call open for ever.
      else call.end();
    });
  }

  /**
   * A stream of requests ends with the first value that is none; grpc-gateway tells nobody, and neither does this where a stream goes
   * on with what came before. Where nothing came before, etcd's client would wait for ever: it is told.
   */
  #badJson(text: string): void {
    const { call } = this;
    if (!this.#isBidi) {
      call.refuse(Status.INVALID_ARGUMENT, text);
      return;
    }
    this.#halfClose();
    if (this.#delivered === 0) call.abort(Status.INVALID_ARGUMENT, `Failed to decode request: ${text}`);
  }

  /** The encoded message; undefined when it is too large, which has ended the call. */
  #encoded(value: Uint8Array): Uint8Array | undefined {
    const { request } = this.#method;
    const message = request.encode(decodeJson(request, value));
    const limit = this.#shared.limits.messageBytesMax;
    if (message.length <= limit) return message;
    this.#tooLarge(message.length);
    return undefined;
  }

  #tooLarge(bytes: number): void {
    const limit = this.#shared.limits.messageBytesMax;
    this.call.abort(Status.RESOURCE_EXHAUSTED, `grpc: received message larger than max (${bytes} vs. ${limit})`);
  }

  /** Looks at what is held, and whether more may come. */
  #afterDelivery(): void {
    const { body } = this.#exchange;
    const { limits } = this.#shared;
    const heldBytes = this.#isDone ? 0 : this.#values.heldBytes;
    this.#account(heldBytes);
    if (heldBytes > limits.messageBytesMax * JSON_BYTES_PER_MESSAGE_BYTE) {
      this.#tooLarge(heldBytes);
      return;
    }
    if (!this.#isBidi) return;
    if (this.call.paused || !this.call.writable) {
      body.pause();
      return;
    }
    body.resume();
    // A stream on which nothing has been asked would do nothing for ever.
    const isAwaited = this.#delivered === 0 || (this.#values.isWithinValue && !this.#isDone);
    if (isAwaited) this.#watchMessage();
    else this.#unwatchMessage();
  }

  #account(heldBytes: number): void {
    this.#shared.held.bytes += heldBytes - this.#held;
    this.#held = heldBytes;
  }

  #watchDeadline(): void {
    const { deadlineMs } = this.call;
    if (deadlineMs === undefined) return;
    const inMs = deadlineMs - this.#startedMs;
    const expire = (): void => this.call.abort(Status.DEADLINE_EXCEEDED, "context deadline exceeded");
    if (inMs > 0) this.#deadlineTimer = setTimeout(expire, Math.min(inMs, TIMER_MS_MAX));
    else expire();
  }

  /** A message that has begun, and the first one, must be there in time. */
  #watchMessage(): void {
    this.#messageTimer ??= setTimeout(() => {
      this.call.abort(Status.DEADLINE_EXCEEDED, "the request message did not arrive in time");
    }, this.#shared.limits.messageTimeoutMs);
  }

  #unwatchMessage(): void {
    clearTimeout(this.#messageTimer);
    this.#messageTimer = undefined;
  }

  #decided(code: number): void {
    const { observer, nowMs, open } = this.#shared;
    this.#unwatchMessage();
    clearTimeout(this.#deadlineTimer);
    this.#account(0);
    open.delete(this);
    observer.callEnded?.(this.call.path, this.#method.kind, code, nowMs() - this.#startedMs);
    if (!this.#bodyEnded) this.#exchange.body.discard();
  }
}
