import { assert } from "@quorate/base";
import type { WatchRequest, WatchResponse } from "@quorate/protocol";
import { closedError, EtcdError, errorFromReason, isEtcdError } from "../etcd-error.ts";
import { GrpcStatus } from "../grpc-status.ts";
import type { MessageStream } from "../message-stream.ts";
import { Backoff, pause } from "../pause.ts";
import { RPC } from "../rpc.ts";
import { TimeLimit } from "../time-limit.ts";
import { TOKEN_RENEWALS_MAX } from "../token-source.ts";
import type { Transport } from "../transport.ts";
import { compactedError, type WatchTask } from "./watch-task.ts";

type Stream = MessageStream<WatchRequest, WatchResponse>;

const REOPEN_PAUSE = { firstMs: 50, maxMs: 2_000 } as const;
/** How often progress is asked for again: servers do not answer while a watch of the stream lags behind. */
const PROGRESS_AGAIN_MS = 500;
/** The number in responses that are about no watch in particular. */
const ALL_WATCHES = -1n;

/**
 * The watches of a client on one stream. When the stream is lost it opens another, elsewhere if possible, and makes each watch
 * again from its next revision. A watch whose user is slow is taken off the stream and made again when there is room, so
 * that it holds up no other.
 */
export class WatchHub {
  readonly #transport: Transport;
  readonly #requireLeader: boolean;
  readonly #abort = new AbortController();
  readonly #tasks = new Set<WatchTask>();
  /** Created watches of the stream in use. */
  readonly #active = new Map<bigint, WatchTask>();
  /** Asked for on the stream in use; servers answer in this order. Undefined in place of those whose user left. */
  #creating: (WatchTask | undefined)[] = [];
  #stream: Stream | undefined;
  #running = false;
  /** Tokens fetched since a watch was made. */
  #tokenRenewals = 0;
  #progressTimer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, requireLeader: boolean) {
    this.#transport = transport;
    this.#requireLeader = requireLeader;
  }

  /** Begins a watch. */
  add(task: WatchTask): void {
    if (this.#abort.signal.aborted) {
      task.end(closedError("client"));
      return;
    }
    this.#tasks.add(task);
    if (this.#stream !== undefined) this.#create(task, this.#stream);
    else if (!this.#running) void this.#run();
  }

  /** Ends a watch: its user wants no more. */
  remove(task: WatchTask): void {
    if (!this.#tasks.delete(task)) return;
    this.#takeOff(task);
    if (this.#tasks.size > 0) return;
    // Forgotten at once: a watch that comes now is not to be put on a stream that is ending.
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  /** Goes on with a watch that was taken off the stream, once its user has made room. */
  noteRoom(task: WatchTask): void {
    if (task.watchId !== undefined || !task.isRoomy || !this.#tasks.has(task)) return;
    if (this.#stream !== undefined && !this.#creating.includes(task)) this.#create(task, this.#stream);
  }

  /** Asks the server for progress until it tells. */
  requestProgress(task: WatchTask): void {
    task.wantsProgress = true;
    this.#askForProgress();
  }

  /** Ends every watch. */
  close(): void {
    this.#abort.abort();
    for (const task of this.#tasks) task.end(closedError("client"));
    this.#tasks.clear();
    clearTimeout(this.#progressTimer);
  }

  async #run(): Promise<void> {
    this.#running = true;
    const backoff = new Backoff(REOPEN_PAUSE);
    try {
      while (this.#tasks.size > 0 && !this.#abort.signal.aborted) {
        const [error, token] = await this.#serve(() => backoff.reset());
        if (this.#tasks.size === 0 || this.#abort.signal.aborted) return;
        if (!(await this.#mayReopen(error, token))) this.#endAll(error);
        else await pause(backoff.next(), this.#abort.signal);
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#endAll(error as EtcdError);
    } finally {
      this.#running = false;
    }
    // Watches may have come while the last stream was ending.
    if (this.#tasks.size > 0) void this.#run();
  }

  /** Opens a stream and serves the watches on it until it ends; tells how, and the token it had. */
  async #serve(onResponse: () => void): Promise<[EtcdError, string | undefined]> {
    let token: string | undefined;
    try {
      const options = { requireLeader: this.#requireLeader, signal: this.#abort.signal };
      const stream = await this.#transport.bidiStream(RPC.Watch.Watch, options);
      token = stream.token;
      this.#stream = stream;
      // Their users may have left meanwhile.
      if (this.#tasks.size === 0) return [endedError(undefined), token];
      for (const task of this.#tasks) if (!task.isFull) this.#create(task, stream);
      for await (const response of stream) {
        onResponse();
        this.#dispatch(response, stream);
        if (this.#tasks.size === 0) break;
      }
      return [endedError(this.#stream === stream ? stream.endpoint : undefined), token];
    } catch (error) {
      if (!isEtcdError(error)) throw error;
      return [error, token];
    } finally {
      this.#detachAll();
    }
  }

  #detachAll(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#creating = [];
    this.#active.clear();
    for (const task of this.#tasks) task.onLost();
  }

  async #mayReopen(error: EtcdError, token: string | undefined): Promise<boolean> {
    const { logger, requestDeadlineMs } = this.#transport.config;
    logger.debug("a watch stream ended", { reason: error.message, endpoint: error.endpoint ?? "" });
    if (error.endpoint !== undefined) this.#transport.noteFailure(error.endpoint);
    for (const task of this.#tasks) {
      // Nobody waits for ever for a watch that was never there.
      const late = task.wasCreated ? task.outageMs > task.outageMsMax : task.outageMs > requestDeadlineMs;
      if (late || (error.code === "unreachable" && !task.wasCreated)) this.#fail(task, error);
    }
    if (!this.#transport.refusesToken(error)) return this.#transport.mayReopen(error);
    if (this.#tokenRenewals >= TOKEN_RENEWALS_MAX) return false;
    const untilClosed = new TimeLimit(Number.POSITIVE_INFINITY, this.#abort.signal);
    if (await this.#transport.renewToken(token, untilClosed)) this.#tokenRenewals++;
    return true;
  }

  #endAll(error: EtcdError): void {
    for (const task of this.#tasks) this.#fail(task, error);
  }

  #fail(task: WatchTask, error: EtcdError): void {
    this.#tasks.delete(task);
    task.end(error);
  }

  #create(task: WatchTask, stream: Stream): void {
    assert(task.watchId === undefined, "a watch is on a stream once");
    this.#creating.push(task);
    send(stream, { createRequest: task.createRequest() });
  }

  #takeOff(task: WatchTask): void {
    const waiting = this.#creating.indexOf(task);
    if (waiting !== -1) this.#creating[waiting] = undefined;
    if (task.watchId === undefined) return;
    this.#active.delete(task.watchId);
    if (this.#stream !== undefined) send(this.#stream, { cancelRequest: { watchId: task.watchId } });
    task.onDetached();
  }

  #dispatch(response: WatchResponse, stream: Stream): void {
    if (response.created) {
      this.#onCreated(response, stream);
      return;
    }
    const task = this.#active.get(response.watchId);
    if (task !== undefined) this.#onResponse(task, response, stream);
    else if (response.watchId === ALL_WATCHES && response.events.length === 0) this.#onProgress(response);
  }

  #onCreated(response: WatchResponse, stream: Stream): void {
    const task = this.#creating.shift();
    if (response.canceled) {
      if (task !== undefined) this.#onCancelled(task, response, stream);
      return;
    }
    this.#tokenRenewals = 0;
    if (task === undefined) {
      send(stream, { cancelRequest: { watchId: response.watchId } });
      return;
    }
    task.onCreated(response);
    this.#active.set(response.watchId, task);
    if (task.wantsProgress) this.#askForProgress();
  }

  #onResponse(task: WatchTask, response: WatchResponse, stream: Stream): void {
    if (response.canceled) {
      this.#active.delete(response.watchId);
      task.onDetached();
      this.#onCancelled(task, response, stream);
      return;
    }
    if (response.events.length === 0 && !response.fragment) {
      if (response.header !== undefined) task.onProgress(response.header);
      return;
    }
    task.onEvents(response);
    if (task.isFull) this.#takeOff(task);
  }

  /** Throws what ends the stream for all: a refused token. */
  #onCancelled(task: WatchTask, response: WatchResponse, stream: Stream): void {
    const { compactRevision, cancelReason } = response;
    if (compactRevision > 0) {
      // etcd 3.5 counts such a watch as one that lags behind, and answers no request for progress, until it is cancelled.
      send(stream, { cancelRequest: { watchId: response.watchId } });
      if (task.skipCompacted(compactRevision)) this.#create(task, stream);
      else this.#fail(task, compactedError(compactRevision, stream.endpoint));
      return;
    }
    const error = errorFromReason(cancelReason === "" ? "etcdserver: watch canceled" : cancelReason, stream.endpoint);
    if (this.#transport.refusesToken(error) && this.#tokenRenewals < TOKEN_RENEWALS_MAX) throw error;
    this.#fail(task, error);
  }

  #onProgress(response: WatchResponse): void {
    const { header } = response;
    if (header === undefined) return;
    for (const task of this.#active.values()) task.onStreamProgress(header);
  }

  #askForProgress(): void {
    clearTimeout(this.#progressTimer);
    if (![...this.#tasks].some((task) => task.wantsProgress)) return;
    if (this.#stream !== undefined && this.#active.size > 0) send(this.#stream, { progressRequest: {} });
    this.#progressTimer = setTimeout(() => this.#askForProgress(), PROGRESS_AGAIN_MS);
    this.#progressTimer.unref();
  }
}

/** What a stream that cannot take it came to is seen where it is read. */
function send(stream: Stream, request: Partial<WatchRequest>): void {
  stream.write(request).catch(() => {});
}

function endedError(endpoint: string | undefined): EtcdError {
  const message = "the server ended the watch stream";
  return new EtcdError({ code: "connectionLost", grpcCode: GrpcStatus.UNAVAILABLE, message, endpoint });
}
