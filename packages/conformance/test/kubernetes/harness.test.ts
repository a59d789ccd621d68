/** The test kubelet and what is around it: does a Kubernetes on this machine behave as one? */
import { get } from "node:http";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { waitUntil } from "@quorate/testkit";
import { nodeProgram } from "../../src/kubernetes/kubelet/images.ts";
import type { Pod } from "../../src/kubernetes/kubelet/pod.ts";
import { TestKubernetes } from "../../src/kubernetes/test-kubernetes.ts";
import { peerSuite } from "../peer-suite.ts";
import { account, configuration, job, NAMESPACE, namespace, store, web } from "./workloads.ts";

const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const APPS = `/apis/apps/v1/namespaces/${NAMESPACE}`;

peerSuite("kubernetes harness", ["kube-apiserver", "kube-controller-manager", "kubectl", "helm"], (target) => {
  let cluster: TestKubernetes;

  beforeAll(async () => {
    const fixture = nodeProgram("packages/conformance/test/kubernetes/pod-program.cjs");
    const images = { fixture: { entrypoint: ["fixture"], programs: { fixture } } };
    cluster = await TestKubernetes.start({ program: target, images });
    await cluster.apply(namespace());
    await cluster.until(`${CORE}/serviceaccounts/default`, () => true, "the namespace's account", 30_000);
    await cluster.apply(...configuration("green"), ...account(), ...web(), ...store(), job());
  }, 120_000);

  afterAll(async () => {
    await cluster?.close();
  }, 60_000);

  it("runs a Deployment whose Pods have settings, files, names and an account", async () => {
    await rolledOut(`${APPS}/deployments/web`, 2);
    await rolledOut(`${APPS}/statefulsets/store`, 3);
    const [pod] = await podsOf("web");
    const env = JSON.parse(await ask(pod, "/env")) as Record<string, string>;
    expect(env).toMatchObject({ POD_IP: ipOf(pod), NOTE: "first", PASSWORD: "tulip", COLOUR: "green" });
    expect(env).toMatchObject({ SECRET_user: "anna", LISTEN: `http://${ipOf(pod)}:8080,http://${ipOf(pod)}:81` });
    expect(await ask(pod, "/hostname")).toBe(pod?.metadata.name);
    expect(await ask(pod, "/file?path=/var/lib/all/names/user")).toBe("anna");
    expect(await ask(pod, "/file?path=/var/lib/all/token")).toMatch(/^ey/);
    expect(await ask(pod, "/write?path=/scratch/file")).toBe("ok");
    expect(await ask(pod, "/write?path=/etc/file")).toContain("EROFS");
    expect(await ask(pod, `/api?path=${CORE}/pods`)).toBe("200");
    expect(await ask(pod, `/api?path=${CORE}/secrets`)).toBe("403");
    // It reaches others by a Service's name, which it learns a moment later than they are ready, and is seen with its own address.
    await becomes(() => ask(pod, `/peer?url=${encodeURIComponent("http://store-1.store:8080/hostname")}`), "store-1");
    const full = `http://store-2.store.${NAMESPACE}.svc.cluster.local:8080/you`;
    expect(await ask(pod, `/peer?url=${encodeURIComponent(full)}`)).toBe(ipOf(pod));
    expect(await ask(pod, "/peer?url=http%3A%2F%2Fnobody%3A8080%2F")).toContain("ENOTFOUND");
    expect(await cluster.kubectl(["logs", "-n", NAMESPACE, pod?.metadata.name ?? ""])).toContain("listens as web-");
  }, 60_000);

  it("writes anew what is mounted when a ConfigMap or an annotation changes", async () => {
    const [pod] = await podsOf("web");
    await cluster.apply(...configuration("blue"));
    await cluster.rest.patch(`${CORE}/pods/${pod?.metadata.name}`, { metadata: { annotations: { note: "second" } } });
    await becomes(async () => await ask(pod, "/file?path=/etc/settings/colour"), "blue");
    await becomes(async () => await ask(pod, "/file?path=/var/lib/all/note"), "second");
  }, 30_000);

  it("runs a Job whose container fails once, after its init container", async () => {
    type Job = { status?: { succeeded?: number } };
    const path = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/count`;
    await cluster.until<Job>(path, ({ status }) => status?.succeeded === 1, "the job's end", 30_000);
    const [pod] = await podsOf(undefined, "job-name=count");
    expect(pod?.status?.phase).toBe("Succeeded");
    expect(pod?.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: { terminated: { exitCode: 0 } },
    });
  }, 40_000);

  it("spreads a StatefulSet over nodes and keeps its volumes over Pods", async () => {
    await rolledOut(`${APPS}/statefulsets/store`, 3);
    const pods = await podsOf("store");
    expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(3);
    await ask(pods[0], "/write?path=/data/mark");
    await cluster.kubectl(["delete", "pod", "-n", NAMESPACE, "store-0", "--timeout=20s"]);
    await cluster.until<Pod>(`${CORE}/pods/store-0`, (pod) => isReady(pod), "store-0 again", 30_000);
    const [again] = await podsOf("store");
    expect(again?.metadata.uid).not.toBe(pods[0]?.metadata.uid);
    expect(await ask(again, "/file?path=/data/mark")).toBe("written");
    // A volume grows with its claim, and is gone with it.
    const claim = `${CORE}/persistentvolumeclaims/data-store-0`;
    await cluster.rest.patch(claim, { spec: { resources: { requests: { storage: "2Gi" } } } });
    type Claim = { spec: { volumeName: string }; status: { capacity: { storage: string } } };
    const grown = await cluster.until<Claim>(
      claim,
      ({ status }) => status.capacity.storage === "2Gi",
      "growth",
      20_000,
    );
    await cluster.kubectl(["scale", "-n", NAMESPACE, "statefulset/store", "--replicas=0"]);
    await cluster.kubectl(["delete", "pvc", "-n", NAMESPACE, "data-store-0"]);
    await becomes(
      async () => (await cluster.rest.call("GET", `/api/v1/persistentvolumes/${grown.spec.volumeName}`)).status,
      404,
    );
  }, 60_000);

  it("restarts containers that end or fail their probe, and tells exit codes", async () => {
    const [pod] = await podsOf("web");
    const path = `${CORE}/pods/${pod?.metadata.name}`;
    await ask(pod, "/exit?code=7").catch(() => undefined);
    const again = await cluster.until<Pod>(path, (each) => restarts(each) === 1 && isReady(each), "a restart", 30_000);
    expect(again.status?.containerStatuses?.[0]?.lastState.terminated).toMatchObject({ exitCode: 7, reason: "Error" });
    cluster.kubelet.crash(NAMESPACE, pod?.metadata.name ?? "");
    const killed = await cluster.until<Pod>(path, (each) => restarts(each) === 2 && isReady(each), "a restart", 30_000);
    expect(killed.status?.containerStatuses?.[0]?.lastState.terminated).toMatchObject({ exitCode: 137, signal: 9 });
  }, 60_000);

  it("refuses Pods that break the restricted profile where it is enforced", async () => {
    const args = ["run", "-n", NAMESPACE, "bad", "--image=fixture", "--restart=Never"];
    const { code, errors } = await cluster.tryKubectl(args);
    expect(code).toBe(1);
    expect(errors).toContain('violates PodSecurity "restricted:latest": container "bad" must set');
  }, 20_000);

  async function rolledOut(path: string, replicas: number): Promise<void> {
    type Workload = { status?: { readyReplicas?: number } };
    await cluster.until<Workload>(
      path,
      ({ status }) => status?.readyReplicas === replicas,
      `${path} to be ready`,
      50_000,
    );
  }

  async function podsOf(app: string | undefined, selector: string = `app=${app}`): Promise<readonly Pod[]> {
    const { body } = await cluster.rest.call("GET", `${CORE}/pods?labelSelector=${encodeURIComponent(selector)}`);
    return (body.items ?? []) as unknown as Pod[];
  }
});

async function becomes<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  let last: T | undefined;
  await waitUntil(
    async () => {
      last = await read();
      return last === wanted;
    },
    { what: String(wanted), timeoutMs: 20_000, everyMs: 50, detail: () => String(last) },
  );
}

function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

function restarts(pod: Pod): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
}

function ipOf(pod: Pod | undefined): string {
  return pod?.status?.podIP ?? "";
}

function ask(pod: Pod | undefined, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = get({ host: ipOf(pod), port: 8080, path, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    call.on("error", reject);
  });
}
