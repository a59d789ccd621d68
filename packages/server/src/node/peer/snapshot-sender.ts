import type { ClientRequest } from "node:http";
import { pipeline, type Readable, Transform } from "node:stream";
import { EMPTY_BYTES } from "@quorate/base";
import { Writer } from "@quorate/protocol";
import type { Message } from "@quorate/raft";
import { putUint64 } from "./entry-blocks.ts";
import { errorText } from "./peer-dialer.ts";
import type { PeerLink } from "./peer-link.ts";
import { isRemoval } from "./pipeline.ts";
import { writeMessage } from "./raft-message.ts";

/** Snapshots on their way to one peer. */
const IN_FLIGHT_MAX = 16;
/** Neither side may stand still for so long while the body travels. */
const IDLE_MS = 5000;
/** The receiver syncs the file and hands it to its raft before it answers. */
const ANSWER_MS = 5 * 60_000;
const ANSWER_BYTES_MAX = 4096;

export type SnapshotOutcome = "delivered" | "failed";

/** Sends whole databases to one peer, each as the body of one POST, at constant memory. Peer protocol page, section 7. */
export class SnapshotSender {
  readonly #link: PeerLink;
  readonly #onSent: (outcome: SnapshotOutcome) => void;
  readonly #requests = new Set<ClientRequest>();

  constructor(link: PeerLink, onSent: (outcome: SnapshotOutcome) => void) {
    this.#link = link;
    this.#onSent = onSent;
  }

  /** Sends `message`, a MsgSnap, and behind it `database`, which is destroyed if that fails. The outcome comes as event. */
  send(message: Message, database: Readable): void {
    if (this.#requests.size >= IN_FLIGHT_MAX) {
      database.destroy();
      process.nextTick(() => this.#onSent("failed"));
      return;
    }
    const { counters, dialer, urls, headers, logger, nowMs } = this.#link;
    const url = urls.pick();
    const request = dialer.request(url, {
      method: "POST",
      path: "/raft/snapshot",
      headers: { ...headers(), "Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked" },
      idleTimeoutMs: IDLE_MS,
    });
    const beginMs = nowMs();
    this.#requests.add(request);
    counters.snapshotSendInflights.set(this.#requests.size);
    let status = 0;
    let answer = "";
    let failure: string | undefined;
    let bytes = 0;
    request.on("response", (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding("latin1");
      response.on("data", (text: string) => {
        answer += text;
        if (answer.length > ANSWER_BYTES_MAX) response.destroy();
      });
      response.on("error", () => {});
      // An answer before the end of the body is a refusal: the rest of it would be for nobody.
      response.on("end", () => database.destroy());
    });
    request.once("close", () => {
      this.#requests.delete(request);
      counters.snapshotSendInflights.set(this.#requests.size);
      database.destroy();
      const delivered = status === 204 && failure === undefined;
      if (delivered) {
        counters.snapshotSendDuration.observe((nowMs() - beginMs) / 1000);
        this.#delivered(bytes);
      } else this.#failed(url, status, failure ?? answer.trim().slice(0, 200));
      this.#onSent(delivered ? "delivered" : "failed");
    });
    const envelope = encodeEnvelope(message);
    logger.info("sending database snapshot", { "snapshot-index": message.snapshot?.index });
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done): void {
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    counted.write(envelope);
    pipeline(database, counted, request, (error) => {
      if (error === undefined || error === null) request.setTimeout(ANSWER_MS);
      else failure ??= status === 0 ? errorText(error) : undefined;
    });
  }

  close(): void {
    for (const request of this.#requests) request.destroy();
  }

  #delivered(bytes: number): void {
    const { status, counters, logger } = this.#link;
    status.succeeded();
    counters.sentBytes.add(bytes);
    counters.snapshotSendSuccess.add();
    logger.info("sent database snapshot", { bytes });
  }

  #failed(url: string, status: number, reason: string): void {
    const { urls, counters, logger, unreachable, removed } = this.#link;
    urls.failed(url);
    counters.sentFailures.add();
    counters.snapshotSendFailures.add();
    const error = status === 0 ? reason : `unexpected http status ${status}: ${reason}`;
    logger.warn("failed to send database snapshot", { error });
    this.#link.status.failed("post snapshot", error);
    if (isRemoval(status, reason)) removed();
    unreachable();
  }
}

/** Length, 8 bytes big-endian, and message. */
function encodeEnvelope(message: Message): Uint8Array {
  const writer = new Writer();
  writer.length = 8;
  writeMessage(writer, message, EMPTY_BYTES);
  putUint64(writer.buffer, 0, writer.length - 8);
  return writer.finish();
}
