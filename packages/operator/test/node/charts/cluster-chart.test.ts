import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import { missingPeers, peersAreRequired, requirePeer } from "@quorate/testkit";
import { parse, parseAllDocuments } from "yaml";
import { type KubeObject, validate } from "../../../src/core/index.ts";
import { apiServerSuite, ROOT, TestApiServer } from "../kube/test-api-server.ts";

const CHART = join(ROOT, "charts", "quorate-cluster");
const missing = missingPeers(["helm"]);
const valuesFiles = ["ci", "examples"].flatMap((folder) =>
  readdirSync(join(CHART, folder)).map((name) => join(folder, name)),
);

interface Rendered extends KubeObject {
  readonly spec?: { readonly groups?: readonly Group[] } & Readonly<Record<string, unknown>>;
}
interface Group {
  readonly rules: readonly { readonly alert: string; readonly expr: string }[];
}

/** Output of helm; throws with what it said when it fails. */
function helm(...args: readonly string[]): string {
  return execFileSync(requirePeer("helm"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function template(...args: readonly string[]): string {
  return helm("template", "store", CHART, "--namespace", "prod", ...args);
}

function render(...args: readonly string[]): readonly Rendered[] {
  return parseAllDocuments(template(...args))
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

const ours = (objects: readonly Rendered[]): readonly Rendered[] =>
  objects.filter(({ apiVersion }) => apiVersion.startsWith("etcd.quorate.dev/"));

describe("the chart quorate-cluster", () => {
  if (missing.length > 0) {
    it("needs helm", () => {
      process.stderr.write("skipped: the chart's tests need helm\n");
      expect(peersAreRequired() ? missing : []).toEqual([]);
    });
    return;
  }

  it.each(valuesFiles)("is linted with %s", (file) => {
    expect(helm("lint", "--strict", CHART, "-f", join(CHART, file))).toContain("0 chart(s) failed");
  });

  it.each(valuesFiles)("gives objects with %s that the operator accepts, the same each time", (file) => {
    const path = join(CHART, file);
    const objects = ours(render("-f", path));

    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) expect(validate(object)).toEqual([]);
    expect(template("-f", path)).toBe(template("-f", path));
  });

  it.each([
    ["a key at the top", "clutser.replicas=3"],
    ["a field of the cluster", "cluster.replcias=3"],
    ["a field deep in the cluster", "cluster.maintenance.defragmentation.enable=true"],
    ["a field of the backups", "backup.spec.shedule=x"],
    ["a field of the restore", "restore.source.backup=x"],
    ["a key of monitoring", "monitoring.rule.enabled=true"],
    ["a value of another type", "cluster.paused=3"],
    ["a value outside of its set", "size=huge"],
    ["a number out of range", "cluster.replicas=11"],
  ])("refuses %s that it does not know", (_what, assignment) => {
    expect(() => template("--set", assignment)).toThrow(/values don't meet the specifications of the schema/);
  });

  it.each([
    ["an even size", "cluster.replicas=2", /it has to be odd/],
    ["backups without a schedule", "backup.enabled=true", /backup.spec.schedule/],
    ["a restore without a source", "mode=restore", /restore.source.backupName/],
    [
      "a restore in place without the cluster's ID",
      "restore.inPlace.enabled=true,restore.source.backupName=x",
      /clusterID/,
    ],
  ])("refuses %s", (_what, assignments, words) => {
    expect(() => template("--set", assignments)).toThrow(words);
  });

  it("lets what the cluster says win over the preset, down to the field", () => {
    const [cluster] = ours(render("--set", "size=production,cluster.resources.limits.memory=9Gi,cluster.replicas=5"));

    expect(cluster?.spec).toMatchObject({
      replicas: 5,
      storage: { size: "20Gi" },
      resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { memory: "9Gi" } },
    });
  });

  it("says nothing that is not said in the values, so that the operator's defaults apply", () => {
    expect(ours(render())[0]?.spec).toEqual({});
  });

  it("names clusters by the release, with at most 44 characters", () => {
    const name = (...args: readonly string[]): string | undefined => ours(render(...args))[0]?.metadata.name;

    expect(name()).toBe("store");
    expect(name("--set", "nameOverride=db")).toBe("store-db");
    expect(name("--set", `nameOverride=${"x".repeat(40)}`)).toHaveLength(44);
    expect(() => name("--set", `fullnameOverride=${"y".repeat(45)}`)).toThrow(/schema/);
  });

  it("narrows every alert to this cluster, and leaves out those that are not wanted", () => {
    const all = parse(readFileSync(join(ROOT, "dashboards", "alerts.yaml"), "utf8")) as { groups: readonly Group[] };
    const names = all.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    const objects = render("--set", "monitoring.rules.enabled=true,monitoring.rules.disabled={EtcdNoLeader}");
    const rule = must(
      objects.find(({ kind }) => kind === "PrometheusRule"),
      "asked for",
    );
    const rules = (rule.spec?.groups ?? []).flatMap((group) => group.rules);

    expect(rules.map(({ alert }) => alert)).toEqual(names.filter((name) => name !== "EtcdNoLeader"));
    for (const { expr } of rules) {
      const metrics = expr.match(/\b(up|(etcd|process|nodejs|quorate|grpc_server)_[a-z0-9_]+)(?![a-z0-9_])/g) ?? [];
      expect(metrics.length).toBeGreaterThan(0);
      expect(expr.split('job="etcd/prod/store"').length - 1).toBe(metrics.length);
      expect(expr).not.toContain("__CLUSTER__");
    }
  });

  it("keeps its text in extra objects as templates", () => {
    const objects = render("-f", join(CHART, "ci/adopt-values.yaml"));

    expect(objects.find(({ kind }) => kind === "ConfigMap")).toMatchObject({
      metadata: { name: "store-notes", namespace: "prod" },
      data: { endpoint: "https://store.prod.svc:2379" },
    });
  });

  it("warns in its notes of what a user may not have meant", () => {
    const notes = (...args: readonly string[]): string =>
      spawnSync(requirePeer("helm"), ["install", "store", CHART, "--dry-run=client", ...args], { encoding: "utf8" })
        .stdout;

    expect(notes()).toContain("there are no backups");
    expect(notes("--set", "cluster.replicas=1")).toContain("no redundancy");
    expect(notes("-f", join(CHART, "ci/plain-values.yaml"))).toMatch(/in memory[\s\S]*plain text/);
    expect(notes("-f", join(CHART, "ci/adopt-values.yaml"))).toContain("bear no more failures than 3");
    expect(notes("-f", join(CHART, "ci/production-values.yaml"))).not.toContain("WARNING");
  });
});

apiServerSuite("objects of the chart quorate-cluster in a kube-apiserver", () => {
  let server: TestApiServer;
  let folder: string;

  const kubectl = (...args: readonly string[]): string =>
    execFileSync(requirePeer("kubectl"), [...server.plane.kubectlArguments, ...args], {
      encoding: "utf8",
      env: { ...process.env, KUBECONFIG: "/dev/null" },
      stdio: ["ignore", "pipe", "pipe"],
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "quorate-chart-"));
    server = await TestApiServer.start();
    kubectl("apply", "-f", join(ROOT, "charts/quorate-operator/crds-src/without-rules"));
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all");
    kubectl("create", "namespace", "prod");
  }, 240_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it.each(valuesFiles)("are accepted with %s", (file) => {
    const rendered = parseAllDocuments(template("-f", join(CHART, file)));
    const known = rendered.filter(
      (document) => !String(document.get("apiVersion")).startsWith("monitoring.coreos.com"),
    );
    const path = join(folder, "objects.yaml");
    writeFileSync(path, known.map(String).join(""));

    const said = kubectl("create", "--dry-run=server", "-f", path);

    expect(said.trim().split("\n")).toHaveLength(known.length);
  });
});
