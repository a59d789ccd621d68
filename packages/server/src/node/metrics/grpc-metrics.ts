import type { Counter, Histogram, Metrics } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";
import { COUNTED_METHODS, GRPC_CODE_NAMES, STREAMING } from "./grpc-methods.ts";

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
}

/**
 * Counts calls, messages and bytes of the gRPC server: the `grpc_server_*` family and the bytes of client traffic. Every
 * method of the API starts at 0 for every code. Calls of other methods count in the bytes alone.
 */
export function grpcMetrics(metrics: Metrics, extensive: boolean): GrpcObserver {
  const methods = new Map<string, MethodMetrics>();
  for (const [service, names] of Object.entries(COUNTED_METHODS)) {
    for (const name of names) {
      const path = `/${service}/${name}`;
      const type = STREAMING[path] ?? "unary";
      methods.set(
        path,
        methodMetrics(metrics, extensive, { grpc_type: type, grpc_service: service, grpc_method: name }),
      );
    }
  }
  const sentBytes = metrics.counter(
    "etcd_network_client_grpc_sent_bytes_total",
    "Bytes of gRPC messages sent to clients.",
  );
  const receivedBytes = metrics.counter(
    "etcd_network_client_grpc_received_bytes_total",
    "Bytes of gRPC messages received from clients.",
  );
  return {
    callStarted(path) {
      methods.get(path)?.started.add(1);
    },
    callEnded(path, _kind, code, tookMs) {
      const method = methods.get(path);
      if (method === undefined) return;
      method.handled[code]?.add(1);
      method.seconds?.observe(tookMs / 1000);
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

function methodMetrics(metrics: Metrics, extensive: boolean, labels: Readonly<Record<string, string>>): MethodMetrics {
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
