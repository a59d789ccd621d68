import type { ClientRequest, IncomingMessage } from "node:http";
import { DecodeError } from "@quorate/protocol";
import type { Message } from "@quorate/raft";
import { frameDecoder, type StreamKind } from "./framing.ts";
import { errorText } from "./peer-dialer.ts";
import { hex, supportsStreams } from "./peer-headers.ts";
import type { PeerLink } from "./peer-link.ts";

/** At most one attempt to connect in this time. */
export const DIAL_INTERVAL_MS = 100;
/** After a peer said that this member was removed, it is asked again more rarely. */
const REMOVED_INTERVAL_MS = 2000;
/** Every so long the peer sends a heartbeat at the latest; silence for three of them is a broken connection. */
export const STREAM_IDLE_MS = 5000;
const ANSWER_BYTES_MAX = 4096;

/**
 * One of the two connections on which a peer sends: dialled by us, and dialled again whenever it ends. Peer protocol page,
 * section 4.
 */
export class IncomingStream {
  readonly #kind: StreamKind;
  readonly #link: PeerLink;
  readonly #onMessage: (message: Message) => void;
  readonly #dialTimeoutMs: number;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dialledAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(kind: StreamKind, link: PeerLink, dialTimeoutMs: number, onMessage: (message: Message) => void) {
    this.#kind = kind;
    this.#link = link;
    this.#dialTimeoutMs = dialTimeoutMs;
    this.#onMessage = onMessage;
  }

  start(): void {
    this.#dial();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
    this.#request = undefined;
  }

  #dial(): void {
    const { dialer, urls, headers, id, localId, nowMs } = this.#link;
    this.#dialledAt = nowMs();
    const url = urls.pick();
    const request = dialer.request(url, {
      method: "GET",
      path: `/raft/stream/${this.#kind}/${hex(localId)}`,
      headers: { ...headers(), "X-Raft-To": hex(id) },
      idleTimeoutMs: this.#dialTimeoutMs,
    });
    this.#request = request;
    let isConnected = false;
    let failure: string | undefined;
    request.on("response", (response) => {
      isConnected = response.statusCode === 200 && supportsStreams(response.headers);
      if (isConnected) this.#connected(request, response, (error) => (failure = error));
      else this.#refused(response, (error) => (failure = error));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      failure ??= errorText(error);
      // Of several URLs another may still answer.
      if (error.code === "ECONNREFUSED" && urls.all.length === 1) this.#link.refused();
    });
    request.once("close", () => {
      if (this.#isClosed || this.#request !== request) return;
      this.#request = undefined;
      if (!isConnected) {
        urls.failed(url);
        this.#link.status.failed(`dial ${this.#kind} stream`, failure ?? "connection closed");
      } else if (failure !== undefined) {
        this.#link.status.failed(`read ${this.#kind} stream`, failure);
      }
      this.#dialAgain(DIAL_INTERVAL_MS);
    });
    request.end();
  }

  #dialAgain(intervalMs: number): void {
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#dialledAt + intervalMs - this.#link.nowMs());
    this.#timer = setTimeout(() => this.#dial(), wait);
  }

  #connected(request: ClientRequest, response: IncomingMessage, fail: (error: string) => void): void {
    const { id, localId, status, counters, logger } = this.#link;
    request.setTimeout(STREAM_IDLE_MS);
    status.succeeded();
    logger.info("established TCP streaming connection with remote peer", { "stream-reader-type": this.#kind });
    const decoder = frameDecoder(this.#kind, { local: localId, remote: id }, this.#onMessage);
    response.on("data", (chunk: Buffer) => {
      if (this.#isClosed) return;
      counters.receivedBytes.add(chunk.length);
      try {
        decoder.push(chunk);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        counters.receivedFailures.add();
        logger.warn("peer sent what is not raft", { "stream-reader-type": this.#kind, error: error.message });
        fail(error.message);
        request.destroy();
      }
    });
    // A connection that ends is dialled again, and worth no complaint unless that fails.
    response.on("error", () => {});
  }

  #refused(response: IncomingMessage, fail: (error: string) => void): void {
    const { logger, removed } = this.#link;
    let body = "";
    response.setEncoding("latin1");
    response.on("data", (text: string) => {
      body += text;
      if (body.length > ANSWER_BYTES_MAX) response.destroy();
    });
    response.on("error", () => {});
    response.once("close", () => {
      const status = response.statusCode ?? 0;
      const reason = body.trim().slice(0, 200);
      fail(status === 200 ? "unsupported stream version" : `unexpected http status ${status}: ${reason}`);
      logger.debug("peer refused stream", { "stream-reader-type": this.#kind, status, reason });
      if (status !== 410 || this.#isClosed) return;
      this.#dialledAt += REMOVED_INTERVAL_MS - DIAL_INTERVAL_MS;
      removed();
    });
  }
}
