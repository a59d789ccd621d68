import type { Readable } from "node:stream";
import { type Message, MessageType } from "@quorate/raft";
import type { EntryBlocks } from "./entry-blocks.ts";
import type { StreamKind } from "./framing.ts";
import { IncomingStream } from "./incoming-stream.ts";
import type { OutgoingStream } from "./outgoing-stream.ts";
import type { PeerLink } from "./peer-link.ts";
import { Pipeline } from "./pipeline.ts";
import { Prober } from "./prober.ts";
import { type SnapshotOutcome, SnapshotSender } from "./snapshot-sender.ts";

export interface PeerOptions {
  readonly link: PeerLink;
  readonly blocks: EntryBlocks;
  readonly dialTimeoutMs: number;
  readonly wallMs: () => number;
  readonly onMessage: (message: Message) => void;
  readonly onSnapshotSent: (outcome: SnapshotOutcome) => void;
}

/**
 * Everything between this member and another: two connections that it opened to be sent to, two that we opened to hear from
 * it, POSTs while there are none, snapshots, probes. Peer protocol page, section 5.
 */
export class Peer {
  readonly link: PeerLink;
  readonly #outgoing: { message: OutgoingStream | undefined; msgapp: OutgoingStream | undefined } = {
    message: undefined,
    msgapp: undefined,
  };
  readonly #incoming: readonly IncomingStream[];
  readonly #pipeline: Pipeline;
  readonly #snapshots: SnapshotSender;
  readonly #prober: Prober;
  #isClosed = false;
  /** Of one batch: see {@link endBatch}. */
  #heldAck: Message | undefined;
  #isUnreachable = false;

  constructor({ link, blocks, dialTimeoutMs, wallMs, onMessage, onSnapshotSent }: PeerOptions) {
    this.link = link;
    this.#incoming = [
      new IncomingStream("msgapp", link, dialTimeoutMs, onMessage),
      new IncomingStream("message", link, dialTimeoutMs, onMessage),
    ];
    this.#pipeline = new Pipeline(link, blocks);
    this.#snapshots = new SnapshotSender(link, onSnapshotSent);
    this.#prober = new Prober(link, wallMs);
  }

  start(): void {
    for (const stream of this.#incoming) stream.start();
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#incoming) stream.close();
    this.#outgoing.message?.close();
    this.#outgoing.msgapp?.close();
    this.#pipeline.close();
    this.#snapshots.close();
    this.#prober.close();
  }

  get roundTripMs(): number | undefined {
    return this.#prober.roundTripMs;
  }

  get clockDriftMs(): number | undefined {
    return this.#prober.clockDriftMs;
  }

  /**
   * Queues a message of a batch. An acknowledgement that a later one of the batch covers is left out: progress is cumulative.
   * What cannot be queued is dropped, and {@link endBatch} reports it.
   */
  send(message: Message): void {
    if (message.type === MessageType.AppResp && !message.reject) {
      const held = this.#heldAck;
      if (held !== undefined && !covers(message, held)) this.#write(held);
      this.#heldAck = message;
      return;
    }
    this.#write(message);
  }

  /** Sends what was held back, and reports the peer once for all messages that were dropped. */
  endBatch(): void {
    const held = this.#heldAck;
    this.#heldAck = undefined;
    if (held !== undefined) this.#write(held);
    if (!this.#isUnreachable) return;
    this.#isUnreachable = false;
    this.link.counters.sentFailures.add();
    this.link.unreachable();
  }

  sendSnapshot(message: Message, database: Readable): void {
    this.#snapshots.send(message, database);
  }

  /** The peer opened a connection to be sent to; it replaces an older one of its kind. */
  attach(stream: OutgoingStream): void {
    this.#outgoing[stream.kind]?.close();
    this.#outgoing[stream.kind] = stream;
    this.link.status.succeeded();
    this.link.logger.info("established TCP streaming connection with remote peer", {
      "stream-writer-type": stream.kind,
    });
  }

  /** A connection it had opened is gone. */
  detach(stream: OutgoingStream, lost: boolean): void {
    const wasCurrent = this.#outgoing[stream.kind] === stream;
    if (wasCurrent) this.#outgoing[stream.kind] = undefined;
    if (this.#isClosed) return;
    if (wasCurrent) {
      this.link.status.failed(`write ${stream.kind} stream`, "connection closed");
      this.link.logger.warn("lost TCP streaming connection with remote peer", { "stream-writer-type": stream.kind });
    }
    if (!lost) return;
    this.link.counters.sentFailures.add();
    this.link.unreachable();
  }

  heartbeat(): void {
    this.#outgoing.message?.heartbeat();
    this.#outgoing.msgapp?.heartbeat();
  }

  probe(): void {
    this.#prober.probe();
  }

  #write(message: Message): void {
    const stream = this.#pick(message);
    if (!(stream ?? this.#pipeline).send(message)) this.#isUnreachable = true;
  }

  #pick(message: Message): OutgoingStream | undefined {
    const { message: general, msgapp } = this.#outgoing;
    if (message.type === MessageType.App && msgapp?.isOpen === true) return msgapp;
    return general?.isOpen === true ? general : undefined;
  }
}

function covers(newer: Message, older: Message): boolean {
  return newer.term === older.term && newer.index >= older.index;
}

/** The kinds of stream by the last part of their path. */
export const STREAM_KINDS: ReadonlySet<string> = new Set<StreamKind>(["message", "msgapp"]);
