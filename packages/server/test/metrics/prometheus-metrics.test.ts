import { describe, expect, it } from "@jest/globals";
import type { GrpcObserver } from "@quorate/grpc";
import { grpcMetrics, PrometheusMetrics, serverMetrics } from "../../src/node/metrics/index.ts";
import { goFloat } from "../../src/node/metrics/instruments.ts";

/** The lines of one metric in a scrape. */
async function linesOf(metrics: PrometheusMetrics, name: string): Promise<string[]> {
  const text = await metrics.exposition();
  return text.split("\n").filter((line) => line.startsWith(name));
}

function observerOf(metrics: PrometheusMetrics, extensive: boolean): GrpcObserver {
  return grpcMetrics(metrics, { extensive, server: serverMetrics(metrics), readonlyTxns: () => 0 });
}

describe("PrometheusMetrics", () => {
  it("prints families by name, labels by name, the bound of a bucket last", async () => {
    const metrics = new PrometheusMetrics();
    metrics.gauge("zz_last", "Z.").set(2);
    const histogram = metrics.histogram("aa_seconds", "A.", [0.1, 1], { op: "Put", success: "true", a: "x" });
    histogram.observe(0.1);
    histogram.observe(0.5);
    histogram.observe(3);

    const text = await metrics.exposition();

    expect(text.slice(0, text.indexOf("# HELP nodejs"))).toBe(
      [
        "# HELP aa_seconds A.",
        "# TYPE aa_seconds histogram",
        'aa_seconds_bucket{a="x",op="Put",success="true",le="0.1"} 1',
        'aa_seconds_bucket{a="x",op="Put",success="true",le="1"} 2',
        'aa_seconds_bucket{a="x",op="Put",success="true",le="+Inf"} 3',
        'aa_seconds_sum{a="x",op="Put",success="true"} 3.6',
        'aa_seconds_count{a="x",op="Put",success="true"} 3',
        "",
      ].join("\n"),
    );
    expect(text.endsWith("# HELP zz_last Z.\n# TYPE zz_last gauge\nzz_last 2\n")).toBe(true);
  });

  it("gives the same instrument for the same name and labels, in any order", async () => {
    const metrics = new PrometheusMetrics();

    metrics.counter("c_total", "C.", { a: "1", b: "2" }).add();
    metrics.counter("c_total", "C.", { b: "2", a: "1" }).add(2);

    expect(await linesOf(metrics, "c_total")).toEqual(['c_total{a="1",b="2"} 3']);
  });

  it("refuses a name with another type or other labels", () => {
    const metrics = new PrometheusMetrics();
    metrics.counter("c_total", "C.", { a: "1" });

    expect(() => metrics.gauge("c_total", "C.", { a: "1" })).toThrow("a metric keeps its type");
    expect(() => metrics.counter("c_total", "C.", { b: "1" })).toThrow("a metric keeps its label names");
  });

  it("escapes label values", async () => {
    const metrics = new PrometheusMetrics();
    metrics.gauge("g", "G.", { x: 'a"b\\c\nd' }).set(1);

    expect(await linesOf(metrics, "g{")).toEqual(['g{x="a\\"b\\\\c\\nd"} 1']);
  });

  it("updates gauges before each scrape and shows what was made after the first", async () => {
    const metrics = new PrometheusMetrics();
    let n = 0;
    const gauge = metrics.gauge("g", "G.");
    metrics.beforeScrape(() => gauge.set(++n));

    expect(await linesOf(metrics, "g ")).toEqual(["g 1"]);
    metrics.counter("late_total", "L.").add(5);
    expect(await linesOf(metrics, "late_total ")).toEqual(["late_total 5"]);
    expect(gauge.value).toBe(2);
  });

  it("measures the process under the usual names", async () => {
    const text = await new PrometheusMetrics().exposition();

    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "process_open_fds",
      "process_max_fds",
      "process_start_time_seconds",
      "process_virtual_memory_bytes",
    ]) {
      expect(text).toContain(`\n${name} `);
    }
  });

  it.each([
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [0.0512, "0.0512"],
    [1, "1"],
    [0.8192, "0.8192"],
    [131072, "131072"],
    [1048576, "1.048576e+06"],
    [8388608, "8.388608e+06"],
    [1e21, "1e+21"],
  ])("prints %d as Go does", (value, text) => {
    expect(goFloat(value)).toBe(text);
  });
});

describe("serverMetrics", () => {
  it("shows what dashboards ask for from the first scrape", async () => {
    const metrics = new PrometheusMetrics();
    observerOf(metrics, false);
    const text = await metrics.exposition();

    for (const name of [
      "etcd_server_has_leader",
      "etcd_server_is_leader",
      "etcd_server_leader_changes_seen_total",
      "etcd_server_proposals_failed_total",
      "etcd_server_proposals_pending",
      "etcd_server_proposals_committed_total",
      "etcd_server_proposals_applied_total",
      "etcd_disk_wal_fsync_duration_seconds_bucket",
      "etcd_disk_backend_commit_duration_seconds_bucket",
      "etcd_mvcc_db_total_size_in_bytes",
      "etcd_mvcc_db_total_size_in_use_in_bytes",
      "etcd_server_quota_backend_bytes",
      "etcd_debugging_auth_revision",
      "etcd_network_client_grpc_sent_bytes_total",
      "etcd_network_client_grpc_received_bytes_total",
      "grpc_server_started_total",
      "grpc_server_handled_total",
    ]) {
      expect(text).toMatch(new RegExp(`^${name}[ {]`, "m"));
    }
  });

  it("says who it is", async () => {
    const metrics = new PrometheusMetrics();
    const server = serverMetrics(metrics);

    server.identify({
      serverVersion: "3.7.1",
      runtimeVersion: "v20",
      serverId: "8e9e05c52164694d",
      features: [{ name: "PriorityRequest", stage: "ALPHA", enabled: false }],
    });
    server.clusterVersion(undefined, "3.6");
    server.clusterVersion("3.6", "3.7");
    server.alarm("8e9e05c52164694d", "NOSPACE").set(1);

    expect(await linesOf(metrics, "etcd_server_version{")).toEqual(['etcd_server_version{server_version="3.7.1"} 1']);
    expect(await linesOf(metrics, "etcd_server_id{")).toEqual(['etcd_server_id{server_id="8e9e05c52164694d"} 1']);
    expect(await linesOf(metrics, "etcd_server_feature_enabled{")).toEqual([
      'etcd_server_feature_enabled{name="PriorityRequest",stage="ALPHA"} 0',
    ]);
    expect(await linesOf(metrics, "etcd_cluster_version{")).toEqual([
      'etcd_cluster_version{cluster_version="3.6"} 0',
      'etcd_cluster_version{cluster_version="3.7"} 1',
    ]);
    expect(await linesOf(metrics, "etcd_debugging_server_alarms{")).toEqual([
      'etcd_debugging_server_alarms{alarm_type="NOSPACE",server_id="8e9e05c52164694d"} 1',
    ]);
  });

  it("has etcd's buckets", async () => {
    const metrics = new PrometheusMetrics();
    serverMetrics(metrics).mvcc.leaseTtl.observe(60);

    const bounds = (await linesOf(metrics, "etcd_debugging_lease_ttl_total_bucket")).map(
      (l) => /le="([^"]*)"/.exec(l)?.[1],
    );

    expect(bounds.length).toBe(25);
    expect([bounds[0], bounds[6], bounds[23], bounds[24]]).toEqual(["1", "64", "8.388608e+06", "+Inf"]);
  });
});

describe("grpcMetrics", () => {
  it("starts every method at 0 for every code", async () => {
    const metrics = new PrometheusMetrics();
    observerOf(metrics, false);

    const handled = await linesOf(metrics, "grpc_server_handled_total{");
    const started = await linesOf(metrics, "grpc_server_started_total{");

    expect(started.length).toBe(45);
    expect(handled.length).toBe(45 * 17);
    expect(handled).toContain(
      'grpc_server_handled_total{grpc_code="OK",grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 0',
    );
    expect(await linesOf(metrics, "grpc_server_handling_seconds")).toEqual([]);
  });

  it("counts calls, messages, bytes and, when extensive, time", async () => {
    const metrics = new PrometheusMetrics();
    const observer = observerOf(metrics, true);
    const path = "/etcdserverpb.Watch/Watch";

    observer.callStarted?.(path, "bidi");
    observer.messageReceived?.(path, 10);
    observer.messageSent?.(path, 20);
    observer.messageSent?.(path, 22);
    observer.callEnded?.(path, "bidi", 1, 30);
    observer.callStarted?.("/x.Y/Z", "unary");
    observer.messageReceived?.("/x.Y/Z", 1);
    observer.callEnded?.("/x.Y/Z", "unary", 12, 1);

    const labels = 'grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"';
    const text = await metrics.exposition();
    for (const line of [
      `grpc_server_started_total{${labels}} 1`,
      `grpc_server_msg_received_total{${labels}} 1`,
      `grpc_server_msg_sent_total{${labels}} 2`,
      `grpc_server_handled_total{grpc_code="Canceled",${labels}} 1`,
      `grpc_server_handling_seconds_bucket{${labels},le="0.025"} 0`,
      `grpc_server_handling_seconds_bucket{${labels},le="0.05"} 1`,
      "etcd_network_client_grpc_received_bytes_total 11",
      "etcd_network_client_grpc_sent_bytes_total 42",
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
  });
});
