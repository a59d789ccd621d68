import { copyBytes } from "@quorate/base";
import {
  type Metadata,
  type MetadataInit,
  type PeerInfo,
  Status,
  type StreamCall,
  type UnaryCall,
} from "@quorate/grpc";
import { jsonParts, type MethodDescriptor } from "@quorate/protocol";
import { httpStatusOf, statusJson } from "./gateway-errors.ts";
import type { Reply, ReplyHeaders } from "./reply.ts";

/** An answer of more encoded bytes is written bit by bit, as the client takes it. */
const WHOLE_BYTES_MAX = 32 * 1024;
const JSON_TYPE = ["Content-Type", "application/json"] as const;
const GRPC_TYPE = ["Grpc-Metadata-Content-Type", "application/grpc"] as const;
const METADATA_PREFIX = "Grpc-Metadata-";

/** What a call has from its request. */
export interface CallHead {
  readonly method: MethodDescriptor;
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  readonly deadlineMs: number | undefined;
}

/** Told of what a call comes to. */
export interface CallOwner {
  messageSent(bytes: number): void;
  /** The call has its status. */
  decided(code: number): void;
  /** `pause` was called, or what waited for the client has left. */
  mayDeliver(): void;
  handlerError(error: unknown): void;
}

/**
 * A call that came as JSON: to a handler it looks like one over gRPC. What it answers is written as grpc-gateway writes it: one JSON
 * value for a unary call, for a stream a line `{"result":…}` for each message and a last one `{"error":…}` where it fails.
 */
export class GatewayCall implements UnaryCall, StreamCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  readonly deadlineMs: number | undefined;
  cancelled = false;
  ended = false;
  /** The handler wants no messages now. */
  paused = false;
  context: unknown = undefined;
  onCancel: (() => void) | undefined = undefined;
  onMessage: ((message: Uint8Array) => void) | undefined = undefined;
  onHalfClose: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  readonly #method: MethodDescriptor;
  readonly #reply: Reply;
  readonly #owner: CallOwner;
  #hasStarted = false;
  #responseMetadata: MetadataInit = [];

  constructor(head: CallHead, reply: Reply, owner: CallOwner) {
    this.path = head.method.path;
    this.metadata = head.metadata;
    this.peer = head.peer;
    this.deadlineMs = head.deadlineMs;
    this.#method = head.method;
    this.#reply = reply;
    this.#owner = owner;
    reply.onGone = () => this.#clientGone();
    reply.onDrain = () => this.#drained();
  }

  get writable(): boolean {
    return !this.ended && this.#reply.writable;
  }

  get bufferedBytes(): number {
    return this.#reply.bufferedBytes;
  }

  get isStream(): boolean {
    return this.#method.kind !== "unary";
  }

  setResponseMetadata(metadata: MetadataInit): void {
    this.#responseMetadata = metadata;
  }

  respond(message: Uint8Array, start = 0, end: number = message.length): void {
    if (this.ended) return;
    const own = end - start > WHOLE_BYTES_MAX ? copyBytes(message.subarray(start, end)) : message.subarray(start, end);
    this.#answer(own);
  }

  respondParts(parts: readonly Uint8Array[], length: number): void {
    if (!this.ended) this.#answer(joined(parts, length));
  }

  send(message: Uint8Array, start = 0, end: number = message.length): boolean {
    if (this.ended) return false;
    this.#owner.messageSent(end - start);
    this.#start(Status.OK);
    const json = [...jsonParts(this.#method.response, message, start, end)].join("");
    return this.#reply.write(`{"result":${htmlSafe(json)}}\n`);
  }

  sendParts(parts: readonly Uint8Array[], length: number): boolean {
    return this.send(joined(parts, length));
  }

  sendBorrowed(parts: readonly Uint8Array[], length: number, onTaken: () => void): boolean {
    const isWritable = this.sendParts(parts, length);
    onTaken();
    return isWritable;
  }

  end(): void {
    if (this.ended) return;
    this.#decide(Status.OK);
    if (!this.#hasStarted) this.#reply.start(httpStatusOf(Status.OK), []);
    this.#reply.end();
  }

  fail(code: number, message: string): void {
    if (this.ended) return;
    if (!this.isStream) {
      this.refuse(code, message);
      return;
    }
    this.#decide(code);
    this.#start(code);
    this.#reply.end(`{"error":${htmlSafe(statusJson(code, message))}}\n`);
  }

  /** Ends a call that has one answer, or that its handler has not been called for. */
  refuse(code: number, message: string): void {
    if (this.ended) return;
    this.#decide(code);
    this.#start(code, code === Status.UNAUTHENTICATED ? [["WWW-Authenticate", message]] : []);
    this.#reply.end(statusJson(code, message));
  }

  pause(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    this.#owner.mayDeliver();
  }

  /** Ends the call for a reason that is not the handler's, and tells the handler. */
  abort(code: number, message: string): void {
    if (this.ended) return;
    this.cancelled = true;
    this.fail(code, message);
    this.#tellCancelled();
  }

  /** Runs a part of the handler; what it throws ends this call only. */
  guarded(part: () => void): void {
    try {
      part();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Something was thrown that nobody has answered for. */
  failed(error: unknown): void {
    this.#owner.handlerError(error);
    this.abort(Status.INTERNAL, "internal error");
  }

  #clientGone(): void {
    if (this.ended) return;
    this.cancelled = true;
    this.#decide(Status.CANCELLED);
    this.#tellCancelled();
  }

  #tellCancelled(): void {
    const { onCancel } = this;
    this.onCancel = undefined;
    this.guarded(() => onCancel?.());
  }

  #drained(): void {
    if (this.ended) return;
    this.guarded(() => this.onDrain?.());
    this.#owner.mayDeliver();
  }

  #decide(code: number): void {
    this.ended = true;
    this.#owner.decided(code);
  }

  /** The head of the answer, once; later statuses can only be told in the body. */
  #start(code: number, more: ReplyHeaders = []): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const headers: (readonly [string, string])[] = [JSON_TYPE, ...more];
    if (code === Status.OK) headers.push(GRPC_TYPE);
    for (const [name, value] of this.#responseMetadata) {
      const text = typeof value === "string" ? value : Buffer.from(value).toString("latin1");
      headers.push([METADATA_PREFIX + name, text]);
    }
    this.#reply.start(httpStatusOf(code), headers);
  }

  /** The one message of a unary call; it is not changed from now on, or it is short. */
  #answer(message: Uint8Array): void {
    this.#owner.messageSent(message.length);
    this.#decide(Status.OK);
    const parts = jsonParts(this.#method.response, message);
    if (message.length <= WHOLE_BYTES_MAX) {
      const json = [...parts].join("");
      this.#start(Status.OK, [["Content-Length", String(Buffer.byteLength(json))]]);
      this.#reply.end(json);
      return;
    }
    this.#start(Status.OK);
    new LongAnswer(parts, this.#reply).run();
  }
}

/** An answer that is written a part at a time: others have the event loop between two, and memory holds what the client takes. */
class LongAnswer {
  readonly #parts: Iterator<string, void>;
  readonly #reply: Reply;
  #isOver = false;

  constructor(parts: Iterator<string, void>, reply: Reply) {
    this.#parts = parts;
    this.#reply = reply;
    reply.onDrain = this.run;
    reply.onGone = () => {
      this.#isOver = true;
    };
  }

  readonly run = (): void => {
    if (this.#isOver) return;
    const part = this.#parts.next();
    if (part.done === true) {
      this.#isOver = true;
      this.#reply.end();
    } else if (this.#reply.write(part.value)) setImmediate(this.run);
  };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first.subarray(0, length) : Buffer.concat(parts, length);
}

/** As Go's JSON encoder writes text that may end up in a page of HTML; grpc-gateway has the lines of streams go through it. */
function htmlSafe(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
