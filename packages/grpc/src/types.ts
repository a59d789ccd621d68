/**
 * What a user of the server sees: services made of method handlers, and the call objects given to them. Everything is
 * callback style and synchronous: a response is written without waiting for a promise, and all that is written in one turn
 * of the event loop leaves in one write per connection.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { SecureContextOptions, TLSSocket } from "node:tls";

/** Request or response metadata: lower-case ASCII names; values of `-bin` names are raw bytes as latin1 text. */
export interface Metadata {
  /** The first value of `name`, or undefined. */
  get(name: string): string | undefined;
  getAll(name: string): readonly string[];
  entries(): IterableIterator<readonly [string, string]>;
}

/** Metadata to send: name and value pairs; `-bin` values as bytes. */
export type MetadataInit = ReadonlyArray<readonly [name: string, value: string | Uint8Array]>;

/** Who is at the other end. */
export interface PeerInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The leaf certificate the client presented and the server verified; undefined without TLS or client certificate. */
  readonly certificate:
    | { readonly commonName: string | undefined; readonly subjectAltName: string | undefined }
    | undefined;
  /**
   * Common name of that certificate, the last one where it has several; undefined where it has none, or an empty one. Read from
   * the connection once: asking at each call costs nothing.
   */
  readonly certificateCommonName: string | undefined;
}

/** What both kinds of call share. */
export interface Call {
  /** Full path, `/package.Service/Method`. */
  readonly path: string;
  /** Parsed on first use. */
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  /** Monotonic milliseconds (performance.now()) at which the client's `grpc-timeout` runs out, or undefined. */
  readonly deadlineMs: number | undefined;
  /** True once the client reset the stream, its deadline ran out, or the connection went away. */
  readonly cancelled: boolean;
  /**
   * Called once when the call is cancelled before it was answered. Set it before returning from the handler. A cancelled
   * call counts against its connection's limit of open calls until this has been called or, when a unary handler did not
   * set it, until the handler calls `respond` or `fail` (which then only frees the place).
   */
  onCancel: (() => void) | undefined;
  /** Free for the handler, e.g. to find its own state again; initially undefined. */
  context: unknown;
  /** Metadata sent with the response headers; before the first message. */
  setResponseMetadata(metadata: MetadataInit): void;
  /** Ends the call with a status. A no-op when it has ended already. */
  fail(code: number, message: string, trailers?: MetadataInit): void;
}

/** One request, one response. After `respond` or `fail` the object must not be used again (it may be pooled). */
export interface UnaryCall extends Call {
  /**
   * Answers with status OK and one message, the bytes `[start, end)` of `message`, which are borrowed: copied before
   * this returns.
   */
  respond(message: Uint8Array, start?: number, end?: number): void;
  /**
   * Answers with status OK and one message made of `parts` in order, `length` bytes in total. Parts are shared: nobody
   * changes them afterwards, large ones are sent without being copied.
   */
  respondParts(parts: readonly Uint8Array[], length: number): void;
}

/**
 * Handles a unary request. `message` is borrowed: valid until this returns, so copy what is kept. A handler answers now or
 * later. What it throws becomes INTERNAL for this call only.
 */
export type UnaryHandler = (call: UnaryCall, message: Uint8Array) => void;

/** A stream of responses, and of requests unless the method is server-streaming. */
export interface StreamCall extends Call {
  /** Called with each request message (borrowed). Set before the handler returns. */
  onMessage: ((message: Uint8Array) => void) | undefined;
  /**
   * Called when the client has sent its last message. A `clientStream` or `bidi` call that leaves it undefined ends with
   * status OK at that point, so that a client which is done leaves nothing behind.
   */
  onHalfClose: (() => void) | undefined;
  /** Called when `writable` turned true again. */
  onDrain: (() => void) | undefined;
  /** True once the call has its status: nothing more can be sent. */
  readonly ended: boolean;
  /** False while more than the high-water mark waits for flow control or the socket; whoever sends more should pause. */
  readonly writable: boolean;
  /** Bytes sent here that have not left for the socket. */
  readonly bufferedBytes: number;
  /** Sends one message (borrowed: copied). Returns `writable`. */
  send(message: Uint8Array, start?: number, end?: number): boolean;
  /** Sends one message made of shared parts. Returns `writable`. */
  sendParts(parts: readonly Uint8Array[], length: number): boolean;
  /**
   * Sends one message made of borrowed parts, for who sends much from the same memory: they may change once `onTaken` was called,
   * which may be before this returns, and is never where the call ends before. Returns `writable`.
   */
  sendBorrowed(parts: readonly Uint8Array[], length: number, onTaken: () => void): boolean;
  /** Ends the stream with status OK after what was sent. */
  end(trailers?: MetadataInit): void;
  /** Stops (true) or resumes (false) the delivery of messages; meanwhile no flow-control credit is returned. */
  pause(paused: boolean): void;
}

export type StreamHandler = (call: StreamCall) => void;

/** A method by its kind. `serverStream` gets exactly one request message through `onMessage`. */
export type Method =
  | { readonly kind: "unary"; readonly handler: UnaryHandler }
  | { readonly kind: "serverStream" | "clientStream" | "bidi"; readonly handler: StreamHandler };

/** Full service name (`package.Service`) to method name to method. */
export type Services = Readonly<Record<string, Readonly<Record<string, Method>>>>;

/** Every limit a peer can run into; the defaults are in `limits.ts` with their reasons. All sizes in bytes, times in ms. */
export interface GrpcLimits {
  readonly maxReceiveMessageBytes: number;
  readonly maxSendMessageBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxOpenStreamsPerConnection: number;
  readonly maxConnections: number;
  readonly maxHeaderListBytes: number;
  readonly maxHeaderFields: number;
  readonly maxHeaderBlockBytes: number;
  readonly maxContinuationFrames: number;
  readonly maxFramesPerTurn: number;
  readonly maxNewStreamsPerTurn: number;
  readonly streamReceiveWindowBytes: number;
  readonly connectionReceiveWindowBytes: number;
  readonly streamHighWaterBytes: number;
  readonly connectionSoftBufferBytes: number;
  readonly connectionHardBufferBytes: number;
  /** Response bytes that wait for flow control on all connections of the server. */
  readonly maxBufferedBytes: number;
  /** Bytes of unfinished request messages, and of messages held back by `pause`, on one connection. */
  readonly maxUnfinishedBytesPerConnection: number;
  /** The same over all connections of the server. */
  readonly maxUnfinishedBytes: number;
  readonly maxSettingsPerFrame: number;
  readonly tlsHandshakeTimeoutMs: number;
  /** Handshakes under way at once on one listener. */
  readonly maxPendingHandshakes: number;
  readonly maxHandshakesPerTurn: number;
  readonly prefaceTimeoutMs: number;
  readonly http1HeaderTimeoutMs: number;
  readonly settingsTimeoutMs: number;
  readonly headerBlockTimeoutMs: number;
  readonly requestBodyTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** Once this many streams have ended, more than half of them reset within a second of their start closes the connection. */
  readonly prematureResetStreams: number;
  readonly emptyFramesInARow: number;
  readonly controlQueueSoft: number;
  readonly controlQueueHard: number;
  readonly keepaliveMinTimeMs: number;
  readonly keepalivePermitWithoutStream: boolean;
  /** 0 switches server pings off. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  /** 0: no limit. */
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  /** How long the second GOAWAY of a graceful drain waits for the answer to the PING sent with the first. */
  readonly drainPingTimeoutMs: number;
}

/** Told of what happens, for metrics and logs; every member optional. Called synchronously, must not throw. */
export interface GrpcObserver {
  /** `metadata` of the call: the same object for calls of a connection with equal heads. Absent where there is none. */
  callStarted?(path: string, kind: Method["kind"], metadata?: Metadata): void;
  callEnded?(path: string, kind: Method["kind"], code: number, tookMs: number): void;
  messageReceived?(path: string, bytes: number): void;
  messageSent?(path: string, bytes: number): void;
  connectionOpened?(): void;
  connectionClosed?(): void;
  /**
   * A limit was breached or the protocol broken, or a TLS handshake failed; `kind` is a short constant, e.g. "rapid-reset", `reason`
   * says more where there is more to say.
   */
  abuse?(kind: string, peer: string, reason?: string): void;
  /** A handler threw; or, with an empty path, this package did, which costs the connection in question. */
  handlerError?(path: string, error: unknown): void;
}

/** What clients are shown, and what is asked of them. */
export interface TlsOptions extends SecureContextOptions {
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
  /**
   * Asked before each handshake, for certificates that change while the server runs: what to use from now on, and the same object
   * as before while nothing has changed. Must not throw. Without it the options themselves hold for good.
   */
  readonly renew?: () => SecureContextOptions;
  /** Asked after each handshake: why the client is not served after all, or undefined. Must not throw. */
  readonly verify?: (socket: TLSSocket) => string | undefined;
}

export interface GrpcServerOptions {
  readonly services: Services;
  readonly limits?: Partial<GrpcLimits>;
  readonly observer?: GrpcObserver;
  /** HTTP/1.1 requests on the same port go to this server's `request`/`upgrade` events; without it they get 404. */
  readonly http?: HttpServer | ((request: IncomingMessage, response: ServerResponse) => void);
  /** For listeners that do not say otherwise. */
  readonly tls?: TlsOptions;
  /** Monotonic milliseconds, by default `performance.now()`; replaceable for tests. */
  readonly nowMs?: () => number;
  /**
   * Calls `callback` once after `delayMs` and returns what cancels that; by default an unreferenced `setTimeout`. Every
   * deadline and timeout of the server runs on this one timer, so a test that replaces it and `nowMs` owns time.
   */
  readonly startTimer?: (callback: () => void, delayMs: number) => () => void;
}
