import { Auth } from "./auth.ts";
import { type ClientOptions, parseClientOptions } from "./client-options.ts";
import { Cluster } from "./cluster.ts";
import { Election, LeaderView } from "./concurrency/election.ts";
import { Lock } from "./concurrency/lock.ts";
import { queueOf } from "./concurrency/place.ts";
import { Session, type SessionOptions } from "./concurrency/session.ts";
import type { BytesLike, KeySelection } from "./key-range.ts";
import { Kv } from "./kv.ts";
import { Leases } from "./lease/leases.ts";
import { Maintenance } from "./maintenance.ts";
import type { MessageStream } from "./message-stream.ts";
import type { BidiMethod, ServerStreamMethod, UnaryMethod } from "./method.ts";
import { type CallOptions, Transport } from "./transport.ts";
import type { WatchOptions } from "./watch/watch-task.ts";
import type { Watcher } from "./watch/watcher.ts";
import { Watches } from "./watch/watches.ts";

/**
 * A client of one cluster of etcd or Quorate. It connects with the first call, keeps connections to all of its endpoints, and
 * holds them until `close()`. Any number of calls may run at once.
 *
 * Every failure is an {@link EtcdError}; wrong options throw a TypeError.
 */
export class EtcdClient implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #watches: Watches;
  /** Keys, transactions, compaction. */
  readonly kv: Kv;
  /** Leases, and keeping them alive. */
  readonly lease: Leases;
  /** Members, and which endpoints to use. */
  readonly cluster: Cluster;
  /** Status, alarms, snapshots and the like. */
  readonly maintenance: Maintenance;
  /** Users and roles. */
  readonly auth: Auth;

  /** Throws TypeError, naming the option, for options that are wrong. */
  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(parseClientOptions(options));
    this.#watches = new Watches(this.#transport);
    this.kv = new Kv(this.#transport);
    this.lease = new Leases(this.#transport);
    this.cluster = new Cluster(this.#transport);
    this.maintenance = new Maintenance(this.#transport);
    this.auth = new Auth(this.#transport);
  }

  /** The endpoints in use, as given. */
  get endpoints(): readonly string[] {
    return this.#transport.endpoints.texts;
  }

  /** Uses these endpoints from now on; those that stay keep their connections, calls under way end where they began. */
  setEndpoints(endpoints: readonly string[]): void {
    this.#transport.endpoints.replace(endpoints);
  }

  /**
   * Calls a method with one response; `RPC` names them all. Fields that `request` lacks have their defaults.
   *
   * The call goes to the connected endpoints in turn. It is tried again, on the next one, when nothing was sent; when it requires a
   * leader and the member sees none; when the server says `UNAVAILABLE` and the method is repeatable (reads, leases: see
   * `UnaryMethod.repeatable`); when a range read or a login is not answered in a quarter of its time, twice; and with a new token when
   * the server refuses the one it came with. Nothing else is repeated: a write whose answer was lost fails, and `mayHaveApplied` tells
   * so. The time for fetching a token is the call's.
   *
   * Rejects with an EtcdError: what the server answered, `unreachable` when no endpoint could be connected to within
   * `dialTimeoutMs`, `deadlineExceeded` after `deadlineMs`, `aborted` by the signal, `messageTooLarge`, `closed`.
   */
  unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Partial<Request>,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#transport.unary(method, request, options);
  }

  /**
   * Opens a stream: of responses to one request, or of requests and responses. Resolves when an endpoint is connected. Iterate
   * the stream for the responses; a failed stream throws there and is not opened again. There is no deadline unless one is given.
   * Rejects as {@link unary} does before anything is sent.
   */
  stream<Request, Response>(
    method: ServerStreamMethod<Request, Response>,
    request: Partial<Request>,
    options?: CallOptions,
  ): Promise<MessageStream<never, Response>>;
  stream<Request, Response>(
    method: BidiMethod<Request, Response>,
    options?: CallOptions,
  ): Promise<MessageStream<Request, Response>>;
  stream<Request, Response>(
    method: ServerStreamMethod<Request, Response> | BidiMethod<Request, Response>,
    second?: Partial<Request> | CallOptions,
    third?: CallOptions,
  ): Promise<MessageStream<Request, Response>> {
    if (method.kind === "bidi") return this.#transport.bidiStream(method, second as CallOptions | undefined);
    return this.#transport.serverStream(method, (second ?? {}) as Partial<Request>, third);
  }

  /**
   * Watches a key or several. The watch is made at once, on a stream that all watches of the client share; iterate it:
   *
   *     for await (const { events } of client.watch(prefix("config/"))) …
   */
  watch(keys: KeySelection, options: WatchOptions = {}): Watcher {
    return this.#watches.begin(keys, options);
  }

  /** Makes a session: a lease that is kept alive until the session is closed. Errors as those of `lease.grant`. */
  session(options: SessionOptions = {}): Promise<Session> {
    return Session.open(this.lease, options);
  }

  /** A lock called `name`, for one session. Nothing is sent until it is acquired. */
  lock(session: Session, name: BytesLike): Lock {
    return new Lock({ kv: this.kv, watches: this.#watches, session, name });
  }

  /** An election called `name`, for one session. Nothing is sent until it campaigns. */
  election(session: Session, name: BytesLike): Election {
    return new Election({ kv: this.kv, watches: this.#watches, session, name });
  }

  /** Who leads in the election called `name`, for those who do not stand. */
  leaderOf(name: BytesLike): LeaderView {
    return new LeaderView(this.kv, this.#watches, queueOf(name));
  }

  /** Ends all connections, and with them what still runs. The client cannot be used afterwards. */
  close(): Promise<void> {
    this.#watches.close();
    this.lease.close();
    this.#transport.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
