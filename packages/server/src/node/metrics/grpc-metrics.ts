import type { Counter, Histogram, Metrics } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";
import { GRPC_CODE_NAMES } from "@quorate/protocol";
import { ClientVersions } from "./client-versions.ts";
import { COUNTED_METHODS, STREAMING } from "./grpc-methods.ts";
import { REQUEST_TYPES, RequestTimes } from "./request-times.ts";
import type { ServerMetrics } from "./server-metrics.ts";

/** Prometheus' default buckets, which grpc-prometheus uses: seconds. */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface MethodMetrics {
  readonly started: Counter;
  readonly received: Counter;
  readonly sent: Counter;
  /** By status code. */
  readonly handled: readonly Counter[];
  /** Only with extensive metrics. */
  readonly seconds: Histogram | undefined;
  /** For methods that are requests of etcd's own count. */
  readonly times: RequestTimes | undefined;
  readonly streamFailures: ((code: number) => void) | undefined;
}

/** What the counters of calls are told by the server's other parts. */
export interface GrpcMetricsDeps {
  readonly extensive: boolean;
  readonly server: ServerMetrics;
  /** How many transactions of reads alone were answered since the start. */
  readonly readonlyTxns: () => number;
}

/**
 * Counts calls, messages and bytes of the gRPC server: the `grpc_server_*` family, the bytes of client traffic, and what etcd tells of
 * requests as a whole. Every method of the API starts at 0 for every code. Calls of other methods count in the bytes alone.
 */
export function grpcMetrics(metrics: Metrics, { extensive, readonlyTxns, server }: GrpcMetricsDeps): GrpcObserver {
  const methods = allMethods(metrics, extensive, server);
  const txn = methods.get("/etcdserverpb.KV/Txn");
  const readonlyTxn = new RequestTimes(server.requests.requestDuration, "ReadonlyTxn");
  const versions = new ClientVersions(metrics);
  let readonlySeen = 0;
  const sentBytes = metrics.counter(
    "etcd_network_client_grpc_sent_bytes_total",
    "Bytes of gRPC messages sent to clients.",
  );
  const receivedBytes = metrics.counter(
    "etcd_network_client_grpc_received_bytes_total",
    "Bytes of gRPC messages received from clients.",
  );
  return {
    callStarted(path, kind, metadata) {
      methods.get(path)?.started.add(1);
      versions.called(kind === "unary", metadata);
    },
    callEnded(path, _kind, code, tookMs) {
      const method = methods.get(path);
      if (method === undefined) return;
      method.handled[code]?.add(1);
      method.seconds?.observe(tookMs / 1000);
      method.streamFailures?.(code);
      // It was counted right before it was answered, which brought us here.
      const isReadonly = method === txn && readonlyTxns() !== readonlySeen;
      if (isReadonly) readonlySeen = readonlyTxns();
      (isReadonly ? readonlyTxn : method.times)?.observe(code === 0, tookMs / 1000);
    },
    messageReceived(path, bytes) {
      receivedBytes.add(bytes);
      methods.get(path)?.received.add(1);
    },
    messageSent(path, bytes) {
      sentBytes.add(bytes);
      methods.get(path)?.sent.add(1);
    },
  };
}

function allMethods(metrics: Metrics, extensive: boolean, server: ServerMetrics): Map<string, MethodMetrics> {
  const methods = new Map<string, MethodMetrics>();
  for (const [service, names] of Object.entries(COUNTED_METHODS)) {
    for (const name of names) {
      const path = `/${service}/${name}`;
      const labels = { grpc_type: STREAMING[path] ?? "unary", grpc_service: service, grpc_method: name };
      const type = REQUEST_TYPES[path];
      methods.set(path, {
        ...methodMetrics(metrics, extensive, labels),
        times: type === undefined ? undefined : new RequestTimes(server.requests.requestDuration, type),
        streamFailures: streamFailures(metrics, path),
      });
    }
  }
  return methods;
}

/** The streams that etcd counts failures of, and as what. */
const FAILING_STREAMS: Readonly<Record<string, string>> = {
  "/etcdserverpb.Watch/Watch": "watch",
  "/etcdserverpb.Lease/LeaseKeepAlive": "lease-keepalive",
};
/** What a message that cannot be taken, or is too large, ends a stream with: its client has not asked for that end. */
const RECEIVE_FAILURES: ReadonlySet<number> = new Set([8, 13]);

function streamFailures(metrics: Metrics, path: string): ((code: number) => void) | undefined {
  const api = FAILING_STREAMS[path];
  if (api === undefined) return undefined;
  return (code) => {
    if (!RECEIVE_FAILURES.has(code)) return;
    metrics
      .counter("etcd_network_server_stream_failures_total", "Streams that failed without their client's doing.", {
        Type: "receive",
        API: api,
      })
      .add(1);
  };
}

function methodMetrics(
  metrics: Metrics,
  extensive: boolean,
  labels: Readonly<Record<string, string>>,
): Omit<MethodMetrics, "times" | "streamFailures"> {
  return {
    started: metrics.counter("grpc_server_started_total", "RPCs started on the server.", labels),
    received: metrics.counter("grpc_server_msg_received_total", "RPC stream messages received on the server.", labels),
    sent: metrics.counter("grpc_server_msg_sent_total", "RPC stream messages sent by the server.", labels),
    handled: GRPC_CODE_NAMES.map((code) =>
      metrics.counter("grpc_server_handled_total", "RPCs completed on the server, by status code.", {
        ...labels,
        grpc_code: code,
      }),
    ),
    seconds: extensive
      ? metrics.histogram(
          "grpc_server_handling_seconds",
          "Seconds the server took to handle an RPC.",
          DEFAULT_BUCKETS,
          labels,
        )
      : undefined,
  };
}
