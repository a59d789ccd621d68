import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import { waitUntil } from "@quorate/testkit";
import { KubeError, type KubeObject, type ObjectKey, type Resource } from "../../../src/core/index.ts";
import type { RunConfig } from "../../../src/node/config/index.ts";
import { Operator } from "../../../src/node/program/operator.ts";
import type { ControllerDeps } from "../../../src/node/runtime/index.ts";
import { NODE_TIMERS } from "../../../src/node/runtime/index.ts";
import { apiServerSuite, TestApiServer } from "../kube/test-api-server.ts";

// Whole operators, in this process, with a controller that only counts: everything around the real ones.

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const MAPS: Resource<ConfigMap> = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
const SERVICES: Resource = { apiVersion: "v1", kind: "Service", plural: "services", namespaced: true };
const PRIMARY = { app: "counted" };
const CONFIG: RunConfig = {
  namespaces: ["default"],
  operatorNamespace: "default",
  operatorImage: "operator",
  serverImageRepository: "server",
  defaultServerVersion: "3.7.1",
  clusterDomain: "",
  canReadNodes: true,
  canReadStorageClasses: true,
  mustElect: true,
  leaseName: "operator",
  leaseDurationMs: 3000,
  concurrency: 2,
  resyncMs: 600_000,
  graceMs: 5000,
  listenHost: "127.0.0.1",
  listenPort: 0,
  logLevel: "info",
  kubeconfig: "",
  context: "",
};

apiServerSuite("Operator with a kube-apiserver", () => {
  let server: TestApiServer;
  const passes: { readonly who: string; readonly key: string }[] = [];
  const stops: AbortController[] = [];

  beforeAll(async () => {
    server = await TestApiServer.start();
  }, 180_000);
  afterAll(async () => {
    for (const stop of stops) stop.abort();
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  function start(
    who: string,
    reconcile: (deps: ControllerDeps, key: ObjectKey) => Promise<void> = async () => {},
    config: Partial<RunConfig> = {},
  ) {
    const stop = new AbortController();
    stops.push(stop);
    let deps: ControllerDeps | undefined;
    const operator = new Operator({
      config: { ...CONFIG, ...config },
      connection: server.connection,
      clusterDomain: "cluster.local",
      version: "1.2.3",
      hostName: who,
      clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
      timers: NODE_TIMERS,
      log: NO_LOGGER,
      etcd: undefined as never,
      createControllers: (given) => {
        deps = given;
        return [
          {
            name: "counting",
            primary: MAPS,
            watches: [
              {
                resource: SERVICES,
                labels: PRIMARY,
                mapToPrimary: ({ metadata }) => ({ namespace: metadata.namespace ?? "", name: `of-${metadata.name}` }),
              },
            ],
            reconcile: async (key) => {
              passes.push({ who, key: key.name });
              await reconcile(given, key);
              return { step: "Counted" };
            },
          },
        ];
      },
    });
    const end = operator.run(stop.signal);
    const ask = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${operator.port}${path}`);
      return [answer.status, await answer.text()];
    };
    return { operator, stop, end, ask, deps: () => deps as ControllerDeps };
  }

  const put = async (name: string, value: string): Promise<ConfigMap> =>
    await server
      .client()
      .apply(
        MAPS,
        { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data: { value } },
        "t",
      );
  const seen = async (who: string, key: string): Promise<void> =>
    await waitUntil(() => passes.some((pass) => pass.who === who && pass.key === key), {
      what: `${who} to see ${key}`,
      timeoutMs: 60_000,
      detail: () => JSON.stringify(passes),
    });

  it("has one leader, which another follows at once when it stops", async () => {
    const one = start("one");
    await waitUntil(() => one.operator.isLeader, { what: "one to lead", timeoutMs: 30_000 });
    const two = start("two");
    await put("first", "1");
    await seen("one", "first");
    await waitUntil(async () => (await two.ask("/readyz"))[0] === 200, { what: "two to be ready", timeoutMs: 30_000 });
    expect(two.operator.isLeader).toBe(false);
    expect(passes.filter(({ who }) => who === "two")).toEqual([]);

    one.stop.abort();
    expect(await one.end).toBe("stopped");
    const stoppedMs = performance.now();
    await waitUntil(() => two.operator.isLeader, { what: "two to lead", timeoutMs: 30_000 });
    expect(performance.now() - stoppedMs).toBeLessThan(CONFIG.leaseDurationMs);
    await put("second", "1");
    await seen("two", "second");

    expect(passes.filter(({ who, key }) => who === "one" && key === "second")).toEqual([]);
    two.stop.abort();
    expect(await two.end).toBe("stopped");
  }, 120_000);

  it("stops at once when it loses the lease, and writes nothing more", async () => {
    const one = start("loser");
    await waitUntil(() => one.operator.isLeader, { what: "it to lead", timeoutMs: 30_000 });
    const leases: Resource = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      plural: "leases",
      namespaced: true,
    };

    await server
      .client()
      .patch(leases, { namespace: "default", name: "operator" }, { spec: { holderIdentity: "by hand" } });
    expect(await one.end).toBe("leadership lost");

    await expect(
      one
        .deps()
        .api.create(MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "late" } }),
    ).rejects.toMatchObject({ reason: "Forbidden" });
    await server.client().patch(leases, { namespace: "default", name: "operator" }, { spec: { holderIdentity: "" } });
  }, 120_000);

  it("has a pass for what changed in objects of its own, and repeats one that met a conflict", async () => {
    let conflicts = 0;
    const one = start("conflict", async ({ api }, key) => {
      if (key.name !== "contended" || conflicts > 0) return;
      const read = await api.get(MAPS, key);
      await put("contended", "changed meanwhile");
      await api
        .patch(MAPS, key, { metadata: { resourceVersion: read?.metadata.resourceVersion }, data: { value: "mine" } })
        .catch((error: unknown) => {
          if (error instanceof KubeError && error.reason === "Conflict") conflicts++;
          throw error;
        });
    });
    await waitUntil(() => one.operator.isLeader, { what: "it to lead", timeoutMs: 30_000 });
    await put("contended", "1");
    await seen("conflict", "contended");
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "default", name: "service", labels: PRIMARY },
      spec: { ports: [{ port: 80 }], clusterIP: "None" },
    };
    await server.client().create(SERVICES, service);
    await seen("conflict", "of-service");
    await waitUntil(() => passes.filter(({ key }) => key === "contended").length > 1, {
      what: "the pass to be repeated",
      timeoutMs: 30_000,
    });

    expect(conflicts).toBe(1);
    expect(await one.ask("/healthz")).toEqual([200, "ok\n"]);
    expect(await one.ask("/readyz")).toEqual([200, "ok\n"]);
    const [, metrics] = await one.ask("/metrics");
    expect(metrics).toMatch(/^quorate_operator_reconciles_total\{controller="counting",result="failed"\} 1$/m);
    expect(metrics).toMatch(/^quorate_operator_steps_total\{controller="counting",step="Counted"\} [1-9]/m);
    expect(metrics).toMatch(
      /^quorate_operator_api_requests_total\{verb="patch",resource="configmaps",outcome="Conflict"\} 1$/m,
    );
    expect(metrics).toMatch(/^quorate_operator_leader 1$/m);
    expect(metrics).toMatch(/^quorate_operator_cache_age_seconds\{resource="configmaps",namespace="default"\} \d/m);
    expect(metrics).toMatch(/^quorate_operator_queue_depth 0$/m);
    one.stop.abort();
    await one.end;
    await expect(one.ask("/healthz")).rejects.toThrow();
  }, 120_000);

  it("lets a pass under way end before it stops", async () => {
    let release = (): void => {};
    let isDone = false;
    const one = start("busy", async (_deps, { name }) => {
      if (name !== "slow") return;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      isDone = true;
    });
    await put("slow", "1");
    await seen("busy", "slow");

    one.stop.abort();
    setTimeout(() => release(), 300);
    expect(await one.end).toBe("stopped");

    expect(isDone).toBe(true);
  }, 60_000);

  it("tells of transitions by events, and counts the same one on", async () => {
    const one = start("events");
    await waitUntil(() => one.operator.isLeader, { what: "it to lead", timeoutMs: 30_000 });
    const regarding = await put("told", "1");
    const note = { type: "Warning", reason: "QuorumLost", message: "two of three are gone" } as const;
    one.deps().events.emit(regarding, note);
    one.deps().events.emit(regarding, note);
    one.deps().events.emit(regarding, { type: "Normal", reason: "MemberReplaced", message: "x".repeat(3000) });
    one.stop.abort();
    await one.end;

    const events = (await server
      .client()
      .list(
        { apiVersion: "events.k8s.io/v1", kind: "Event", plural: "events", namespaced: true },
        "default",
      )) as readonly (KubeObject & Record<string, unknown>)[];
    const told = events.filter(({ regarding }) => (regarding as { readonly name: string }).name === "told");
    expect(told).toHaveLength(2);
    expect(told.find(({ reason }) => reason === "QuorumLost")).toMatchObject({
      type: "Warning",
      note: note.message,
      series: { count: 2 },
      reportingController: "etcd.quorate.dev/operator",
      reportingInstance: "events",
    });
  }, 60_000);
});
