import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { b } from "../node/support/etcd-client.ts";
import { TestCluster } from "../node/support/test-cluster.ts";
import { parsePromql } from "./promql.ts";
import { Scrape } from "./scraped.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

function file(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../../${name}`, import.meta.url)), "utf8");
}

const rules = (parse(file("dashboards/alerts.yaml")) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules);
const dashboard = JSON.parse(file("dashboards/grafana.json")) as Dashboard;
const targets = dashboard.panels.flatMap(({ targets: all }) => all ?? []);

/** Prometheus adds these to every series; `up` is its own. */
const ADDED_LABELS = ["job", "instance"];
const OWN_METRICS = new Map([["up", ADDED_LABELS]]);

let cluster: TestCluster | undefined;
let own = new Scrape("");

beforeAll(async () => {
  cluster = await TestCluster.start(2, ["--metrics=extensive"]);
  const leader = await cluster.leader();
  await cluster.client(leader).put({ key: b("k"), value: b("v") });
  own = new Scrape((await cluster.node(leader).http("/metrics")).body);
});

afterAll(async () => {
  await cluster?.close();
});

/** The labels of a metric; undefined where a server prints none of the name, or of a histogram only the name itself. */
function labelsOf(name: string): readonly string[] | undefined {
  const external = OWN_METRICS.get(name);
  if (external !== undefined) return external;
  const family = own.families.get(name);
  if (family !== undefined) return family.type === "histogram" ? undefined : [...family.labels, ...ADDED_LABELS];
  const part = /^(.*)_(bucket|sum|count)$/.exec(name);
  const histogram = own.families.get(part?.[1] ?? "");
  if (histogram?.type !== "histogram") return undefined;
  return [...histogram.labels, ...ADDED_LABELS, ...(part?.[2] === "bucket" ? ["le"] : [])];
}

/** What is wrong with an expression, seen from what a server prints. */
function problems(expression: string): string[] {
  const { grouping, uses } = parsePromql(expression.replaceAll("$__rate_interval", "5m"));
  const found: string[] = uses.length === 0 ? ["no metric"] : [];
  for (const { labels, name } of uses) {
    const known = labelsOf(name);
    if (known === undefined) found.push(`no metric ${name}`);
    for (const label of [...labels, ...grouping]) {
      if (known !== undefined && !known.includes(label)) found.push(`${name} has no label ${label}`);
    }
    if (name.endsWith("_bucket") && !grouping.includes("le")) found.push(`${name} is summed without le`);
  }
  return found;
}

describe("PromQL", () => {
  it("is taken apart into metrics and labels, or refused", () => {
    expect(parsePromql('sum by (x) (rate(a_total{b="c", d=~"e"}[5m])) / on (y) f > 1')).toEqual({
      uses: [
        { name: "a_total", labels: ["b", "d"] },
        { name: "f", labels: [] },
      ],
      grouping: ["x", "y"],
    });
    expect(() => parsePromql("sum by (x (a)")).toThrow("no PromQL");
  });

  it("that names what there is not is found out", () => {
    expect(problems("rate(etcd_server_nothing_total[5m])")).toEqual(["no metric etcd_server_nothing_total"]);
    expect(problems("sum by (To) (etcd_server_has_leader)")).toEqual(["etcd_server_has_leader has no label To"]);
    expect(problems("etcd_disk_wal_fsync_duration_seconds")).toHaveLength(1);
    expect(problems("sum(etcd_disk_wal_fsync_duration_seconds_bucket)")).toHaveLength(1);
  });
});

describe("the alerts", () => {
  it("ask for metrics and labels that a server has", () => {
    expect(rules.length).toBeGreaterThan(12);
    expect(rules.flatMap(({ alert, expr }) => problems(expr).map((problem) => `${alert}: ${problem}`))).toEqual([]);
  });

  it("have a duration, a severity, a summary that uses labels they have, and an entry in the documentation", () => {
    const page = file("docs/monitoring.md");
    for (const rule of rules) {
      expect([rule.alert, rule.for]).toEqual([rule.alert, expect.stringMatching(/^\d+m$/)]);
      expect(["critical", "warning", "info"]).toContain(rule.labels["severity"]);
      expect([rule.alert, page.includes(`| \`${rule.alert}\` `)]).toEqual([rule.alert, true]);
      const { grouping, uses } = parsePromql(rule.expr);
      const has = grouping.length > 0 ? grouping : (labelsOf(uses[0]?.name ?? "") ?? []);
      const texts = Object.values(rule.annotations).join(" ");
      for (const [, label = ""] of texts.matchAll(/\$labels\.(\w+)/g)) {
        expect([rule.alert, has]).toEqual([rule.alert, expect.arrayContaining([label])]);
      }
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe("the dashboard", () => {
  it("asks for metrics and labels that a server has", () => {
    expect(targets.length).toBeGreaterThan(30);
    expect(targets.flatMap(({ expr }) => problems(expr).map((problem) => `${expr}: ${problem}`))).toEqual([]);
  });

  it("names series by labels that they have", () => {
    for (const { expr, legendFormat } of targets) {
      const { grouping, uses } = parsePromql(expr.replaceAll("$__rate_interval", "5m"));
      const has = grouping.length > 0 ? grouping : (labelsOf(uses[0]?.name ?? "") ?? []);
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        expect([expr, has]).toEqual([expr, expect.arrayContaining([label])]);
      }
    }
  });

  it("has panels with IDs of their own that do not overlap", () => {
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it("chooses clusters and members by a metric that is there", () => {
    const queries = dashboard.templating.list.filter(({ name }) => name !== "datasource").map(({ query }) => query);
    expect(queries).toHaveLength(2);
    for (const query of queries) {
      const [, selector = ""] = /^label_values\((.*), (?:job|instance)\)$/.exec(query) ?? [];
      expect(problems(selector)).toEqual([]);
    }
  });
});
