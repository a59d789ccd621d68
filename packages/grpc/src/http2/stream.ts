import type { MethodEntry } from "../methods.ts";
import type { RequestHead } from "../request-heads.ts";
import type { Metadata, MetadataInit, PeerInfo, StreamCall, UnaryCall } from "../types.ts";
import type { CallEnds } from "./call-ends.ts";
import type { Timed } from "./deadlines.ts";
import { responseBlock } from "./response-frames.ts";
import type { Sender } from "./sender.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly sender: Sender;
  readonly ends: CallEnds;
  readonly peer: PeerInfo;
  /** Whether the connection is under TLS. */
  readonly encrypted: boolean;
  /** Monotonic milliseconds as of the last input or flush. */
  readonly nowMs: number;
  /** The stream's time on the wheel has come. */
  onTime(stream: Stream, nowMs: number): void;
  /** `pause` was called. */
  onPause(stream: Stream): void;
}

/** The receiver of a request that is not gRPC. */
export interface RawRequest {
  /** Bytes of the body, borrowed. */
  onBody(bytes: Uint8Array): void;
  onBodyEnd(): void;
}

/** What a spare stream belongs to. */
const NO_HOST = Object.freeze({}) as StreamHost;
const NO_HEAD = Object.freeze({}) as RequestHead;

/**
 * One HTTP/2 stream, which is at the same time the call object its handler gets: a request costs one object, and that one
 * comes from a pool. Fields beyond the public call interfaces belong to the connection's parts named beside them.
 */
export class Stream implements UnaryCall, StreamCall, Timed {
  host: StreamHost;
  id = 0;
  head: RequestHead;
  deadlineMs: number | undefined = undefined;
  startedMs = 0;

  // The handler's side.
  context: unknown = undefined;
  onCancel: (() => void) | undefined = undefined;
  onMessage: ((message: Uint8Array) => void) | undefined = undefined;
  onHalfClose: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  cancelled = false;
  raw: RawRequest | undefined = undefined;

  // Life: both directions, and whether the outcome is decided.
  remoteClosed = false;
  localClosed = false;
  ended = false;
  /** The handler has been called. */
  started = false;
  /** A cancelled call whose handler still works on it. */
  slotHeld = false;

  // Requests: the message being read (see request-messages.ts).
  recvWindow = 0;
  dataBytes = 0;
  prefixHave = 0;
  compressed = 0;
  messageLength = 0;
  messageHave = 0;
  messageBody: Buffer | undefined = undefined;
  messageSeen = false;
  /** Bytes counted against the limits of unfinished messages. */
  heldBytes = 0;
  /** Length of the present message once all credit for it is granted. */
  promisedBytes = 0;
  paused = false;
  heldInput: Uint8Array[] | undefined = undefined;
  heldEnd = false;
  starved = false;

  // Sender and bulk queue.
  sendWindow = 0;
  headersSent = false;
  responseBlock: Uint8Array | undefined = undefined;
  trailers: Uint8Array | undefined = undefined;
  endsWithData = false;
  queue: Uint8Array[] | undefined = undefined;
  queueAt = 0;
  queueOffset = 0;
  queuedBytes = 0;
  progressAtMs = 0;
  inRing = false;
  ringNext: Stream | undefined = undefined;
  waitsForDrain = false;
  /** What is queued is borrowed in part; called once all of it has left. */
  onTaken: (() => void)[] | undefined = undefined;

  // Deadline wheel.
  timerAtMs = 0;
  timerSlot = -1;
  timerNext: Timed | undefined = undefined;
  timerPrevious: Timed | undefined = undefined;

  constructor(host: StreamHost, head: RequestHead) {
    this.host = host;
    this.head = head;
  }

  /** Makes the object a new stream; the windows are what both sides start with. */
  open(host: StreamHost, id: number, head: RequestHead, sendWindow: number, recvWindow: number): void {
    this.host = host;
    this.id = id;
    this.head = head;
    this.ended = false;
    this.startedMs = host.nowMs;
    this.sendWindow = sendWindow;
    this.recvWindow = recvWindow;
  }

  /**
   * Back to the initial state but for `ended`: until it is opened again, whoever still holds the object can do nothing with
   * it. It holds on to nothing of the finished call.
   */
  reset(): void {
    this.host = NO_HOST;
    this.head = NO_HEAD;
    this.deadlineMs = undefined;
    this.context = undefined;
    this.onCancel = undefined;
    this.onMessage = undefined;
    this.onHalfClose = undefined;
    this.onDrain = undefined;
    this.raw = undefined;
    this.remoteClosed = false;
    this.localClosed = false;
    this.started = false;
    this.dataBytes = 0;
    this.prefixHave = 0;
    this.messageHave = 0;
    this.messageBody = undefined;
    this.messageSeen = false;
    this.paused = false;
    this.heldInput = undefined;
    this.heldEnd = false;
    this.starved = false;
    this.headersSent = false;
    this.responseBlock = undefined;
    this.trailers = undefined;
    this.endsWithData = false;
    this.onTaken = undefined;
  }

  get method(): MethodEntry {
    return this.head.method as MethodEntry;
  }

  get path(): string {
    return this.head.path;
  }

  get metadata(): Metadata {
    return this.head.metadata;
  }

  get peer(): PeerInfo {
    return this.host.peer;
  }

  get writable(): boolean {
    return !this.ended && this.host.sender.isWritable(this);
  }

  get bufferedBytes(): number {
    return this.queuedBytes;
  }

  setResponseMetadata(metadata: MetadataInit): void {
    if (!this.headersSent && !this.ended) this.responseBlock = responseBlock(metadata);
  }

  respond(message: Uint8Array, start = 0, end: number = message.length): void {
    if (this.ended) this.#afterEnd();
    else this.host.sender.respond(this, message, start, end);
  }

  respondParts(parts: readonly Uint8Array[], length: number): void {
    if (this.ended) this.#afterEnd();
    else this.host.sender.respondParts(this, parts, length);
  }

  fail(code: number, message: string, trailers?: MetadataInit): void {
    if (this.ended) this.#afterEnd();
    else this.host.sender.finish(this, code, message, trailers);
  }

  send(message: Uint8Array, start = 0, end: number = message.length): boolean {
    return !this.ended && this.host.sender.send(this, message, start, end);
  }

  sendParts(parts: readonly Uint8Array[], length: number): boolean {
    return !this.ended && this.host.sender.sendParts(this, parts, length);
  }

  sendBorrowed(parts: readonly Uint8Array[], length: number, onTaken: () => void): boolean {
    return !this.ended && this.host.sender.sendBorrowed(this, parts, length, onTaken);
  }

  end(trailers?: MetadataInit): void {
    if (this.ended) this.#afterEnd();
    else this.host.sender.finish(this, 0, "", trailers);
  }

  pause(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    this.host.onPause(this);
  }

  onTime(nowMs: number): void {
    this.host.onTime(this, nowMs);
  }

  /** Calls `onDrain`; what it throws ends this call only. */
  drained(): void {
    if (this.onDrain === undefined) return;
    try {
      this.onDrain();
    } catch (error) {
      this.host.ends.handlerError(this, error);
    }
  }

  /** What was queued has left; what a callback throws ends this call only. */
  taken(): void {
    const callbacks = this.onTaken;
    if (callbacks === undefined) return;
    this.onTaken = undefined;
    try {
      for (const callback of callbacks) callback();
    } catch (error) {
      this.host.ends.handlerError(this, error);
    }
  }

  #afterEnd(): void {
    if (this.slotHeld) this.host.ends.releaseSlot(this);
  }
}
