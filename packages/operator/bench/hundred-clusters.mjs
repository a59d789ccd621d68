/**
 * What an operator with many clusters takes: `node packages/operator/bench/hundred-clusters.mjs [CLUSTERS [REPLICAS]]`, after a build, with
 * kube-apiserver and kubectl installed (scripts/peers). A real API server, the real operator in a process of its own, members that only
 * say that they are well. Measured once all clusters are Ready: memory, work when nothing changes, and the time from a change of one
 * cluster's spec to its effect.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlPlane } from "@quorate/conformance/kubernetes";
import { EtcdNode, freePorts, serverUnderTest, waitUntil } from "@quorate/testkit";
import { parse } from "yaml";
import { ETCD_CLUSTERS, SERVICES } from "../dist/core/index.js";
import { KubeClient, kubeconfigConnection, RestClient } from "../dist/node/kube/index.js";
import { hollowKubelet } from "./hollow-kubelet.mjs";

const CLUSTERS = Number(process.argv[2] ?? 100);
const REPLICAS = Number(process.argv[3] ?? 3);
const CHANGES = 20;
const READY_TIMEOUT_MS = 25 * 60_000;
const QUIET_MS = 60_000;
const CRDS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
};
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..", "..");
// A measurement that is called off takes its servers along.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(1));
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

const node = await EtcdNode.start({ program: serverUnderTest(root), readyTimeoutMs: 60_000 });
const plane = await ControlPlane.start(node.clientUrl);
const rest = new RestClient(await kubeconfigConnection(plane.kubeconfig, undefined));
const api = new KubeClient({ rest, nowMs: () => performance.now() });
const folder = join(root, "charts/quorate-operator/crds-src/without-rules");
for (const name of readdirSync(folder)) await api.create(CRDS, parse(readFileSync(join(folder, name), "utf8")));
await waitUntil(
  () =>
    api.list(ETCD_CLUSTERS, "").then(
      () => true,
      () => false,
    ),
  { what: "the kinds", timeoutMs: 60_000 },
);

const [port] = await freePorts(1);
const kubeconfig = plane.file("operator.kubeconfig");
writeFileSync(kubeconfig, readFileSync(plane.kubeconfig));
const operator = spawn(process.execPath, [join(here, "operator-process.mjs"), kubeconfig, String(port)], {
  stdio: ["ignore", "inherit", "inherit"],
});
process.on("exit", () => operator.kill("SIGKILL"));
const stopKubelet = await hollowKubelet(api);

try {
  const startedMs = performance.now();
  for (let i = 0; i < CLUSTERS; i++)
    await api.create(ETCD_CLUSTERS, {
      apiVersion: ETCD_CLUSTERS.apiVersion,
      kind: ETCD_CLUSTERS.kind,
      metadata: { namespace: "default", name: clusterName(i) },
      spec: { replicas: REPLICAS },
    });
  say(`${CLUSTERS} clusters made`);
  let told = 0;
  await waitUntil(
    async () => {
      const ready = (await api.list(ETCD_CLUSTERS, "default")).filter(isReady).length;
      if (performance.now() - told > 30_000) say(`${ready} of ${CLUSTERS} ready, ${memory().now} MiB`);
      if (performance.now() - told > 30_000) told = performance.now();
      return ready === CLUSTERS;
    },
    { what: "every cluster to be ready", timeoutMs: READY_TIMEOUT_MS, everyMs: 2000 },
  );
  const readySeconds = (performance.now() - startedMs) / 1000;
  say(`all ready after ${readySeconds.toFixed(0)} s`);

  await pause(10_000);
  const before = await counters();
  await pause(QUIET_MS);
  const after = await counters();
  const delays = [];
  for (let i = 0; i < CHANGES; i++) delays.push(await changeOne(i));
  delays.sort((a, b) => a - b);
  const { now, peak } = memory();
  const figures = {
    clusters: CLUSTERS,
    members: REPLICAS * CLUSTERS,
    "all ready after, s": Math.round(readySeconds),
    "resident memory, MiB": now,
    "its peak, MiB": peak,
    "passes a minute when nothing changes": after.passes - before.passes,
    "status writes a minute": after.statuses - before.statuses,
    "other writes a minute": after.writes - before.writes,
    which: after.kinds.filter((line) => !before.kinds.includes(line)).join("; "),
    "CPU when nothing changes, % of a core": Math.round(((after.cpu - before.cpu) / (QUIET_MS / 1000)) * 100),
    "change to effect, median, ms": Math.round(delays[delays.length >> 1]),
    "change to effect, worst, ms": Math.round(delays.at(-1)),
  };
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name}: ${value}\n`);
  if (peak >= 300 || delays.at(-1) >= 2000) process.exitCode = 1;
} finally {
  operator.kill("SIGTERM");
  await stopKubelet();
  rest.close();
  await plane.close();
  await node.close();
}

function clusterName(i) {
  return `cluster-${String(i).padStart(3, "0")}`;
}

function isReady({ status }) {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
}

/** Milliseconds from a change of a spec to the operator's having done what it asks. */
async function changeOne(i) {
  const key = { namespace: "default", name: clusterName((i * 7) % CLUSTERS) };
  const value = String(i);
  const sentMs = performance.now();
  await api.patch(ETCD_CLUSTERS, key, { spec: { service: { annotations: { "example.org/change": value } } } });
  await waitUntil(async () => (await api.get(SERVICES, key))?.metadata.annotations?.["example.org/change"] === value, {
    what: `the Service of ${key.name} to follow`,
    timeoutMs: 60_000,
    everyMs: 20,
  });
  return performance.now() - sentMs;
}

/** MiB. */
function memory() {
  const text = readFileSync(`/proc/${operator.pid}/status`, "utf8");
  const of = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024);
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

async function counters() {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const sum = (pattern) =>
    text
      .split("\n")
      .filter((line) => pattern.test(line))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  return {
    passes: sum(/^quorate_operator_reconciles_total\{/),
    statuses: sum(/^quorate_operator_api_requests_total\{verb="patch",resource="[a-z]+\/status"/),
    writes: sum(/^quorate_operator_api_requests_total\{verb="(create|patch|delete)",resource="(?!leases)[a-z]+"/),
    kinds: text
      .split("\n")
      .filter((line) => /^quorate_operator_api_requests_total\{verb="(create|patch|delete)"/.test(line)),
    cpu: sum(/^process_cpu_seconds_total /),
  };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
