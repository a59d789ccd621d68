import { assert } from "@quorate/base";
import type { AbuseGuard } from "../abuse-guard.ts";
import type { ServerContext } from "../context.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { MethodEntry } from "../methods.ts";
import { type RequestHead, RequestHeads, validTrailers } from "../request-heads.ts";
import { Status } from "../status.ts";
import {
  CANCEL,
  COMPRESSION_ERROR,
  ENHANCE_YOUR_CALM,
  FLAG_END_STREAM,
  FLOW_CONTROL_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from "./frames.ts";
import { type BlockError, HeaderBlocks } from "./header-blocks.ts";
import { RequestMessages } from "./request-messages.ts";
import type { Stream, StreamHost } from "./stream.ts";
import { CLOSED_BY_US, CLOSED_NORMALLY, CLOSED_UNKNOWN, type StreamTable } from "./stream-table.ts";

/** What the receiving half needs of its connection. */
export interface RequestsHost extends StreamHost {
  readonly table: StreamTable;
  readonly guard: AbuseGuard;
  /** New streams above this are refused: the connection is going away. */
  readonly acceptUpTo: number;
  /** Ends the connection with GOAWAY; `kind` names the breach for the observer. */
  connectionError(code: number, kind: string): void;
  /** Resets a stream that does not exist because of what the peer did; `cost` is how many resets it counts for. */
  refuseStream(id: number, code: number, cost?: number): void;
  /** Grants credit by WINDOW_UPDATE. */
  grant(streamId: number, bytes: number): void;
  reportAbuse(kind: string): void;
  /** A request begins: so many a turn, then other connections have theirs. */
  noteNewStream(): void;
}

/** Decoding a list that is far too large takes as long as handling so many resets. */
const LARGE_LIST_COST = 10;
const NOT_COMPLETE = "the request message did not arrive in time";
const DEADLINE = "context deadline exceeded";

/** The receiving half of a connection: frames of requests into calls of handlers. */
export class Requests {
  readonly blocks: HeaderBlocks;
  readonly #host: RequestsHost;
  readonly #context: ServerContext;
  readonly #decoder: HpackDecoder;
  readonly #heads: RequestHeads;
  readonly #messages: RequestMessages;
  readonly #maxBusy: number;
  /** The stream of the DATA frame being read; undefined when its data goes nowhere. */
  #dataStream: Stream | undefined;
  #dataFlags = 0;
  /** The last stream begun whose one message is not there yet, and for which no timer runs yet. */
  #incomplete: Stream | undefined;

  constructor(host: RequestsHost, context: ServerContext) {
    const { limits } = context;
    this.#host = host;
    this.#context = context;
    this.blocks = new HeaderBlocks(limits);
    this.#decoder = new HpackDecoder(limits);
    this.#heads = new RequestHeads(context.methods, context.acceptHttp !== undefined);
    this.#messages = new RequestMessages(this.#messageOwner(), limits, context.unfinished);
    this.#maxBusy = Math.min(limits.maxOpenStreamsPerConnection, limits.maxConcurrentStreams);
  }

  /** Input has been read as far as it goes: what is incomplete now may take long, so it gets its timer. */
  settle(): void {
    if (this.#incomplete !== undefined) this.#watchIncomplete();
  }

  onHeaders(id: number, flags: number, buffer: Uint8Array, start: number, end: number): void {
    if (id === 0) return this.#host.connectionError(PROTOCOL_ERROR, "headers-on-stream-0");
    this.#onBlock(id, this.blocks.headers(id, flags, buffer, start, end, this.#host.nowMs), end - start);
  }

  onContinuation(id: number, flags: number, buffer: Uint8Array, start: number, end: number): void {
    if (this.blocks.pendingId === 0 || this.blocks.pendingId !== id)
      return this.#host.connectionError(PROTOCOL_ERROR, "stray-continuation");
    this.#onBlock(id, this.blocks.continuation(flags, buffer, start, end), end - start);
  }

  #onBlock(id: number, outcome: boolean | BlockError, bytes: number): void {
    const host = this.#host;
    if (!host.guard.frame(bytes === 0 && outcome === false))
      return host.connectionError(ENHANCE_YOUR_CALM, "empty-frames");
    if (outcome === false) return;
    if (outcome !== true) {
      const flood = outcome === "too-long" || outcome === "too-many-continuations";
      return host.connectionError(flood ? ENHANCE_YOUR_CALM : PROTOCOL_ERROR, `header-block-${outcome}`);
    }
    // The block is decoded whatever becomes of it: the table must follow the peer's.
    const decoded = this.#decoder.decode(this.blocks.buffer, this.blocks.start, this.blocks.end);
    this.blocks.release();
    if (!decoded) return host.connectionError(COMPRESSION_ERROR, "hpack");
    const endStream = (this.blocks.flags & FLAG_END_STREAM) !== 0;
    const stream = host.table.open.get(id);
    if (stream !== undefined) this.#onTrailers(stream, endStream);
    else if (id > host.table.lastId && id % 2 === 1) this.#onRequest(id, endStream);
    else this.#onLateHeaders(id);
  }

  #onLateHeaders(id: number): void {
    const { table } = this.#host;
    if (id % 2 === 0) return this.#host.connectionError(PROTOCOL_ERROR, "even-stream-id");
    const how = table.howClosed(id);
    if (how === CLOSED_BY_US) return;
    if (how === CLOSED_UNKNOWN) this.#host.connectionError(PROTOCOL_ERROR, "stream-id-reused");
    else if (how === CLOSED_NORMALLY) this.#host.connectionError(STREAM_CLOSED, "headers-on-closed-stream");
    else this.#host.refuseStream(id, STREAM_CLOSED);
  }

  #onTrailers(stream: Stream, endStream: boolean): void {
    if (stream.remoteClosed) return this.#host.ends.breach(stream, STREAM_CLOSED, "headers-after-end");
    if (!endStream || this.#decoder.tooLarge || !validTrailers(this.#decoder))
      return this.#host.ends.breach(stream, PROTOCOL_ERROR, "bad-trailers");
    stream.remoteClosed = true;
    this.#onRequestEnd(stream);
  }

  #onRequest(id: number, endStream: boolean): void {
    const host = this.#host;
    const { table } = host;
    if (this.#incomplete !== undefined) this.#watchIncomplete();
    table.lastId = id;
    host.noteNewStream();
    if (id > host.acceptUpTo || table.busy >= this.#maxBusy || host.sender.overfull)
      return host.refuseStream(id, REFUSED_STREAM);
    if (this.#decoder.tooLarge) {
      host.reportAbuse("header-list");
      return host.refuseStream(id, ENHANCE_YOUR_CALM, LARGE_LIST_COST);
    }
    if (this.blocks.selfDependent) return host.refuseStream(id, PROTOCOL_ERROR);
    const head = this.#heads.head(this.#decoder);
    if (head.verdict === "malformed" || (endStream && head.contentLength > 0)) {
      host.reportAbuse("malformed-request");
      return host.refuseStream(id, PROTOCOL_ERROR);
    }
    const { limits, pool } = this.#context;
    const stream = pool.take(host, head);
    stream.open(host, id, head, host.sender.initialWindow, limits.streamReceiveWindowBytes);
    stream.remoteClosed = endStream;
    table.open.set(id, stream);
    if (head.verdict === "call") this.#openCall(stream, head);
    else if (head.verdict === "reject") host.sender.reject(stream);
    else {
      this.#context.acceptHttp?.(stream);
      if (endStream && !stream.ended) stream.raw?.onBodyEnd();
    }
  }

  #openCall(stream: Stream, head: RequestHead): void {
    const method = head.method as MethodEntry;
    this.#context.observer.callStarted?.(head.path, method.kind, head.metadata);
    const { timeoutMs } = this.#decoder;
    if (timeoutMs !== -1) {
      if (Number.isNaN(timeoutMs)) return stream.fail(Status.INTERNAL, "malformed grpc-timeout");
      if (timeoutMs === 0) return stream.fail(Status.DEADLINE_EXCEEDED, DEADLINE);
      stream.deadlineMs = this.#host.nowMs + timeoutMs;
    }
    if (method.oneRequest) {
      if (stream.remoteClosed) this.#onRequestEnd(stream);
      else this.#incomplete = stream;
      return;
    }
    if (stream.deadlineMs !== undefined) this.#context.setTimer(stream, stream.deadlineMs);
    this.#start(stream, method);
    if (stream.remoteClosed && !stream.ended) this.#onRequestEnd(stream);
  }

  /** Calls the handler of a streaming method. */
  #start(stream: Stream, method: MethodEntry): void {
    stream.started = true;
    try {
      method.stream?.(stream);
    } catch (error) {
      this.#host.ends.handlerError(stream, error);
    }
  }

  onDataBegin(id: number, flags: number, dataBytes: number, payloadBytes: number): void {
    const host = this.#host;
    const endStream = (flags & FLAG_END_STREAM) !== 0;
    this.#dataStream = undefined;
    this.#dataFlags = flags;
    if (id === 0) return host.connectionError(PROTOCOL_ERROR, "data-on-stream-0");
    if (!host.guard.frame(dataBytes === 0 && !endStream))
      return host.connectionError(ENHANCE_YOUR_CALM, "empty-frames");
    const stream = host.table.open.get(id);
    if (stream === undefined) return this.#onLateData(id);
    if (stream.remoteClosed) return host.ends.breach(stream, STREAM_CLOSED, "data-after-end");
    stream.recvWindow -= payloadBytes;
    if (stream.recvWindow < 0) return host.ends.breach(stream, FLOW_CONTROL_ERROR, "stream-window");
    stream.dataBytes += dataBytes;
    const { contentLength } = stream.head;
    if (contentLength !== -1 && (stream.dataBytes > contentLength || (endStream && stream.dataBytes < contentLength)))
      return host.ends.breach(stream, PROTOCOL_ERROR, "content-length");
    this.#dataStream = stream;
  }

  #onLateData(id: number): void {
    const { table } = this.#host;
    if (id > table.lastId || id % 2 === 0) return this.#host.connectionError(PROTOCOL_ERROR, "data-on-idle-stream");
    const how = table.howClosed(id);
    if (how === CLOSED_NORMALLY) this.#host.connectionError(STREAM_CLOSED, "data-on-closed-stream");
    else if (how !== CLOSED_BY_US) this.#host.refuseStream(id, STREAM_CLOSED);
  }

  onDataPiece(buffer: Uint8Array, start: number, end: number, last: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined) return;
    const ends = last && (this.#dataFlags & FLAG_END_STREAM) !== 0;
    if (ends) stream.remoteClosed = true;
    this.#messages.take(stream, buffer, start, end, ends);
    if (!ends) {
      if (stream.ended) this.#dataStream = undefined;
      return;
    }
    this.#dataStream = undefined;
    if (!stream.ended && !(stream.started && stream.head.method?.oneRequest === true)) this.#onRequestEnd(stream);
  }

  onDataEnd(): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (stream === undefined || stream.ended) return;
    if ((this.#dataFlags & FLAG_END_STREAM) === 0) this.#credit(stream);
    else {
      stream.remoteClosed = true;
      this.#onRequestEnd(stream);
    }
  }

  /** The client has sent all it will send on `stream`. */
  #onRequestEnd(stream: Stream): void {
    if (stream.head.contentLength !== -1 && stream.dataBytes !== stream.head.contentLength)
      return this.#host.ends.breach(stream, PROTOCOL_ERROR, "content-length");
    if (stream.paused && stream.heldInput !== undefined) {
      stream.heldEnd = true;
      return;
    }
    if (stream.raw !== undefined) return stream.raw.onBodyEnd();
    if (stream.prefixHave > 0) return this.#host.ends.fail(stream, Status.INTERNAL, "unexpected EOF");
    const { method } = stream;
    if (method.oneRequest) {
      if (!stream.messageSeen) {
        const text = "cardinality violation: received no request message from non-client-streaming RPC";
        return stream.fail(Status.INTERNAL, text);
      }
      const body = stream.messageBody as Buffer;
      this.#dispatch(stream, method, body, 0, stream.messageLength);
      stream.messageBody = undefined;
      this.#messages.release(stream);
    } else this.#halfClose(stream);
  }

  #halfClose(stream: Stream): void {
    const { onHalfClose, method } = stream;
    try {
      if (onHalfClose !== undefined) onHalfClose();
      // A handler that does not want to know would otherwise leave the call open for ever.
      else if (method.kind !== "serverStream") stream.end();
    } catch (error) {
      this.#host.ends.handlerError(stream, error);
    }
  }

  /** Hands the one message of a request, now complete, to its handler. */
  #dispatch(stream: Stream, method: MethodEntry, buffer: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (this.#incomplete === stream) this.#incomplete = undefined;
    if (stream.timerSlot >= 0) context.wheel.remove(stream);
    stream.started = true;
    let message: Uint8Array | undefined = new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start);
    if (stream.compressed === 1) {
      message = this.#messages.inflate(stream, message);
      if (message === undefined) return;
    }
    context.observer.messageReceived?.(stream.path, message.length);
    try {
      if (method.unary !== undefined) method.unary(stream, message);
      else {
        method.stream?.(stream);
        if (!stream.ended) stream.onMessage?.(message);
        if (!stream.ended) this.#halfClose(stream);
      }
    } catch (error) {
      this.#host.ends.handlerError(stream, error);
    }
    if (!stream.ended && stream.deadlineMs !== undefined) context.setTimer(stream, stream.deadlineMs);
  }

  #messageOwner(): ConstructorParameters<typeof RequestMessages>[0] {
    return {
      onMessage: (stream, buffer, start, end, lastBytes) => this.#onMessage(stream, buffer, start, end, lastBytes),
      onBadMessage: (stream, code, message) => this.#host.ends.fail(stream, code, message),
      onCreditDue: (stream) => this.#credit(stream),
    };
  }

  #onMessage(stream: Stream, buffer: Uint8Array, start: number, end: number, lastBytes: boolean): void {
    const method = stream.head.method as MethodEntry;
    stream.messageSeen = true;
    if (method.oneRequest) {
      if (lastBytes) this.#dispatch(stream, method, buffer, start, end);
      else this.#messages.retain(stream, buffer, start, end);
      return;
    }
    let message: Uint8Array | undefined = new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start);
    if (stream.compressed === 1) message = this.#messages.inflate(stream, message);
    if (message === undefined) return;
    this.#context.observer.messageReceived?.(stream.path, message.length);
    try {
      stream.onMessage?.(message);
    } catch (error) {
      this.#host.ends.handlerError(stream, error);
    }
  }

  /** Grants more credit once half a window is used, or at once all that a long message needs. */
  #credit(stream: Stream): void {
    if (stream.ended || stream.remoteClosed || stream.paused) return;
    const window = this.#context.limits.streamReceiveWindowBytes;
    const rest = stream.prefixHave > 0 ? stream.messageLength - stream.messageHave : 0;
    const target = Math.max(window, rest);
    if (stream.recvWindow > target / 2 || !this.#messages.mayCredit(stream)) return;
    const bytes = target - stream.recvWindow;
    stream.recvWindow = target;
    this.#host.grant(stream.id, bytes);
  }

  /** `pause` was called on `stream`. */
  onPause(stream: Stream): void {
    if (stream.paused) return;
    this.#messages.resume(stream);
    if (stream.paused || stream.ended) return;
    if (stream.heldEnd) {
      stream.heldEnd = false;
      this.#onRequestEnd(stream);
    } else this.#credit(stream);
  }

  /** Lets go of what the receiving half holds of a stream that is gone. */
  forget(stream: Stream): void {
    if (this.#incomplete === stream) this.#incomplete = undefined;
    if (this.#dataStream === stream) this.#dataStream = undefined;
    if (stream.timerSlot >= 0) this.#context.wheel.remove(stream);
    stream.messageBody = undefined;
    stream.heldInput = undefined;
    this.#messages.release(stream);
  }

  #watchIncomplete(): void {
    const stream = this.#incomplete as Stream;
    this.#incomplete = undefined;
    const byMs = stream.startedMs + this.#context.limits.requestBodyTimeoutMs;
    this.#context.setTimer(stream, Math.min(byMs, stream.deadlineMs ?? byMs));
  }

  /** A stream's time has come: its deadline, or that of its request's arrival. */
  onTime(stream: Stream, nowMs: number): void {
    assert(!stream.ended, "a call that has ended has no timer");
    if (stream.deadlineMs !== undefined && stream.deadlineMs <= nowMs) {
      this.#host.ends.cancel(stream, Status.DEADLINE_EXCEEDED, CANCEL);
    } else {
      this.#host.reportAbuse("slow-request");
      stream.fail(Status.DEADLINE_EXCEEDED, NOT_COMPLETE);
    }
  }
}
