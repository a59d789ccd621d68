import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { EtcdNode, requirePeer, waitUntil } from "@quorate/testkit";
import { Checks, type SuiteReport } from "../suite-report.ts";
import {
  COLLECTION,
  configMap,
  configMapName,
  currentVersion,
  increment,
  listInPages,
  mustBe,
  named,
  streamProblems,
  withCount,
} from "./config-maps.ts";
import { ControlPlane } from "./control-plane.ts";
import type { RestClient } from "./rest-client.ts";

const PARTS = 4;
const EVENTS_TIMEOUT_MS = 30_000;

/**
 * A real kube-apiserver keeps its objects in the server under test while kubectl and the REST API create, list, watch,
 * update with conflicts and delete `count` config maps, with a restart of the API server and a kill of the server between.
 */
export async function kubernetesSuite(target: readonly string[], count: number): Promise<SuiteReport> {
  const started = performance.now();
  const checks = new Checks();
  await using node = await EtcdNode.start({ program: target });
  await using plane = await ControlPlane.start(node.clientUrl);
  const outages: Outage[] = [];
  await checks.run("create, list and watch", () => createAndWatch(checks, plane, count));
  await checks.run("updates with conflicts", () => conflicts(checks, plane.rest));
  await checks.run("restart of the API server", () => restartApiServer(checks, plane, count));
  await checks.run(
    "restart of the server",
    async () => void outages.push(await restartNode(checks, plane, node, count)),
  );
  await checks.run("delete", () => deleteAll(checks, plane, count));
  const errors = etcdErrors(plane.log(), outages);
  checks.equal("etcd errors in the API server's log", errors.slice(0, 5), []);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    suite: "kubernetes",
    figure: `${count} config maps, ${checks.count} checks, ${seconds} s`,
    failures: checks.failures,
  };
}

async function createAndWatch(checks: Checks, plane: ControlPlane, count: number): Promise<void> {
  const before = await currentVersion(plane.rest);
  const live = plane.rest.watch(COLLECTION, before);
  await Promise.all(
    Array.from({ length: PARTS }, async (_, part) => {
      const items = indexes(count)
        .filter((index) => index % PARTS === part)
        .map((index) => configMap(index));
      const file = plane.file(`part-${part}.json`);
      writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
      await kubectl(plane, ["create", "--validate=false", "-f", file]);
    }),
  );
  await waitUntil(() => live.ended || named(live.changes, "ADDED").length >= count, {
    what: `${count} ADDED changes`,
    timeoutMs: EVENTS_TIMEOUT_MS,
    detail: () => `${live.changes.length} changes`,
  });
  live.close();
  const names = indexes(count).map((index) => configMapName(index));
  checks.equal("changes told while creating", [...named(live.changes, "ADDED")].sort(), names);
  checks.equal("their order", streamProblems(live.changes), []);

  const listed = await listInPages(plane.rest, 70);
  checks.equal(
    "pages of 70",
    listed.map((item) => item.metadata?.name),
    names,
  );
  const all = mustBe(200, await plane.rest.call("GET", `${COLLECTION}?labelSelector=suite%3Dconformance`));
  checks.equal(
    "one list",
    all.items?.map((item) => item.metadata?.name),
    names,
  );
  const told = (await kubectl(plane, ["get", "configmaps", "-l", "suite=conformance", "-o", "name"]))
    .trim()
    .split("\n");
  checks.equal(
    "kubectl get",
    told,
    names.map((name) => `configmap/${name}`),
  );
  const first = mustBe(200, await plane.rest.call("GET", `${COLLECTION}?limit=10`));
  checks.equal("what is left after a page of 10", (first.metadata?.remainingItemCount ?? 0) >= count - 10, true);
  await watchAgain(checks, plane.rest, before, count);
}

/** History: a watch from before the first creation, and one from the middle, tell the same again. */
async function watchAgain(checks: Checks, rest: RestClient, before: string, count: number): Promise<void> {
  const again = rest.watch(COLLECTION, before);
  await waitUntil(() => again.ended || named(again.changes, "ADDED").length >= count, {
    what: "the history",
    timeoutMs: EVENTS_TIMEOUT_MS,
  });
  again.close();
  checks.equal("history told again", new Set(named(again.changes, "ADDED")).size, count);
  const middle = again.changes[Math.floor(again.changes.length / 2)]?.object.metadata?.resourceVersion ?? "";
  const second = again.changes.filter((change) => Number(change.object.metadata?.resourceVersion) > Number(middle));
  const half = rest.watch(COLLECTION, middle);
  await waitUntil(() => half.ended || half.changes.length >= second.length, {
    what: "the second half of the history",
    timeoutMs: EVENTS_TIMEOUT_MS,
  });
  half.close();
  checks.equal("the second half", named(half.changes, "ADDED"), named(second, "ADDED"));
}

async function conflicts(checks: Checks, rest: RestClient): Promise<void> {
  const names = indexes(100).map((index) => configMapName(index));
  const statuses = await inTurns(names, 8, async (name) => {
    const now = mustBe(200, await rest.call("GET", `${COLLECTION}/${name}`));
    const path = `${COLLECTION}/${name}`;
    const both = await Promise.all([1, 2].map((count) => rest.call("PUT", path, withCount(now, count))));
    return both
      .map(({ status }) => String(status))
      .sort()
      .join();
  });
  checks.equal("of two updates of one version one is refused", [...new Set(statuses)], ["200,409"]);
  const missing = await rest.call("PUT", `${COLLECTION}/${configMapName(0)}`, {
    ...configMap(0),
    metadata: { name: configMapName(0), resourceVersion: "1" },
  });
  checks.equal("an update of a version long gone", missing.status, 409);
  const twice = await rest.call("POST", COLLECTION, configMap(1));
  checks.equal("a second creation", twice.status, 409);

  const counter = configMapName(99);
  const from = Number(mustBe(200, await rest.call("GET", `${COLLECTION}/${counter}`)).data?.["count"]);
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let done = 0; done < 15; ) if ((await increment(rest, counter)).status === 200) done += 1;
    }),
  );
  const to = Number(mustBe(200, await rest.call("GET", `${COLLECTION}/${counter}`)).data?.["count"]);
  checks.equal("increments by four clients", to - from, 60);
}

async function restartApiServer(checks: Checks, plane: ControlPlane, count: number): Promise<void> {
  const before = await snapshot(plane.rest);
  await plane.restart();
  checks.equal("objects", before.length, count);
  checks.equal("the same objects afterwards", await snapshot(plane.rest), before);
}

/** When the server under test was away, in wall-clock milliseconds. */
interface Outage {
  readonly from: number;
  readonly to: number;
}

async function restartNode(checks: Checks, plane: ControlPlane, node: EtcdNode, count: number): Promise<Outage> {
  const { rest } = plane;
  const version = await currentVersion(rest);
  const name = configMapName(50);
  const start = Number(mustBe(200, await rest.call("GET", `${COLLECTION}/${name}`)).data?.["count"]);
  const progress = { acknowledged: 0, attempted: 0, stopped: false };
  const writer = writeSteadily(rest, name, progress);
  await waitUntil(() => progress.acknowledged >= 20, { what: "20 updates", timeoutMs: EVENTS_TIMEOUT_MS });
  const from = Date.now();
  await node.kill();
  await node.restart();
  const reached = progress.acknowledged;
  await waitUntil(() => progress.acknowledged >= reached + 20, {
    what: "20 updates after the restart",
    timeoutMs: EVENTS_TIMEOUT_MS,
  });
  progress.stopped = true;
  await writer;
  const end = Number(mustBe(200, await rest.call("GET", `${COLLECTION}/${name}`)).data?.["count"]);
  const range = `${progress.acknowledged} to ${progress.attempted}`;
  checks.that(
    "every acknowledged update counts once",
    end - start >= progress.acknowledged,
    `${end - start}, not ${range}`,
  );
  checks.that("no update counts twice", end - start <= progress.attempted, `${end - start}, not ${range}`);
  const watch = rest.watch(COLLECTION, version);
  await waitUntil(() => watch.ended || watch.changes.length >= end - start, {
    what: `${end - start} changes of ${name}`,
    timeoutMs: EVENTS_TIMEOUT_MS,
  });
  watch.close();
  const counts = watch.changes.map(({ object }) => Number(object.data?.["count"]));
  checks.equal(
    "the watch over the restart",
    counts,
    Array.from({ length: end - start }, (_, i) => start + i + 1),
  );
  checks.equal("its order", streamProblems(watch.changes), []);
  checks.equal("objects", (await listInPages(rest, 200)).length, count);
  // Connections that the kill broke may be noticed a little later.
  return { from, to: Date.now() + 1000 };
}

async function writeSteadily(
  rest: RestClient,
  name: string,
  progress: { acknowledged: number; attempted: number; stopped: boolean },
): Promise<void> {
  while (!progress.stopped) {
    progress.attempted += 1;
    const answer = await increment(rest, name).catch(() => undefined);
    if (answer?.status === 200) progress.acknowledged += 1;
    else await sleep(50);
  }
}

async function deleteAll(checks: Checks, plane: ControlPlane, count: number): Promise<void> {
  const watch = plane.rest.watch(COLLECTION, await currentVersion(plane.rest));
  await kubectl(plane, ["delete", "configmaps", "-l", "suite=conformance,part=0", "--wait=false"]);
  const path = `${COLLECTION}?labelSelector=suite%3Dconformance`;
  mustBe(200, await plane.rest.call("DELETE", path));
  await waitUntil(() => watch.ended || named(watch.changes, "DELETED").length >= count, {
    what: `${count} DELETED changes`,
    timeoutMs: EVENTS_TIMEOUT_MS,
  });
  watch.close();
  const names = indexes(count).map((index) => configMapName(index));
  checks.equal("deletions told", [...named(watch.changes, "DELETED")].sort(), names);
  checks.equal("their order", streamProblems(watch.changes), []);
  checks.equal("left over", (await listInPages(plane.rest, 500)).length, 0);
}

/** Lines about etcd that are no information, except those about an outage that the suite itself caused. */
function etcdErrors(log: string, outages: readonly Outage[]): readonly string[] {
  return log.split("\n").filter((line) => {
    const [, severity, hours, minutes, seconds] = /^([IWEF])\d{4} (\d\d):(\d\d):([\d.]+)/.exec(line) ?? [];
    if (severity === undefined || severity === "I" || line.includes("Skipping API")) return false;
    if (!/etcd|rpc error|transport|storage|grpc/i.test(line)) return false;
    const atMs = new Date().setHours(Number(hours), Number(minutes), 0, 0) + Number(seconds) * 1000;
    return !outages.some(({ from, to }) => atMs >= from && atMs <= to);
  });
}

async function snapshot(rest: RestClient): Promise<readonly string[]> {
  return (await listInPages(rest, 300)).map(
    ({ metadata, data }) =>
      `${metadata?.name} ${metadata?.resourceVersion} ${data?.["count"]} ${data?.["payload"]?.length}`,
  );
}

function indexes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Does `work` for each item, at most `width` at a time; results in the order of the items. */
async function inTurns<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += width) {
    results.push(...(await Promise.all(items.slice(at, at + width).map((item) => work(item)))));
  }
  return results;
}

function kubectl(plane: ControlPlane, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const all = [...plane.kubectlArguments, ...args];
    execFile(requirePeer("kubectl"), all, { timeout: 120_000, maxBuffer: 1 << 26 }, (error, output, errors) => {
      if (error === null) resolve(output);
      else reject(new Error(`kubectl ${args.join(" ")}: ${errors || error.message}`));
    });
  });
}
