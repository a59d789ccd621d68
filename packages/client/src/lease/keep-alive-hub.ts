import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "@quorate/protocol";
import { closedError, EtcdError, isEtcdError } from "../etcd-error.ts";
import { GrpcStatus } from "../grpc-status.ts";
import type { MessageStream } from "../message-stream.ts";
import { Backoff, pause } from "../pause.ts";
import { RPC } from "../rpc.ts";
import { TimeLimit } from "../time-limit.ts";
import { TOKEN_RENEWALS_MAX } from "../token-source.ts";
import type { Transport } from "../transport.ts";
import type { LeaseEntry } from "./lease-entry.ts";

type Stream = MessageStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

/** Short against the least time to live, 2 s. */
const REOPEN_PAUSE = { firstMs: 50, maxMs: 500 } as const;
/** Timers are set no finer than this, so that many leases share one. */
const TICK_MS_MIN = 20;

/**
 * Keeps the leases of a client alive on one stream. When the stream is lost or hangs it opens another, elsewhere if possible; a
 * lease that cannot be renewed within its time to live is lost, whatever the stream does.
 */
export class KeepAliveHub {
  readonly #transport: Transport;
  readonly #abort = new AbortController();
  readonly #entries = new Set<LeaseEntry>();
  /** Renewals without an answer, in the order of sending, which is that of the answers. */
  #unanswered: LeaseEntry[] = [];
  #stream: Stream | undefined;
  #running = false;
  #tokenRenewals = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  add(entry: LeaseEntry): void {
    if (this.#abort.signal.aborted) {
      entry.listener.onEnd(closedError("client"));
      return;
    }
    this.#entries.add(entry);
    this.#tick();
    if (!this.#running) void this.#run();
  }

  /** Its user no longer wants it kept. */
  remove(entry: LeaseEntry): void {
    if (this.#entries.delete(entry) && this.#entries.size === 0) this.#stop();
  }

  /** Keeps none any longer. */
  close(): void {
    this.#abort.abort();
    const entries = [...this.#entries];
    this.#entries.clear();
    this.#stop();
    for (const entry of entries) entry.listener.onEnd(closedError("client"));
  }

  #stop(): void {
    clearTimeout(this.#timer);
    // Forgotten at once: a lease that comes now is not to be renewed on a stream that is ending.
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  async #run(): Promise<void> {
    this.#running = true;
    const backoff = new Backoff(REOPEN_PAUSE);
    while (this.#entries.size > 0) {
      try {
        const [error, token] = await this.#serve(() => backoff.reset());
        if (this.#entries.size === 0) break;
        await this.#afterLoss(error, token);
        await pause(backoff.next(), this.#abort.signal);
      } catch (error) {
        // Such as a password that is no longer right: to be tried again until the leases are over.
        for (const entry of this.#entries) entry.lastError = error as EtcdError;
        await pause(backoff.next(), this.#abort.signal).catch(() => {});
      }
    }
    this.#running = false;
  }

  async #serve(onResponse: () => void): Promise<[EtcdError, string | undefined]> {
    let token: string | undefined;
    try {
      const options = { requireLeader: true, signal: this.#abort.signal };
      const stream = await this.#transport.bidiStream(RPC.Lease.LeaseKeepAlive, options);
      token = stream.token;
      this.#stream = stream;
      this.#tick();
      // Their users may have left meanwhile.
      if (this.#entries.size === 0) return [endedError(undefined), token];
      for await (const response of stream) {
        onResponse();
        this.#onResponse(response);
        if (this.#entries.size === 0) break;
      }
      return [endedError(this.#stream === stream ? stream.endpoint : undefined), token];
    } catch (error) {
      if (!isEtcdError(error)) throw error;
      return [error, token];
    } finally {
      this.#stream?.cancel();
      this.#stream = undefined;
    }
  }

  async #afterLoss(error: EtcdError, token: string | undefined): Promise<void> {
    this.#transport.config.logger.debug("a lease stream ended", { reason: error.message });
    if (error.endpoint !== undefined) this.#transport.noteFailure(error.endpoint);
    const [oldest] = this.#unanswered;
    this.#unanswered = [];
    for (const entry of this.#entries) {
      entry.lastError = error;
      entry.onLost(performance.now());
    }
    if (this.#transport.refusesToken(error) && this.#tokenRenewals < TOKEN_RENEWALS_MAX) {
      const untilClosed = new TimeLimit(Number.POSITIVE_INFINITY, this.#abort.signal);
      if (await this.#transport.renewToken(token, untilClosed)) this.#tokenRenewals++;
    } else if (!this.#transport.mayReopen(error) && oldest !== undefined) {
      // The server answers in order, so it is the oldest renewal that it refused, such as for want of permission.
      this.#end(oldest, error);
    }
  }

  #onResponse(response: LeaseKeepAliveResponse): void {
    const index = this.#unanswered.findIndex((entry) => entry.id === response.id);
    const [entry] = index === -1 ? [] : this.#unanswered.splice(index, 1);
    this.#tokenRenewals = 0;
    if (entry === undefined || !this.#entries.has(entry)) return;
    if (response.ttl <= 0) this.#end(entry, lostError(entry, "expired or was revoked"));
    else entry.onRenewed(response, performance.now());
    this.#tick();
  }

  /** Does what is due, and sets the timer for what is due next. */
  #tick(): void {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) {
      if (entry.isExpired(nowMs)) this.#end(entry, lostError(entry, "could not be renewed in time"));
      else if (entry.isStalled(nowMs)) this.#stream?.cancel();
      else if (this.#stream !== undefined && entry.isDue(nowMs)) this.#send(entry, this.#stream, nowMs);
      // Without a stream only the end of a lease is to be watched for; the next stream begins with a tick.
      if (this.#entries.has(entry))
        wakeMs = Math.min(wakeMs, this.#stream === undefined ? nowMs + 100 : entry.wakeMs());
    }
    if (this.#entries.size === 0) this.#stop();
    else this.#timer = setTimeout(() => this.#tick(), Math.max(wakeMs - nowMs, TICK_MS_MIN));
  }

  #send(entry: LeaseEntry, stream: Stream, nowMs: number): void {
    entry.onSent(nowMs);
    this.#unanswered.push(entry);
    stream.write({ id: entry.id }).catch(() => {});
  }

  #end(entry: LeaseEntry, error: EtcdError): void {
    this.#entries.delete(entry);
    entry.listener.onEnd(error);
  }
}

function endedError(endpoint: string | undefined): EtcdError {
  const message = "the server ended the lease stream, or hung";
  return new EtcdError({ code: "connectionLost", grpcCode: GrpcStatus.UNAVAILABLE, message, endpoint });
}

function lostError(entry: LeaseEntry, what: string): EtcdError {
  const name = BigInt.asUintN(64, entry.id).toString(16).padStart(16, "0");
  return new EtcdError({
    code: "leaseLost",
    grpcCode: GrpcStatus.NOT_FOUND,
    message: `lease ${name} ${what}`,
    cause: entry.lastError,
  });
}
