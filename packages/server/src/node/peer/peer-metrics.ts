import { type Counter, exponentialBuckets, type Histogram, type Metrics } from "@quorate/base";
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
}

/** Names and buckets are etcd's; counters of peers it has not met do not exist yet. */
export class PeerMetrics {
  readonly #metrics: Metrics;
  readonly #peers = new Map<bigint, PeerCounters>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
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
    const [to, from] = [{ To: id }, { From: id }];
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
      snapshotSendSuccess: metrics.counter("etcd_network_snapshot_send_success", "Snapshots sent.", to),
      snapshotSendFailures: metrics.counter("etcd_network_snapshot_send_failures", "Snapshots not sent.", to),
    };
  }
}
