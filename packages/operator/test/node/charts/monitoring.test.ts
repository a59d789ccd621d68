import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";
import { ETCD_CLUSTERS, type Resource } from "../../../src/core/index.ts";
import { CLUSTER_METRICS, clusterSamples, observeClusters } from "../../../src/node/metrics/cluster-metrics.ts";
import { OperatorMetrics } from "../../../src/node/metrics/operator-metrics.ts";
import { registerBackupMetrics } from "../../../src/node/snapshots/index.ts";
import { CHART } from "./render.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string };
}

const rulesOf = (name: string): readonly Rule[] =>
  (parse(readFileSync(join(CHART, "files/rules", name), "utf8")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );
const dashboard = JSON.parse(readFileSync(join(CHART, "files/dashboards/operator.json"), "utf8")) as {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
};
const expressions: readonly (readonly [string, string])[] = [
  ...["operator.yaml", "backups.yaml"].flatMap(rulesOf).map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** Metrics and labels that an expression names. Throws where it is no PromQL. */
function usesOf(expression: string): { readonly names: readonly string[]; readonly labels: readonly string[] } {
  const names: string[] = [];
  const labels: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, from, to, node }) => {
      const text = expression.slice(from, to);
      if (name === "⚠") throw new Error(`no PromQL at ${from}: ${expression}`);
      if (name === "Identifier" && node.parent?.name === "VectorSelector") names.push(text);
      if (name === "LabelName") labels.push(text);
    },
  });
  return { names, labels };
}

/** Labels of every metric of the operator, by its name; those of histograms by the names of their series. */
async function known(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = new OperatorMetrics("1");
  metrics.observe({
    informers: () => [],
    queue: () => ({ depth: 0, working: 0, longestWaitMs: 0 }),
    isLeader: () => true,
  });
  const cache = { get: async () => undefined, list: async () => [] };
  registerBackupMetrics(metrics.registry, { cache, nowMs: () => 0, isActive: () => true });
  observeClusters(metrics.registry, cache, () => true);
  const found = new Map<string, readonly string[]>();
  for (const { name } of await metrics.registry.getMetricsAsJSON()) {
    const { labelNames = [] } = metrics.registry.getSingleMetric(name) as unknown as { labelNames?: readonly string[] };
    for (const suffix of ["", "_bucket", "_sum", "_count"])
      found.set(name + suffix, [...labelNames, ...(suffix === "_bucket" ? ["le"] : [])]);
  }
  return found;
}

describe("the operator's alerts and dashboard", () => {
  it.each(expressions)("%s asks for metrics and labels that the operator has", async (_title, expression) => {
    const metrics = await known();
    const { names, labels } = usesOf(expression.replaceAll("$__rate_interval", "5m"));
    const all = new Set(["instance", "job", ...names.flatMap((name) => metrics.get(name) ?? [])]);

    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !metrics.has(name))).toEqual([]);
    expect(labels.filter((label) => !all.has(label))).toEqual([]);
  });

  it("says of each alert how bad it is, what is wrong and what to do, and has each name once", () => {
    const rules = ["operator.yaml", "backups.yaml", "servers.yaml"].flatMap(rulesOf);

    for (const { labels, annotations } of rules) {
      expect(["critical", "warning", "info"]).toContain(labels.severity);
      expect(annotations.summary.length).toBeGreaterThan(20);
      expect((annotations.description ?? annotations.summary).length).toBeGreaterThan(20);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(readdirSync(join(CHART, "files/rules")).sort()).toEqual(["backups.yaml", "operator.yaml", "servers.yaml"]);
  });

  it("takes the figures of clusters from their status", () => {
    const time = (minute: number): string => new Date(minute * 60_000).toISOString();
    const meta = (kind: Resource, name: string, labels = {}) => ({
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { namespace: "ns", name, labels, creationTimestamp: time(0) },
    });
    const cluster = {
      ...meta(ETCD_CLUSTERS, "c"),
      spec: { replicas: 3 },
      status: {
        readyReplicas: 2,
        revision: "1500",
        lastObservedTime: time(10),
        conditions: [
          { type: "Ready", status: "False", reason: "MembersNotReady", message: "m", lastTransitionTime: time(1) },
        ],
        operation: { type: "ReplaceMember", member: "c-2", step: "Joining", startedAt: time(9) },
      },
    };
    const samples = clusterSamples([cluster] as never);
    const values = (name: string) => samples.get(name)?.map(({ value }) => value);

    expect(values("quorate_operator_cluster_ready_replicas")).toEqual([2]);
    expect(values("quorate_operator_cluster_voters")).toEqual([]);
    expect(samples.get("quorate_operator_cluster_condition")).toEqual([
      {
        labels: { namespace: "ns", cluster: "c", condition: "Ready", status: "False", reason: "MembersNotReady" },
        value: 1,
      },
    ]);
    expect(samples.get("quorate_operator_cluster_operation_start_timestamp_seconds")).toEqual([
      { labels: { namespace: "ns", cluster: "c", type: "ReplaceMember", member: "c-2", step: "Joining" }, value: 540 },
    ]);
    expect([...samples.keys()]).toEqual([...CLUSTER_METRICS.keys()]);
  });
});
