import type { Histogram, Logger, Metrics } from "@quorate/base";
import type { Message, Snapshot } from "@quorate/raft";
import type { MemberStorage } from "@quorate/storage";
import { type ClusterMember, ETCD_VERSION, type Membership } from "../core/index.ts";
import type { EndpointUrl } from "./config/index.ts";
import { type PeerHttpSource, type PeerTls, PeerTransport } from "./peer/index.ts";
import { SnapshotTransfer } from "./snapshot-transfer.ts";

/** A member that was removed is told so before its connections end. */
const FAREWELL_MS = 500;

export interface PeersDeps {
  readonly storage: MemberStorage;
  readonly membership: Membership;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Seconds that taking in a snapshot took. */
  readonly snapshotSaved: Histogram;
  readonly tls: PeerTls | undefined;
  readonly http: PeerHttpSource;
  readonly dialTimeoutMs: number;
  readonly ownPeerUrls: () => readonly string[];
  readonly step: (message: Message) => void;
  /** See `SnapshotTransfer`. */
  readonly isRestoredAt: (index: number) => boolean;
  /** See {@link SnapshotTransfer}. */
  readonly fatal: (error: Error) => void;
  readonly reportUnreachable: (id: bigint) => void;
  /** A member's process has ended. May come again and again. */
  readonly onRefused: (id: bigint) => void;
  readonly reportSnapshot: (id: bigint, outcome: "delivered" | "failed") => void;
  /** A peer says that this member was removed. */
  readonly onRemoved: () => void;
}

/** The other members of the cluster, as this one talks to them. */
export class Peers {
  readonly #deps: PeersDeps;
  readonly #transport: PeerTransport;
  readonly snapshots: SnapshotTransfer;
  readonly #farewells = new Set<NodeJS.Timeout>();

  constructor(deps: PeersDeps) {
    this.#deps = deps;
    const { memberId, clusterId } = deps.storage.identity;
    this.#transport = new PeerTransport({
      memberId,
      clusterId,
      serverVersion: ETCD_VERSION,
      ownPeerUrls: deps.ownPeerUrls,
      tls: deps.tls,
      isRemoved: (id) => deps.membership.isRemoved(id),
      onMessage: deps.step,
      onSnapshot: (message, body) => this.snapshots.receive(message, body),
      onUnreachable: deps.reportUnreachable,
      onRefused: deps.onRefused,
      onSnapshotSent: deps.reportSnapshot,
      onRemovedFromCluster: deps.onRemoved,
      http: deps.http,
      logger: deps.logger,
      metrics: deps.metrics,
      nowMs: () => performance.now(),
      dialTimeoutMs: deps.dialTimeoutMs,
    });
    this.snapshots = new SnapshotTransfer({
      storage: deps.storage,
      membership: deps.membership,
      logger: deps.logger,
      saved: deps.snapshotSaved,
      send: (message, database) => this.#transport.sendSnapshot(message, database),
      failed: (id) => deps.reportSnapshot(id, "failed"),
      step: deps.step,
      isRestoredAt: deps.isRestoredAt,
      fatal: deps.fatal,
    });
  }

  /** Listens on every URL, or rejects naming the one that cannot be had. */
  async listen(urls: readonly EndpointUrl[]): Promise<void> {
    for (const url of urls) await this.#transport.listen(url);
  }

  /** Talks to a member from now on, or finds it at other URLs. */
  add({ id, peerUrls }: Pick<ClusterMember, "id" | "peerUrls">): void {
    if (id === this.#deps.storage.identity.memberId) return;
    this.#transport.addPeer(id, peerUrls);
    this.#transport.updatePeer(id, peerUrls);
  }

  /** A member is gone. It may still have to hear of that. */
  remove(id: bigint): void {
    const timer = setTimeout(() => {
      this.#farewells.delete(timer);
      this.#transport.removePeer(id);
    }, FAREWELL_MS);
    this.#farewells.add(timer);
  }

  /** Makes the connections those of the members: the membership has been replaced as a whole. */
  reconcile(before: readonly ClusterMember[]): void {
    const { membership } = this.#deps;
    for (const { id } of before) if (membership.get(id) === undefined) this.#transport.removePeer(id);
    for (const member of membership.list()) this.add(member);
  }

  send(messages: readonly Message[]): void {
    this.#transport.send(messages);
  }

  sendSnapshot(message: Message, snapshot: Snapshot): void {
    this.snapshots.send(message, snapshot);
  }

  /** Since when a member is connected, on the clock of `performance.now()`; undefined while it is not. */
  activeSince(id: bigint): number | undefined {
    return this.#transport.activeSince(id);
  }

  async close(): Promise<void> {
    for (const timer of this.#farewells) clearTimeout(timer);
    await this.#transport.close();
  }
}
