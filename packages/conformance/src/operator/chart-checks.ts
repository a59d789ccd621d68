import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestKubernetes } from "../kubernetes/test-kubernetes.ts";
import type { Checks } from "../suite-report.ts";
import { CHARTS, OPERATOR_NAMESPACE } from "./operator-world.ts";

const NAMESPACE = "charts";
/** Rendered without the Pods of tests: a Pod is refused while its account does not exist. */
const RENDERED = ["--namespace", NAMESPACE, "--skip-tests"];
/** The values files of a chart's supported shapes. */
export function ciValues(chart: string): readonly string[] {
  const folder = join(CHARTS, chart, "ci");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith("-values.yaml"))
    .sort()
    .map((name) => join(folder, name));
}

/** Bar 8: strict lint with each values file, and with it the rendered objects are taken by the real API server. */
export async function checkChart(kubernetes: TestKubernetes, checks: Checks, chart: string): Promise<void> {
  const path = join(CHARTS, chart);
  // What is rendered depends on the version, which helm does not ask for when it only renders.
  const version = await kubernetes.get<{ readonly gitVersion: string }>("/version");
  const rendering = [...RENDERED, "--kube-version", version?.gitVersion ?? ""];
  for (const values of [undefined, ...ciValues(chart)]) {
    const flags = values === undefined ? [] : ["--values", values];
    const name = `${chart} with ${values?.slice(CHARTS.length + 1) ?? "its defaults"}`;
    const lint = await kubernetes.tryHelm(["lint", path, "--strict", ...flags]);
    checks.that(`lint of ${name}`, lint.code === 0, lint.errors + lint.output);
    const rendered = await kubernetes.tryHelm(["template", "ci", path, ...rendering, ...flags]);
    checks.that(`template of ${name}`, rendered.code === 0, rendered.errors);
    if (rendered.code === 0) await checkOnServer(kubernetes, checks, name, rendered.output);
  }
}

/** A key that the chart does not know is an error, at the top and below. */
export async function checkUnknownKeys(kubernetes: TestKubernetes, checks: Checks, chart: string): Promise<void> {
  const path = join(CHARTS, chart);
  const shapes: readonly object[] =
    chart === "quorate-operator"
      ? [{ imge: {} }, { image: { repositry: "x" } }, { replicas: "two" }]
      : [{ clustr: {} }, { cluster: { replcas: 3 } }, { cluster: { replicas: "three" } }];
  for (const shape of shapes) {
    const file = kubernetes.file("unknown-values.json");
    writeFileSync(file, JSON.stringify(shape));
    const { code, errors, output } = await kubernetes.tryHelm(["template", "ci", path, "--values", file]);
    const words = (errors + output).replaceAll(/\s+/g, " ");
    const isRefused = code !== 0 && /additional propert|not allowed|want|got|type/i.test(words);
    checks.that(`${chart} refuses ${JSON.stringify(shape)}`, isRefused, words.slice(0, 300));
  }
}

/** `kubectl apply --dry-run=server`; kinds that this Kubernetes does not know at all are those of other projects. */
async function checkOnServer(
  kubernetes: TestKubernetes,
  checks: Checks,
  name: string,
  manifests: string,
): Promise<void> {
  const documents = manifests.split(/^---$/m).filter((text) => /^kind:/m.test(text));
  const known = documents.filter(
    (text) => !/^apiVersion: "?(?:monitoring\.coreos\.com|cert-manager\.io)\//m.test(text),
  );
  const args = ["apply", "--dry-run=server", "--validate=false", "-f", "-"];
  const { code, errors } = await kubernetes.tryKubectl(args, { input: known.join("\n---\n") });
  // A dry run makes no namespace and no resource definition, so what needs them cannot be judged.
  const real = errors
    .split("\n")
    .filter(
      (line) => line.trim() !== "" && !/^Warning:|ensure CRDs are installed first|no matches for kind "Etcd/.test(line),
    );
  checks.that(`${name} on the server`, code === 0 || real.length === 0, real.join("\n").slice(0, 1500));
}

/** Namespaces that dry runs need. */
export async function prepareChartChecks(kubernetes: TestKubernetes): Promise<void> {
  for (const name of [NAMESPACE, OPERATOR_NAMESPACE])
    await kubernetes.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
}
