import { describe, expect, it } from "@jest/globals";
import {
  BACKUP_METRICS,
  backupSamples,
  backupWithDefaults,
  type EtcdBackup,
  type EtcdBackupStatus,
  HOUR_MS,
  parseRfc3339,
  rfc3339,
  scheduleWithDefaults,
  withDefaults,
} from "../../../src/core/index.ts";

const NOW = parseRfc3339("2026-05-10T12:00:00Z") ?? 0;

const SCHEDULE = scheduleWithDefaults({
  apiVersion: "etcd.quorate.dev/v1alpha1",
  kind: "EtcdBackupSchedule",
  metadata: { name: "hourly", namespace: "ns", creationTimestamp: rfc3339(NOW - 100 * HOUR_MS) },
  spec: { clusterRef: { name: "demo" }, schedule: "@hourly", template: { destination: { pvc: { claimName: "c" } } } },
  status: {
    lastSuccessfulTime: rfc3339(NOW - HOUR_MS),
    nextScheduleTime: rfc3339(NOW + HOUR_MS),
    lastDrill: { time: rfc3339(NOW - 2 * HOUR_MS), result: "Failed" },
    kept: { total: 9, hourly: 9 },
    conditions: [{ type: "Fresh", status: "True", reason: "Fresh", message: "", lastTransitionTime: rfc3339(NOW) }],
  },
});

function backup(hoursAgo: number, status: EtcdBackupStatus): EtcdBackup {
  return backupWithDefaults({
    apiVersion: "etcd.quorate.dev/v1alpha1",
    kind: "EtcdBackup",
    metadata: { name: `b${hoursAgo}`, namespace: "ns", creationTimestamp: rfc3339(NOW - hoursAgo * HOUR_MS) },
    spec: { clusterRef: { name: "demo" }, destination: { pvc: { claimName: "c" } } },
    status,
  });
}

function done(hoursAgo: number, sizeBytes: number): EtcdBackup {
  const verification = { level: "Open", result: "Passed", time: rfc3339(NOW), durationSeconds: 1 } as const;
  const startedAt = rfc3339(NOW - hoursAgo * HOUR_MS);
  return backup(hoursAgo, {
    phase: "Completed",
    revision: "900",
    sizeBytes,
    durationSeconds: 40,
    startedAt,
    verification,
  });
}

describe("backupSamples", () => {
  const cluster = withDefaults({
    apiVersion: "etcd.quorate.dev/v1alpha1",
    kind: "EtcdCluster",
    metadata: { name: "demo", namespace: "ns" },
    spec: {},
    status: { revision: "1000" },
  });
  const failed = backup(9, {
    phase: "Failed",
    conditions: [{ type: "Failed", status: "True", reason: "NoQuorum", message: "", lastTransitionTime: rfc3339(NOW) }],
  });
  const backups = [done(1, 40), done(2, 100), done(3, 90), done(4, 110), failed];
  const samples = backupSamples(SCHEDULE, backups, cluster, NOW);
  const value = (name: keyof typeof BACKUP_METRICS): number | undefined =>
    samples.find(({ metric }) => metric === BACKUP_METRICS[name])?.value;

  it("says what the alerts ask", () => {
    expect({
      fresh: value("fresh"),
      staleAfter: value("staleAfter"),
      interval: value("interval"),
      lastSuccess: value("lastSuccess"),
      drillPassed: value("drillPassed"),
      drillInterval: value("drillInterval"),
      sizeRatio: value("sizeRatio"),
      duration: value("duration"),
      revisionDistance: value("revisionDistance"),
      restorableAge: value("restorableAge"),
    }).toEqual({
      fresh: 1,
      staleAfter: 7200,
      interval: 3600,
      lastSuccess: NOW / 1000 - 3600,
      drillPassed: 0,
      drillInterval: 86_400,
      sizeRatio: 0.4,
      duration: 40,
      revisionDistance: 100,
      restorableAge: 3600,
    });
  });

  it("names tiers and reasons", () => {
    expect(samples).toContainEqual({
      metric: BACKUP_METRICS.failed,
      labels: { namespace: "ns", cluster: "demo", schedule: "hourly", reason: "NoQuorum" },
      value: 1,
    });
    expect(samples.filter(({ metric }) => metric === BACKUP_METRICS.kept).map(({ labels }) => labels["tier"])).toEqual([
      "total",
      "hourly",
    ]);
  });

  it("says nothing of freshness while the schedule rests, so that no alert is raised", () => {
    const conditions = [
      {
        type: "Fresh",
        status: "Unknown" as const,
        reason: "Hibernated",
        message: "",
        lastTransitionTime: rfc3339(NOW),
      },
    ];
    const resting = backupSamples({ ...SCHEDULE, status: { ...SCHEDULE.status, conditions } }, backups, cluster, NOW);

    expect(
      resting.filter(({ metric }) => metric === BACKUP_METRICS.fresh || metric === BACKUP_METRICS.nextSchedule),
    ).toEqual([]);
  });

  it("has numbers only", () => {
    const empty = backupSamples(scheduleWithDefaults({ ...SCHEDULE, status: {} }), [], undefined, NOW);

    for (const sample of [...samples, ...empty]) expect(Number.isFinite(sample.value)).toBe(true);
  });
});
