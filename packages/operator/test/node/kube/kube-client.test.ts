import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import type { KubeObject, Resource } from "../../../src/core/index.ts";
import type { KubeClient } from "../../../src/node/kube/index.ts";
import { apiServerSuite, TestApiServer } from "./test-api-server.ts";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
interface Pod extends KubeObject {
  readonly spec: { readonly containers: readonly object[]; readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly object[]; readonly message?: string };
}
interface Budget extends KubeObject {
  readonly spec: object;
  readonly status?: object;
}
const MAPS: Resource<ConfigMap> = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
const PODS: Resource<Pod> = { apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true };
const BUDGETS: Resource<Budget> = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};
const NODES: Resource = { apiVersion: "v1", kind: "Node", plural: "nodes", namespaced: false };

const map = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "default", name, labels },
  data,
});
const pod = (name: string, labels: Record<string, string> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "default", name, labels },
  spec: { containers: [{ name: "c", image: "registry.example/none" }], nodeName: "nowhere" },
});
const key = (name: string) => ({ namespace: "default", name });

apiServerSuite("KubeClient with a kube-apiserver", () => {
  let server: TestApiServer;
  let api: KubeClient;

  beforeAll(async () => {
    server = await TestApiServer.start();
    api = server.client();
  }, 180_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  it("creates, reads and deletes, and tells what was not there", async () => {
    expect(await api.get(MAPS, key("one"))).toBe(undefined);
    const made = await api.create(MAPS, map("one", { a: "1" }));
    await expect(api.create(MAPS, map("one", {}))).rejects.toMatchObject({ reason: "AlreadyExists" });
    const read = must(await api.get(MAPS, key("one")), "made before");

    expect(read).toEqual(made);
    expect(read).not.toHaveProperty("metadata.managedFields");
    expect(await api.delete(MAPS, key("one"))).toBe("deleted");
    expect(await api.delete(MAPS, key("one"))).toBe("gone");
  });

  it("refuses what the API refuses, by reason", async () => {
    await expect(api.create(MAPS, map("Not A Name", {}))).rejects.toMatchObject({ reason: "Invalid" });
    await expect(
      api.create(MAPS, { ...map("x", {}), metadata: { namespace: "no-such", name: "x" } }),
    ).rejects.toMatchObject({ reason: "NotFound" });
    const unknown = { ...MAPS, apiVersion: "example.com/v1", plural: "nothings" };
    // Not the same as an object that is gone: that would look as if everything had been deleted.
    await expect(api.get(unknown, key("x"))).rejects.toMatchObject({ reason: "NotFound" });
    await expect(api.list(unknown, "")).rejects.toMatchObject({ reason: "NotFound" });
    await expect(api.delete(unknown, key("x"))).rejects.toMatchObject({ reason: "NotFound" });
  });

  it("deletes only the object that is meant", async () => {
    const made = await api.create(MAPS, map("guarded", {}));

    await expect(api.delete(MAPS, key("guarded"), { uid: "another" })).rejects.toMatchObject({ reason: "Conflict" });
    await expect(api.delete(MAPS, key("guarded"), { resourceVersion: "1" })).rejects.toMatchObject({
      reason: "Conflict",
    });
    const uid = must(made.metadata.uid, "uid");
    const resourceVersion = must(made.metadata.resourceVersion, "version");

    expect(await api.delete(MAPS, key("guarded"), { uid, resourceVersion })).toBe("deleted");
  });

  it("applies the fields of one manager and leaves those of others", async () => {
    await api.apply(MAPS, map("applied", { a: "1", b: "1" }), "one");
    await api.apply(MAPS, map("applied", { c: "2" }), "two");
    await api.apply(MAPS, map("applied", { a: "2", c: "3" }), "one");
    const after = await api.get(MAPS, key("applied"));

    // `b` belonged to "one", which applied without it; `c` was taken from "two" by force.
    expect(after?.data).toEqual({ a: "2", c: "3" });
  });

  it("changes nothing when the same is applied again", async () => {
    const first = await api.apply(MAPS, map("steady", { a: "1" }), "one");
    const second = await api.apply(MAPS, map("steady", { a: "1" }), "one");

    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it("merges a patch, removes what it says null to, and refuses to overwrite a newer object", async () => {
    const made = await api.create(MAPS, map("patched", { a: "1", b: "1" }));
    const resourceVersion = must(made.metadata.resourceVersion, "version");

    const patched = await api.patch(MAPS, key("patched"), { metadata: { resourceVersion }, data: { b: null, c: "2" } });
    expect(patched.data).toEqual({ a: "1", c: "2" });
    await expect(
      api.patch(MAPS, key("patched"), { metadata: { resourceVersion }, data: { a: "9" } }),
    ).rejects.toMatchObject({ reason: "Conflict" });
    await expect(api.patch(MAPS, key("absent"), { data: {} })).rejects.toMatchObject({ reason: "NotFound" });
  });

  it("replaces a whole status and touches nothing else", async () => {
    const made = await api.create(PODS, pod("status"));
    const guard = {
      uid: must(made.metadata.uid, "uid"),
      resourceVersion: must(made.metadata.resourceVersion, "version"),
    };
    const first = await api.patchStatus(PODS, key("status"), { phase: "Running", message: "one" }, guard);
    expect(first.status).toMatchObject({ phase: "Running", message: "one" });

    const second = await api.patchStatus(PODS, key("status"), { phase: "Running" });
    expect(second.status).not.toHaveProperty("message");
    expect(second.spec).toEqual(first.spec);
    await expect(api.patchStatus(PODS, key("status"), { phase: "Failed" }, guard)).rejects.toMatchObject({
      reason: "Conflict",
    });
    await expect(api.patchStatus(PODS, key("status"), { phase: "Failed" }, { uid: "another" })).rejects.toMatchObject({
      reason: "Conflict",
    });
  });

  it("lists more than a page, by namespace and by labels, each item saying what it is", async () => {
    const names = Array.from({ length: 620 }, (_, i) => `many-${String(i).padStart(4, "0")}`);
    for (let i = 0; i < names.length; i += 31)
      await Promise.all(
        names.slice(i, i + 31).map((name) => api.create(MAPS, map(name, {}, { lot: "many", [name]: "x" }))),
      );

    const all = await api.list(MAPS, "default", { lot: "many" });
    expect(all.map(({ metadata }) => metadata.name)).toEqual(names);
    expect(all[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    expect(await api.list(MAPS, "", { "many-0007": "" })).toHaveLength(1);
    expect(await api.list(MAPS, "kube-system", { lot: "many" })).toEqual([]);
    expect((await api.list(NODES, "")).length).toBe(0);
  }, 60_000);

  it("writes and reads disruption budgets whichever version of them the server has", async () => {
    const wanted: Budget = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { namespace: "default", name: "budget" },
      spec: {
        minAvailable: 2,
        selector: { matchLabels: { app: "budget" } },
        unhealthyPodEvictionPolicy: "AlwaysAllow",
      },
    };

    const applied = await api.apply(BUDGETS, wanted, "one");
    expect(applied).toMatchObject({ apiVersion: "policy/v1", spec: { minAvailable: 2 } });
    const again = await api.apply(BUDGETS, wanted, "one");
    expect(again.metadata.resourceVersion).toBe(applied.metadata.resourceVersion);
    expect(await api.list(BUDGETS, "default")).toMatchObject([
      { apiVersion: "policy/v1", kind: "PodDisruptionBudget" },
    ]);
  });

  it("evicts a Pod only if the budget allows it", async () => {
    const made = await api.create(PODS, pod("evicted", { app: "budget" }));
    const ready = { conditions: [{ type: "Ready", status: "True" }], phase: "Running" };
    await api.patchStatus(PODS, key("evicted"), ready);
    const uid = must(made.metadata.uid, "uid");
    // No controller runs here: the budget's status is the test's.
    const statusOf = (disruptionsAllowed: number) => ({
      observedGeneration: 1,
      disruptionsAllowed,
      currentHealthy: 2,
      desiredHealthy: 2,
      expectedPods: 2,
    });

    await api.patchStatus(BUDGETS, key("budget"), statusOf(0));
    expect(await api.evict(key("evicted"), { uid })).toBe("refused");
    await api.patchStatus(BUDGETS, key("budget"), statusOf(1));
    await expect(api.evict(key("evicted"), { uid: "another" })).rejects.toMatchObject({ reason: "Conflict" });
    await api.patchStatus(BUDGETS, key("budget"), statusOf(1));
    expect(await api.evict(key("evicted"), { uid })).toBe("evicted");
    expect(await api.evict(key("absent"))).toBe("gone");
  });

  it("reads on over a connection that was cut meanwhile, and tells of a write that it may have happened", async () => {
    await api.create(MAPS, map("cut", {}));
    server.link.cut();
    // The kept connections are dead: a read is worth a second try.
    expect(await api.get(MAPS, key("cut"))).toBeDefined();

    server.link.isSilent = true;
    const write = api.patch(MAPS, key("cut"), { data: { a: "1" } });
    setTimeout(() => server.link.cut(), 200);
    await expect(write).rejects.toMatchObject({ reason: "Unavailable" });
    server.link.isSilent = false;
    expect(await api.get(MAPS, key("cut"))).toBeDefined();
  });

  it("gives up in time when nothing is answered", async () => {
    server.link.isSilent = true;
    const startedMs = performance.now();
    await expect(api.get(MAPS, key("cut"))).rejects.toMatchObject({ reason: "Timeout" });
    server.link.isSilent = false;
    server.link.cut();

    expect(performance.now() - startedMs).toBeLessThan(25_000);
  }, 60_000);

  it("says that the API is away, and works again when it is back", async () => {
    const restarted = server.plane.killServer().then(() => server.plane.startServer());
    let failed: unknown;
    for (let i = 0; i < 2000 && failed === undefined; i++) {
      failed = await api.create(MAPS, map(`away-${i}`, {})).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    await restarted;

    expect(failed).toMatchObject({ name: "KubeError", reason: "Unavailable" });
    expect(await api.get(MAPS, key("cut"))).toBeDefined();
  }, 200_000);
});
