/** The faults that tests of controllers are given: what comes through the proxy, and nodes that go away. */
import { mkdirSync } from "node:fs";
import { get, request } from "node:http";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { waitUntil } from "@quorate/testkit";
import { ApiProxy, type ProxiedCall } from "../../src/kubernetes/api-proxy.ts";
import { nodeProgram } from "../../src/kubernetes/kubelet/images.ts";
import type { Pod } from "../../src/kubernetes/kubelet/pod.ts";
import { RestClient } from "../../src/kubernetes/rest-client.ts";
import { S3Server } from "../../src/kubernetes/s3-server.ts";
import { TestKubernetes } from "../../src/kubernetes/test-kubernetes.ts";
import { peerSuite } from "../peer-suite.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";

peerSuite("kubernetes faults", ["kube-apiserver", "kube-controller-manager", "kubectl"], (target) => {
  let cluster: TestKubernetes;
  let proxy: ApiProxy;
  let rest: RestClient;

  beforeAll(async () => {
    const fixture = nodeProgram("packages/conformance/test/kubernetes/pod-program.cjs");
    const images = { fixture: { entrypoint: ["fixture"], programs: { fixture } } };
    cluster = await TestKubernetes.start({ program: target, images, zones: ["a", "b"], apiPort: () => proxy.port });
    proxy = await ApiProxy.start(cluster.plane.port, cluster.plane.servingPair);
    rest = new RestClient(proxy.port, "conformance");
  }, 120_000);

  afterAll(async () => {
    rest?.close();
    await proxy?.close();
    await cluster?.close();
  }, 60_000);

  it("refuses, breaks and counts single requests", async () => {
    const seen: ProxiedCall[] = [];
    proxy.resetCount();
    proxy.decide((call) => {
      seen.push(call);
      if (call.number === 2) return { kind: "conflict" };
      if (call.number === 3) return { kind: "drop", when: "before" };
      return call.number === 4 ? { kind: "drop", when: "after" } : { kind: "pass" };
    });
    expect((await rest.call("POST", MAPS, map("one"))).status).toBe(201);
    expect((await rest.call("POST", MAPS, map("two"))).status).toBe(409);
    await expect(rest.call("POST", MAPS, map("three"))).rejects.toThrow();
    await expect(rest.call("POST", MAPS, map("four"))).rejects.toThrow();
    const { body } = await rest.call("GET", MAPS);
    const names = (body.items ?? []).map(({ metadata }) => metadata?.name);
    expect(names.filter((name) => name !== "kube-root-ca.crt")).toEqual(["four", "one"]);
    expect(seen.map(({ number, isWrite }) => [number, isWrite])).toEqual([1, 2, 3, 4, 5].map((n) => [n, n < 5]));
    proxy.decide(() => ({ kind: "pass" }));
  }, 30_000);

  it("holds back what watches tell, and breaks everything when it is away", async () => {
    const version = (await rest.call("GET", MAPS)).body.metadata?.resourceVersion ?? "";
    const watch = rest.watch(MAPS, version);
    proxy.delayWatches(60_000);
    await rest.call("POST", MAPS, map("held"));
    const direct = cluster.rest.watch(MAPS, version);
    await waitUntil(() => direct.changes.length > 0, { what: "the change without a proxy", timeoutMs: 10_000 });
    direct.close();
    expect(watch.changes).toEqual([]);
    proxy.delayWatches(0);
    await waitUntil(() => watch.changes.length > 0, { what: "the change that was held", timeoutMs: 10_000 });
    proxy.goAway();
    await waitUntil(() => watch.ended, { what: "the end of the watch", timeoutMs: 10_000 });
    await expect(rest.call("GET", MAPS)).rejects.toThrow();
    proxy.comeBack();
    expect((await rest.call("GET", MAPS)).status).toBe(200);
  }, 40_000);

  it("leaves the Pods of a held-up node running, and ends those of a lost one", async () => {
    await cluster.apply(pod("held", "node-0"), pod("lost", "node-1"));
    const [held, lost] = [await ready("held"), await ready("lost")];
    expect([held.spec.nodeName, lost.spec.nodeName]).toEqual(["node-0", "node-1"]);
    cluster.kubelet.pauseNode("node-0");
    await cluster.kubectl(["delete", "pod", "held", "--force", "--grace-period=0"]);
    await waitUntil(async () => (await cluster.get(`${PODS}/held`)) === undefined, {
      what: "no object",
      timeoutMs: 10_000,
    });
    expect(await ask(held)).toBe("held");
    await cluster.kubelet.resumeNode("node-0");
    await waitUntil(async () => (await ask(held)) === undefined, { what: "the end of the process", timeoutMs: 10_000 });

    await cluster.kubelet.failNode("node-1");
    expect(await ask(lost)).toBeUndefined();
    const nodes = await cluster.kubectl(["get", "nodes", "--no-headers"]);
    expect(nodes).toMatch(/node-1 +NotReady/);
    await cluster.kubelet.resumeNode("node-1");
    const again = await cluster.until<Pod>(
      `${PODS}/lost`,
      (each) => ipOf(each) !== ipOf(lost) && isReady(each),
      "it",
      20_000,
    );
    expect(await ask(again)).toBe("lost");
  }, 60_000);

  it("goes on over an API server that was away", async () => {
    const lost = await ready("lost");
    await cluster.plane.killServer();
    cluster.kubelet.crash("default", "lost");
    await cluster.plane.startServer();
    const restarted = (each: Pod): boolean => each.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(each);
    await cluster.until<Pod>(`${PODS}/lost`, restarted, "the restart to be told", 30_000);
    expect(await ask(lost)).toBe("lost");
  }, 120_000);

  it("has a store of S3's kind that Pods can reach", async () => {
    const directory = cluster.file("s3");
    mkdirSync(directory);
    await using store = await S3Server.start({ host: cluster.kubelet.address(), directory, bucket: "backups" });
    expect(await put(`${store.endpoint}/${store.bucket}/some/key`, "content")).toBe(200);
    const lost = await ready("lost");
    const url = encodeURIComponent(`${store.endpoint}/${store.bucket}/some/key`);
    expect(await ask(lost, `/peer?url=${url}`)).toBe("content");
  }, 30_000);

  async function ready(name: string): Promise<Pod> {
    return await cluster.until<Pod>(`${PODS}/${name}`, isReady, `pod ${name}`, 30_000);
  }
});

function map(name: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: {} };
}

function pod(name: string, node: string): object {
  const container = {
    name: "main",
    image: "fixture",
    args: ["serve", "8080"],
    readinessProbe: { httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1 },
  };
  const spec = { nodeSelector: { "kubernetes.io/hostname": node }, containers: [container] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default" }, spec };
}

function isReady(each: Pod): boolean {
  return (each.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

function ipOf(each: Pod): string {
  return each.status?.podIP ?? "";
}

/** What a Pod's server answers; undefined when nothing listens. */
function ask(each: Pod, path: string = "/hostname"): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = get({ host: ipOf(each), port: 8080, path, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve(text));
    });
    call.on("error", () => resolve(undefined));
  });
}

function put(url: string, body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "PUT", agent: false }, (response) => resolve(response.resume().statusCode));
    call.on("error", reject);
    call.end(body);
  });
}
