import type { ClientRequest } from "node:http";
import { Writer } from "@quorate/protocol";
import type { Message } from "@quorate/raft";
import type { EntryBlocks } from "./entry-blocks.ts";
import { errorText } from "./peer-dialer.ts";
import type { PeerLink } from "./peer-link.ts";
import { writeMessage } from "./raft-message.ts";

const CONNECTIONS_MAX = 4;
const QUEUED_MESSAGES_MAX = 64;
const QUEUED_BYTES_MAX = 64 * 1024 * 1024;
/** Reading and writing may stand still for so long. */
const IDLE_MS = 5000;
const ANSWER_BYTES_MAX = 4096;

/**
 * Messages to a peer that has no stream open: one POST each, a few at a time. Peer protocol page, section 6.
 */
export class Pipeline {
  readonly #link: PeerLink;
  readonly #blocks: EntryBlocks;
  readonly #requests = new Set<ClientRequest>();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #isClosed = false;

  constructor(link: PeerLink, blocks: EntryBlocks) {
    this.#link = link;
    this.#blocks = blocks;
  }

  /** False if too much waits already. */
  send(message: Message): boolean {
    if (this.#isClosed || this.#queue.length >= QUEUED_MESSAGES_MAX || this.#queuedBytes >= QUEUED_BYTES_MAX)
      return false;
    const writer = new Writer(new Uint8Array(256));
    writeMessage(writer, message, this.#blocks.fields(message.entries));
    const body = writer.buffer.subarray(0, writer.length);
    this.#queue.push(body);
    this.#queuedBytes += body.length;
    this.#work();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    for (const request of this.#requests) request.destroy();
  }

  #work(): void {
    while (!this.#isClosed && this.#requests.size < CONNECTIONS_MAX) {
      const body = this.#queue.shift();
      if (body === undefined) return;
      this.#post(body);
    }
  }

  #post(body: Uint8Array): void {
    const { dialer, urls, headers } = this.#link;
    const url = urls.pick();
    const request = dialer.request(url, {
      method: "POST",
      path: "/raft",
      headers: { ...headers(), "Content-Type": "application/protobuf", "Content-Length": body.length },
      idleTimeoutMs: IDLE_MS,
    });
    this.#requests.add(request);
    let status = 0;
    let answer = "";
    let failure: string | undefined;
    request.on("response", (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding("latin1");
      response.on("data", (text: string) => {
        answer += text;
        if (answer.length > ANSWER_BYTES_MAX) response.destroy();
      });
      response.on("error", () => {});
    });
    request.on("error", (error) => (failure ??= errorText(error)));
    request.once("close", () => {
      this.#requests.delete(request);
      this.#queuedBytes -= body.length;
      if (this.#isClosed) return;
      if (status === 204) this.#delivered(body.length);
      else this.#failed(url, status, failure ?? answer.trim().slice(0, 200));
      this.#work();
    });
    request.end(body);
  }

  #delivered(bytes: number): void {
    this.#link.status.succeeded();
    this.#link.counters.sentBytes.add(bytes);
  }

  #failed(url: string, status: number, reason: string): void {
    const { urls, counters, unreachable } = this.#link;
    urls.failed(url);
    counters.sentFailures.add();
    this.#link.status.failed(
      "post raft message",
      status === 0 ? reason : `unexpected http status ${status}: ${reason}`,
    );
    if (isRemoval(status, reason)) this.#link.removed();
    unreachable();
  }
}

/** A peer also answers 403 to a message that was meant for somebody else, which says nothing about us. */
export function isRemoval(status: number, reason: string): boolean {
  return status === 403 && reason.includes("removed member");
}
