import { describe, expect, it } from "@jest/globals";
import type { Metadata } from "@quorate/grpc";
import { HeartbeatLateness } from "../../src/node/heartbeat-lateness.ts";
import { ClientVersions } from "../../src/node/metrics/client-versions.ts";
import { PrometheusMetrics, SampledDurations } from "../../src/node/metrics/index.ts";

describe("SampledDurations", () => {
  it("times the first and every sixteenth, for those between too, and counts each", () => {
    const metrics = new PrometheusMetrics();
    const succeeded = metrics.histogram("s_seconds", "S.", [1]);
    const failed = metrics.histogram("f_seconds", "F.", [1]);
    let nowMs = 0;
    let looks = 0;
    const durations = new SampledDurations(succeeded, failed, () => {
      looks++;
      return nowMs;
    });
    const run = (tookMs: number, isOk: boolean): void => {
      durations.begin();
      nowMs += tookMs;
      durations.end(isOk);
    };

    run(2000, true);
    expect([succeeded.count, succeeded.sum, looks]).toEqual([1, 2, 2]);
    for (let i = 0; i < 14; i++) run(500, true);
    run(500, false);
    expect([succeeded.count, failed.count, looks]).toEqual([1, 0, 2]);
    durations.tell();
    expect([succeeded.count, succeeded.sum, failed.count, failed.sum]).toEqual([15, 30, 1, 2]);
    run(3000, true);
    expect([succeeded.count, succeeded.sum, looks]).toEqual([16, 33, 4]);
  });
});

describe("HeartbeatLateness", () => {
  it("counts heartbeats more than two intervals after the last, once for each that they are for, while this member leads", () => {
    let late = 0;
    const lateness = new HeartbeatLateness(100, { add: (count = 1) => void (late += count) });
    lateness.ticked(0, 2);
    lateness.ticked(200, 2);
    expect(late).toBe(0);
    lateness.ticked(401, 2);
    expect(late).toBe(2);
    lateness.ticked(500, 0);
    lateness.ticked(5000, 2);
    expect(late).toBe(2);
  });
});

describe("ClientVersions", () => {
  const metadata = (version: string | undefined): Metadata => ({
    get: (name) => (name === "client-api-version" ? version : undefined),
    getAll: () => [],
    entries: () => [][Symbol.iterator](),
  });

  it("counts by what a client says, and lets none choose what is printed or how much", async () => {
    const metrics = new PrometheusMetrics();
    const versions = new ClientVersions(metrics);
    const head = metadata("3.5");
    versions.called(true, head);
    versions.called(true, head);
    versions.called(false, head);
    versions.called(true, undefined);
    versions.called(true, metadata('x"} 1\n'));
    for (let i = 0; i < 200; i++) versions.called(true, metadata(`v${i}`));

    const lines = (await metrics.exposition()).split("\n").filter((line) => line.includes("client_requests_total{"));
    expect(lines).toContain('etcd_server_client_requests_total{client_api_version="3.5",type="unary"} 2');
    expect(lines).toContain('etcd_server_client_requests_total{client_api_version="3.5",type="stream"} 1');
    // With unknown and 3.5 there are 64.
    expect(lines).toContain('etcd_server_client_requests_total{client_api_version="unknown",type="unary"} 140');
    expect(lines).toHaveLength(128);
  });
});
