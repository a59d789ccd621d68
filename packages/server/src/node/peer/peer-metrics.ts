import { type Counter, exponentialBuckets, type Gauge, type Histogram, type Metrics } from "@quorate/base";
import { hex } from "./peer-headers.ts";

/** What is counted of one peer. */
export interface PeerCounters {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  readonly sentFailures: Counter;
  readonly receivedFailures: Counter;
  /** Of the prober, in seconds. */
  readonly roundTrip: Histogram;
  readonly snapshotSendSuccess: Counter;
  readonly snapshotSendFailures: Counter;
  readonly snapshotSendInflights: Gauge;
  /** Seconds. */
  readonly snapshotSendDuration: Histogram;
  readonly snapshotReceiveSuccess: Counter;
  readonly snapshotReceiveFailures: Counter;
  readonly snapshotReceiveInflights: Gauge;
  /** Seconds. */
  readonly snapshotReceiveDuration: Histogram;
  /** 1 while the peer can be reached. */
  readonly active: Gauge;
  readonly disconnected: Counter;
}

type SnapshotCounters = Pick<PeerCounters, Extract<keyof PeerCounters, `snapshot${string}`>>;

/** Names and buckets are etcd's; counters of peers it has not met do not exist yet. */
export class PeerMetrics {
  readonly #metrics: Metrics;
  readonly #peers = new Map<bigint, PeerCounters>();

  readonly #localId: bigint;

  constructor(metrics: Metrics, localId: bigint) {
    this.#metrics = metrics;
    this.#localId = localId;
  }

  /** The counters of one peer, the same each time: a peer that is removed and added again counts on. */
  of(id: bigint): PeerCounters {
    let counters = this.#peers.get(id);
    if (counters === undefined) {
      counters = this.#create(hex(id));
      this.#peers.set(id, counters);
    }
    return counters;
  }

  #create(id: string): PeerCounters {
    const metrics = this.#metrics;
    const [to, from, between] = [{ To: id }, { From: id }, { Local: hex(this.#localId), Remote: id }];
    return {
      sentBytes: metrics.counter("etcd_network_peer_sent_bytes_total", "Bytes sent to peers.", to),
      receivedBytes: metrics.counter("etcd_network_peer_received_bytes_total", "Bytes received from peers.", from),
      sentFailures: metrics.counter("etcd_network_peer_sent_failures_total", "Sends to peers that failed.", to),
      receivedFailures: metrics.counter(
        "etcd_network_peer_received_failures_total",
        "Receives from peers that failed.",
        from,
      ),
      roundTrip: metrics.histogram(
        "etcd_network_peer_round_trip_time_seconds",
        "Seconds a probe of a peer took.",
        exponentialBuckets(0.0001, 2, 16),
        to,
      ),
      ...this.#snapshots(to, from),
      active: metrics.gauge("etcd_network_active_peers", "1 while the peer can be reached.", between),
      disconnected: metrics.counter("etcd_network_disconnected_peers_total", "Times the peer was lost.", between),
    };
  }

  #snapshots(to: { readonly To: string }, from: { readonly From: string }): SnapshotCounters {
    const metrics = this.#metrics;
    const name = (rest: string): string => `etcd_network_snapshot_${rest}`;
    const seconds = exponentialBuckets(0.1, 2, 10);
    return {
      snapshotSendSuccess: metrics.counter(name("send_success"), "Snapshots sent.", to),
      snapshotSendFailures: metrics.counter(name("send_failures"), "Snapshots not sent.", to),
      snapshotSendInflights: metrics.gauge(name("send_inflights_total"), "Snapshots being sent.", to),
      snapshotSendDuration: metrics.histogram(
        name("send_total_duration_seconds"),
        "Seconds sending a snapshot took.",
        seconds,
        to,
      ),
      snapshotReceiveSuccess: metrics.counter(name("receive_success"), "Snapshots received.", from),
      snapshotReceiveFailures: metrics.counter(name("receive_failures"), "Snapshots not received.", from),
      snapshotReceiveInflights: metrics.gauge(name("receive_inflights_total"), "Snapshots being received.", from),
      snapshotReceiveDuration: metrics.histogram(
        name("receive_total_duration_seconds"),
        "Seconds receiving a snapshot took.",
        seconds,
        from,
      ),
    };
  }
}
