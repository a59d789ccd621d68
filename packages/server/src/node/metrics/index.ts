/** Metrics: the base port on plain fields, exposed through prom-client, and every instrument of the server by name. */
export type { DiskMetrics } from "./disk-metrics.ts";
export { type GrpcMetricsDeps, grpcMetrics } from "./grpc-metrics.ts";
export type { MvccMetrics } from "./mvcc-metrics.ts";
export { processMetrics } from "./process-metrics.ts";
export { EXPOSITION_CONTENT_TYPE, PrometheusMetrics } from "./prometheus-metrics.ts";
export { SampledDurations } from "./sampled-durations.ts";
export type { HealthMetrics, RaftMetrics, RequestMetrics, ServerFacts, ServerMetrics } from "./server-metrics.ts";
export { serverMetrics } from "./server-metrics.ts";
export { WatchSendTimes } from "./watch-send-metrics.ts";
