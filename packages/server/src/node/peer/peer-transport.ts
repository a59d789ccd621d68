import type { Readable } from "node:stream";
import { type Logger, type Metrics, NO_METRICS } from "@quorate/base";
import { type Message, MessageType } from "@quorate/raft";
import type { EndpointUrl } from "../config/index.ts";
import { EntryBlocks } from "./entry-blocks.ts";
import { OutgoingStream } from "./outgoing-stream.ts";
import { Peer } from "./peer.ts";
import { PeerDialer } from "./peer-dialer.ts";
import { hex, type PeerIdentity, requestHeaders } from "./peer-headers.ts";
import { PeerHttpHandler } from "./peer-http-handler.ts";
import type { PeerHttpSource } from "./peer-http-source.ts";
import type { PeerLink } from "./peer-link.ts";
import { type PeerCounters, PeerMetrics } from "./peer-metrics.ts";
import { PeerServer } from "./peer-server.ts";
import { PeerStatus } from "./peer-status.ts";
import type { PeerTls } from "./peer-tls.ts";
import { PeerUrls } from "./peer-urls.ts";
import { Pipeline } from "./pipeline.ts";
import { PROBE_INTERVAL_MS } from "./prober.ts";
import { type SnapshotOutcome, SnapshotSender } from "./snapshot-sender.ts";

/** An idle connection gets a heartbeat so often: a third of what its reader bears. */
const HEARTBEAT_INTERVAL_MS = 5000 / 3;
/** Members known by their return address alone. More than a cluster ever has; strangers must not fill memory. */
const REMOTES_MAX = 64;
const DIAL_TIMEOUT_MS = 2000;

/** What the transport needs, and whom it tells. No callback may throw, but for broken invariants. */
export interface PeerTransportDeps {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** The etcd release this member stands for, `x.y.z`. */
  readonly serverVersion: string;
  /** URLs this member can be reached at, named to members that do not know it. */
  readonly ownPeerUrls: () => readonly string[];
  readonly tls: PeerTls | undefined;
  /** Whether an ID is in the replicated set of removed members. */
  readonly isRemoved: (id: bigint) => boolean;
  /** A message for this member, never a MsgSnap, in the order of arrival from its sender. */
  readonly onMessage: (message: Message) => void;
  /**
   * A snapshot: `body` is the database file, read at the caller's pace. Resolves once it is on disk and stepped; a rejection
   * is answered as failure.
   */
  readonly onSnapshot: (message: Message, body: Readable) => Promise<void>;
  /** Messages to this member were lost. */
  readonly onUnreachable: (id: bigint) => void;
  /** Nobody listens where this member is to be found: its process has ended. May come again and again. */
  readonly onRefused: (id: bigint) => void;
  /** How {@link PeerTransport.sendSnapshot} ended. */
  readonly onSnapshotSent: (id: bigint, outcome: SnapshotOutcome) => void;
  /** A peer says that this member was removed from the cluster. May come more than once. */
  readonly onRemovedFromCluster: () => void;
  /** Answers for the paths beside raft. */
  readonly http: PeerHttpSource;
  readonly logger: Logger;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970; the runtime's clock if absent. */
  readonly wallMs?: () => number;
  readonly metrics?: Metrics;
  /** How long connecting to a peer may take; etcd: 1 s and the election timeout. Default 2 s. */
  readonly dialTimeoutMs?: number;
}

/** Somebody who is no peer, but told us where to answer. */
interface Remote {
  readonly link: PeerLink;
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotSender;
}

/**
 * Carries raft messages between this member and the others, as etcd does. Delivery is not guaranteed, order within one of
 * the paths is. Never throws, never blocks, and holds a bounded amount of what a slow peer does not take.
 * Source: peer protocol page; etcd rafthttp.
 */
export class PeerTransport {
  readonly #deps: PeerTransportDeps;
  readonly #identity: PeerIdentity;
  readonly #dialer: PeerDialer;
  readonly #server: PeerServer;
  readonly #metrics: PeerMetrics;
  readonly #blocks = new EntryBlocks();
  readonly #peers = new Map<bigint, Peer>();
  readonly #remotes = new Map<bigint, Remote>();
  readonly #wallMs: () => number;
  /** Peers that have messages in the batch being sent. */
  readonly #touched: Peer[] = [];
  #heartbeats: NodeJS.Timeout | undefined;
  #probes: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Throws when a certificate or key cannot be read. */
  constructor(deps: PeerTransportDeps) {
    const { memberId, clusterId, serverVersion, tls, logger, http } = deps;
    this.#deps = deps;
    this.#identity = { memberId, clusterId, serverVersion };
    this.#dialer = new PeerDialer(tls?.client);
    this.#metrics = new PeerMetrics(deps.metrics ?? NO_METRICS, memberId);
    this.#wallMs = deps.wallMs ?? Date.now;
    this.#server = new PeerServer({
      identity: this.#identity,
      tls: tls?.server,
      logger,
      http: new PeerHttpHandler(http, clusterId),
      wallMs: this.#wallMs,
      isRemoved: deps.isRemoved,
      isPeer: (id) => this.#peers.has(id),
      onSender: (id, urls) => this.addRemote(id, urls),
      onMessage: (message, bytes) => {
        this.#metrics.of(message.from).receivedBytes.add(bytes);
        deps.onMessage(message);
      },
      onSnapshot: (message, body) =>
        receiveCounted(this.#metrics.of(message.from), deps.onSnapshot(message, body), deps.nowMs),
      onStream: (kind, from, socket) => {
        const peer = this.#peers.get(from);
        if (peer === undefined || this.#isClosed) {
          socket.destroy();
          return;
        }
        const events = { closed: (stream: OutgoingStream, lost: boolean): void => peer.detach(stream, lost) };
        peer.attach(new OutgoingStream(kind, socket, this.#blocks, this.#metrics.of(from), events));
      },
    });
  }

  /** Begins to talk to a member; one that is known already keeps its connections. Never this member itself. */
  addPeer(id: bigint, urls: readonly string[]): void {
    if (this.#isClosed || this.#peers.has(id) || id === this.#deps.memberId) return;
    this.#dropRemote(id);
    const peer = new Peer({
      link: this.#link(id, urls),
      blocks: this.#blocks,
      dialTimeoutMs: this.#deps.dialTimeoutMs ?? DIAL_TIMEOUT_MS,
      wallMs: this.#wallMs,
      onMessage: (message) => this.#receive(message),
      onSnapshotSent: (outcome) => this.#deps.onSnapshotSent(id, outcome),
    });
    this.#peers.set(id, peer);
    this.#startTimers();
    peer.start();
  }

  /** The member is to be found elsewhere; open connections stay. */
  updatePeer(id: bigint, urls: readonly string[]): void {
    (this.#peers.get(id) ?? this.#remotes.get(id))?.link.urls.update(urls);
  }

  /** Ends all connections with a member. */
  removePeer(id: bigint): void {
    const peer = this.#peers.get(id);
    peer?.close();
    peer?.link.counters.active.set(0);
    this.#peers.delete(id);
    this.#dropRemote(id);
  }

  /** Somebody who is no member in our eyes but may be answered, by POST alone. Nothing happens if the ID is known. */
  addRemote(id: bigint, urls: readonly string[]): void {
    if (this.#isClosed || id === this.#deps.memberId || this.#peers.has(id) || this.#remotes.has(id)) return;
    if (this.#remotes.size >= REMOTES_MAX) return;
    const link = this.#link(id, urls);
    this.#remotes.set(id, {
      link,
      pipeline: new Pipeline(link, this.#blocks),
      snapshots: new SnapshotSender(link, (outcome) => this.#deps.onSnapshotSent(id, outcome)),
    });
    link.logger.info("added new remote peer", { urls });
  }

  /**
   * Sends a batch: everything for one peer in one write per connection, with what else is sent in this turn of the event
   * loop. What cannot be queued is dropped and reported. A MsgSnap does not belong here and is dropped.
   */
  send(messages: readonly Message[]): void {
    const touched = this.#touched;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as Message;
      const peer = this.#peers.get(message.to);
      if (message.type === MessageType.Snap || this.#isClosed) continue;
      if (peer === undefined) this.#remotes.get(message.to)?.pipeline.send(message);
      else {
        peer.send(message);
        if (!touched.includes(peer)) touched.push(peer);
      }
    }
    for (const peer of touched) peer.endBatch();
    touched.length = 0;
  }

  /** Sends a MsgSnap and the database that belongs to it. The outcome comes through `onSnapshotSent`, once, later. */
  sendSnapshot(message: Message, dbBytes: Readable): void {
    const { to } = message;
    // What fails before it is sent to is destroyed with an error that nobody else listens for.
    dbBytes.on("error", () => {});
    const peer = this.#peers.get(to);
    const remote = this.#remotes.get(to);
    if (this.#isClosed || (peer === undefined && remote === undefined)) {
      dbBytes.destroy();
      process.nextTick(() => this.#deps.onSnapshotSent(to, "failed"));
    } else if (peer === undefined) remote?.snapshots.send(message, dbBytes);
    else peer.sendSnapshot(message, dbBytes);
  }

  /** Since when the member is connected, on the clock of `nowMs`; undefined while it is not. */
  activeSince(id: bigint): number | undefined {
    return this.#peers.get(id)?.link.status.activeSince;
  }

  /** Of the newest probe a member answered, in ms. */
  roundTripMs(id: bigint): number | undefined {
    return this.#peers.get(id)?.roundTripMs;
  }

  /** Serves peers on one more URL; resolves to the port. Rejects naming the URL when that is not possible. */
  listen(url: EndpointUrl): Promise<number> {
    return this.#server.listen(url);
  }

  /** Ends everything. Nothing is called back afterwards but outcomes of snapshots that were under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#heartbeats);
    clearInterval(this.#probes);
    for (const peer of this.#peers.values()) peer.close();
    for (const id of this.#remotes.keys()) this.#dropRemote(id);
    this.#peers.clear();
    await this.#server.close();
  }

  #startTimers(): void {
    this.#heartbeats ??= setInterval(() => {
      for (const peer of this.#peers.values()) peer.heartbeat();
    }, HEARTBEAT_INTERVAL_MS);
    this.#probes ??= setInterval(() => {
      for (const peer of this.#peers.values()) peer.probe();
    }, PROBE_INTERVAL_MS);
  }

  /** From a stream. Messages to others, from removed members, and snapshots without their database end here. */
  #receive(message: Message): void {
    if (this.#isClosed || message.to !== this.#deps.memberId || message.type === MessageType.Snap) return;
    if (this.#deps.isRemoved(message.from)) return;
    this.#deps.onMessage(message);
  }

  #dropRemote(id: bigint): void {
    const remote = this.#remotes.get(id);
    this.#remotes.delete(id);
    remote?.pipeline.close();
    remote?.snapshots.close();
  }

  #link(id: bigint, urls: readonly string[]): PeerLink {
    const { memberId, nowMs, ownPeerUrls, onUnreachable, onRemovedFromCluster } = this.#deps;
    const counters = this.#metrics.of(id);
    const logger = this.#deps.logger.child({ "local-member-id": hex(memberId), "remote-peer-id": hex(id) });
    return {
      id,
      localId: memberId,
      urls: new PeerUrls(urls),
      dialer: this.#dialer,
      headers: () => requestHeaders(this.#identity, ownPeerUrls()),
      status: new PeerStatus(logger, nowMs, counters),
      counters,
      logger,
      nowMs,
      // Later, as the receiver may well send when it hears of it.
      unreachable: () =>
        process.nextTick(() => {
          if (!this.#isClosed) onUnreachable(id);
        }),
      refused: () => {
        if (!this.#isClosed) this.#deps.onRefused(id);
      },
      removed: () => {
        if (!this.#isClosed) onRemovedFromCluster();
      },
    };
  }
}

/** Arrivals at the same time from one peer are counted together. */
const arriving = new WeakMap<PeerCounters, number>();

/** Counts a snapshot that is arriving, and how that ends. */
async function receiveCounted(counters: PeerCounters, arrival: Promise<void>, nowMs: () => number): Promise<void> {
  const beginMs = nowMs();
  const count = (change: number): void => {
    const inFlight = (arriving.get(counters) ?? 0) + change;
    arriving.set(counters, inFlight);
    counters.snapshotReceiveInflights.set(inFlight);
  };
  count(1);
  try {
    await arrival;
    counters.snapshotReceiveSuccess.add();
    counters.snapshotReceiveDuration.observe((nowMs() - beginMs) / 1000);
  } catch (error) {
    counters.snapshotReceiveFailures.add();
    throw error;
  } finally {
    count(-1);
  }
}
