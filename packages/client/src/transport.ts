import { Metadata } from "@grpc/grpc-js";
import type { ClientConfig } from "./client-options.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointSet } from "./endpoint-set.ts";
import { EtcdError, isEtcdError } from "./etcd-error.ts";
import { GrpcStatus } from "./grpc-status.ts";
import { MessageStream } from "./message-stream.ts";
import {
  type BidiMethod,
  encodeRequest,
  responseDecoder,
  type ServerStreamMethod,
  type UnaryMethod,
} from "./method.ts";
import { Backoff, pause } from "./pause.ts";
import { ReadStream } from "./read-stream.ts";
import { RPC } from "./rpc.ts";
import { TimeLimit } from "./time-limit.ts";
import { TOKEN_RENEWALS_MAX, TokenSource } from "./token-source.ts";
import { callOnce } from "./unary-call.ts";

/** What every call can be told. */
export interface CallOptions {
  /** How long it may take in all, in milliseconds. Default: the client's `requestDeadlineMs`; for streams: no end. */
  readonly deadlineMs?: number | undefined;
  /** Ends it with the error `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Sent along with what the client sends anyway. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Has a member that sees no leader refuse it at once with `noLeader`, rather than wait for one for 7 s; another member is then
   * asked, until the deadline. Streams end so when the leader is lost. Default: the client's.
   */
  readonly requireLeader?: boolean | undefined;
  /** Sends it to this endpoint only, one of the client's or any other. Default: the client chooses. */
  readonly endpoint?: string | undefined;
}

/** Told to servers, which count their clients by it. */
const CLIENT_API_VERSION = "3.7";
/** Source: reference of etcd's errors, section 4, unary retry loop; growing here, so that an outage is not hammered on. */
const RETRY_PAUSE = { firstMs: 25, maxMs: 500 } as const;

/** A read or a login has a quarter of its time for each of its first two tries, and the rest for the third: slow reads still succeed. */
const SHORT_TRIES_MAX = 2;
const SHORT_TRY_PARTS = 4;

/** Calls over the endpoints of a client: chooses one, adds metadata and token, tries again where that is safe. */
export class Transport {
  readonly config: ClientConfig;
  readonly endpoints: EndpointSet;
  readonly #tokens: TokenSource;

  constructor(config: ClientConfig) {
    this.config = config;
    this.endpoints = new EndpointSet(config);
    const { user } = config;
    this.#tokens = new TokenSource(config.token, user === undefined ? undefined : () => this.#authenticate(user));
  }

  /** One request, one response. See {@link EtcdClient.unary}. */
  async unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const limit = new TimeLimit(options.deadlineMs ?? this.config.requestDeadlineMs, options.signal);
    const bytes = this.#encode(method, request);
    const attempts = new Attempts(this.config.attemptsMax, this.endpoints.count);
    for (;;) {
      const endpoint = await this.#acquire(limit, options, attempts);
      const token = this.#needsToken(method.path) ? await this.#tokens.current(limit) : undefined;
      const tryLimit = this.#tryLimit(method.path, limit, options, attempts);
      try {
        const metadata = this.#metadata(options, token);
        const response = await callOnce({ endpoint, method, bytes, metadata, limit: tryLimit });
        endpoint.noteSuccess();
        return response;
      } catch (error) {
        if (!isEtcdError(error)) throw error;
        if (this.#tokens.refuses(error) && attempts.tokenRenewals < TOKEN_RENEWALS_MAX) {
          this.config.logger.debug("the token was refused and is renewed", { reason: error.message });
          if (await this.#tokens.renew(token, limit)) attempts.tokenRenewals++;
        } else {
          this.#passOver(endpoint, error);
          const hung = error.code === "deadlineExceeded" && tryLimit !== limit && limit.leftMs > 0;
          if (!hung && !this.#mayRetry(method, error, options)) throw error;
          await attempts.pauseAfter(error, endpoint, limit);
        }
      }
    }
  }

  /** A stream. See {@link EtcdClient.stream}. */
  async serverStream<Request, Response>(
    method: ServerStreamMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<MessageStream<never, Response>> {
    const bytes = this.#encode(method, request);
    const { endpoint, token, metadata, deadline } = await this.#open(options);
    const decode = responseDecoder(method.response);
    const call = endpoint.client.makeServerStreamRequest(method.path, same, decode, bytes, metadata, { deadline });
    return new MessageStream({ call, write: undefined, endpoint, token, signal: options.signal });
  }

  /** A stream of both sides. See {@link EtcdClient.stream}. */
  async bidiStream<Request, Response>(
    method: BidiMethod<Request, Response>,
    options: CallOptions = {},
  ): Promise<MessageStream<Request, Response>> {
    const { endpoint, token, metadata, deadline } = await this.#open(options);
    const decode = responseDecoder(method.response);
    const call = endpoint.client.makeBidiStreamRequest(method.path, same, decode, metadata, { deadline });
    const write = (request: unknown): Buffer => this.#encode(method, request as Partial<Request>);
    return new MessageStream({ call, write, endpoint, token, signal: options.signal });
  }

  /**
   * A stream of answers that only read, whose first answer is here. Until then it is opened again as {@link unary} repeats calls: on
   * `UNAVAILABLE`, and with another token. The deadline of the call holds for the whole stream; without one, it is opened again only
   * within the deadline of requests.
   */
  async readStream<Request, Response>(
    method: ServerStreamMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<ReadStream<Response>> {
    const limit = new TimeLimit(options.deadlineMs ?? this.config.requestDeadlineMs, options.signal);
    const attempts = new Attempts(this.config.attemptsMax, this.endpoints.count);
    for (;;) {
      const stream = await this.serverStream(method, request, options);
      try {
        return await ReadStream.begin(stream);
      } catch (error) {
        if (!isEtcdError(error)) throw error;
        if (this.#tokens.refuses(error) && attempts.tokenRenewals < TOKEN_RENEWALS_MAX) {
          if (await this.#tokens.renew(stream.token, limit)) attempts.tokenRenewals++;
        } else {
          if (error.grpcCode !== GrpcStatus.UNAVAILABLE) throw error;
          this.noteFailure(stream.endpoint);
          await attempts.pauseAfter(error, undefined, limit);
        }
      }
    }
  }

  /** True if another token may help against this error. */
  refusesToken(error: EtcdError): boolean {
    return this.#tokens.refuses(error);
  }

  /**
   * Fetches another token unless `used` has been replaced already; tells whether. Rejects with what the server says, and when `limit`
   * is over.
   */
  renewToken(used: string | undefined, limit: TimeLimit): Promise<boolean> {
    return this.#tokens.renew(used, limit);
  }

  /**
   * True if a stream that ended so may be opened again. Source: reference of etcd's errors, section 4, halt rule; besides, a
   * server that goes away may end streams as cancelled, and another endpoint may be none of a learner.
   */
  mayReopen(error: EtcdError): boolean {
    switch (error.grpcCode) {
      case GrpcStatus.UNAVAILABLE:
      case GrpcStatus.INTERNAL:
        return true;
      case GrpcStatus.CANCELLED:
        return error.code !== "aborted" && error.code !== "closed";
      default:
        return error.code === "notSupportedForLearner" && this.endpoints.count > 1;
    }
  }

  /** Lets others be preferred to an endpoint on which a stream failed. */
  noteFailure(endpoint: string): void {
    this.endpoints.noteFailure(endpoint);
  }

  close(): void {
    this.endpoints.close();
  }

  async #open(options: CallOptions): Promise<{
    readonly endpoint: Endpoint;
    readonly token: string | undefined;
    readonly metadata: Metadata;
    readonly deadline: number;
  }> {
    const limit = new TimeLimit(options.deadlineMs ?? Number.POSITIVE_INFINITY, options.signal);
    const endpoint = await this.endpoints.acquire(limit, options.endpoint);
    const token = await this.#tokens.current(limit);
    limit.check();
    return { endpoint, token, metadata: this.#metadata(options, token), deadline: limit.atMs };
  }

  #acquire(limit: TimeLimit, options: CallOptions, attempts: Attempts): Promise<Endpoint> {
    return this.endpoints.acquire(limit, options.endpoint, attempts.failed).catch((error: unknown) => {
      // What the server said last tells more than that time ran out.
      throw attempts.last ?? error;
    });
  }

  /** How long one try of a call may take: a read or a login is not left to one endpoint that may hang, where there are others. */
  #tryLimit(path: string, limit: TimeLimit, options: CallOptions, attempts: Attempts): TimeLimit {
    const isAlone = options.endpoint !== undefined || this.endpoints.count === 1;
    const isShort = path === RPC.KV.Range.path || path === RPC.Auth.Authenticate.path;
    if (!isShort || isAlone || attempts.count >= Math.min(SHORT_TRIES_MAX, this.endpoints.count - 1)) return limit;
    return limit.within(attempts.shortTryMs(limit));
  }

  #mayRetry<Request, Response>(
    method: UnaryMethod<Request, Response>,
    error: EtcdError,
    options: CallOptions,
  ): boolean {
    if (error.code === "unreachable") return true;
    if (error.code === "noLeader" && this.#requiresLeader(options) && method.path !== RPC.Cluster.MemberPromote.path) {
      // Said before the request is looked at; a promotion may also fail so after it was passed on to a leader.
      return true;
    }
    if (error.code === "notSupportedForLearner") return options.endpoint === undefined && this.endpoints.count > 1;
    return method.repeatable && error.grpcCode === GrpcStatus.UNAVAILABLE;
  }

  #passOver(endpoint: Endpoint, error: EtcdError): void {
    const { grpcCode, code } = error;
    const late = grpcCode === GrpcStatus.DEADLINE_EXCEEDED;
    if (!late && grpcCode !== GrpcStatus.UNAVAILABLE && code !== "notSupportedForLearner") return;
    endpoint.noteFailure();
    this.config.logger.debug("an endpoint failed a call", { endpoint: endpoint.text, reason: error.message });
  }

  #encode<Request>(method: { readonly request: UnaryMethod<Request, unknown>["request"] }, request: Partial<Request>) {
    const bytes = encodeRequest(method.request, request);
    const sizeMax = this.config.sendSizeBytesMax;
    if (bytes.length <= sizeMax) return bytes;
    throw new EtcdError({
      code: "messageTooLarge",
      grpcCode: GrpcStatus.RESOURCE_EXHAUSTED,
      message: `trying to send message larger than max (${bytes.length} vs. ${sizeMax})`,
    });
  }

  #metadata(options: CallOptions, token: string | undefined): Metadata {
    const metadata = new Metadata();
    metadata.set("client-api-version", CLIENT_API_VERSION);
    for (const [key, value] of Object.entries(this.config.metadata)) metadata.set(key, value);
    if (this.#requiresLeader(options)) metadata.set("hasleader", "true");
    if (token !== undefined) metadata.set("token", token);
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    return metadata;
  }

  #requiresLeader(options: CallOptions): boolean {
    return options.requireLeader ?? this.config.requireLeader;
  }

  #needsToken(path: string): boolean {
    return path !== RPC.Auth.Authenticate.path;
  }

  async #authenticate(user: { readonly name: string; readonly password: string }): Promise<string> {
    const { token } = await this.unary(RPC.Auth.Authenticate, user, { deadlineMs: this.config.loginDeadlineMs });
    return token;
  }
}

const same = (bytes: Buffer): Buffer => bytes;

/** The tries of one call. */
class Attempts {
  readonly #countMax: number;
  /** How many endpoints are tried without a pause: a quorum, as etcd's client does. */
  readonly #perRound: number;
  readonly #backoff = new Backoff(RETRY_PAUSE);
  #shortTryMs: number | undefined;
  #count = 0;
  tokenRenewals = 0;
  /** Where the last try failed; another endpoint is preferred. */
  failed: Endpoint | undefined;
  last: EtcdError | undefined;

  constructor(countMax: number, endpointCount: number) {
    this.#countMax = countMax;
    this.#perRound = Math.floor(endpointCount / 2) + 1;
  }

  /** How many have failed. */
  get count(): number {
    return this.#count;
  }

  /** What a try may take that is not the last one: a part of the time that there was at first. */
  shortTryMs(limit: TimeLimit): number {
    this.#shortTryMs ??= limit.leftMs / SHORT_TRY_PARTS;
    return this.#shortTryMs;
  }

  /** Waits before the next try. Rejects with `error` when there are to be no more. */
  async pauseAfter(error: EtcdError, endpoint: Endpoint | undefined, limit: TimeLimit): Promise<void> {
    this.#count++;
    this.failed = endpoint;
    this.last = error;
    if (this.#count >= this.#countMax) throw error;
    if (this.#count % this.#perRound !== 0) return;
    const ms = this.#backoff.next();
    if (ms >= limit.leftMs) throw error;
    await pause(ms, limit.signal);
  }
}
