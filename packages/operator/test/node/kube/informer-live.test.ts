import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import { waitUntil } from "@quorate/testkit";
import type { KubeObject, Resource } from "../../../src/core/index.ts";
import { INFORMER_DEFAULTS, Informer, type InformerSettings, type KubeClient } from "../../../src/node/kube/index.ts";
import { NODE_TIMERS } from "../../../src/node/runtime/index.ts";
import { apiServerSuite, TestApiServer } from "./test-api-server.ts";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
const MAPS: Resource<ConfigMap> = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
const LABELS = { lot: "informer" };

apiServerSuite("Informer with a kube-apiserver", () => {
  let server: TestApiServer;
  let api: KubeClient;
  const opened: Informer[] = [];

  beforeAll(async () => {
    server = await TestApiServer.start();
    api = server.client();
  }, 180_000);
  afterAll(async () => {
    for (const informer of opened) await informer.close();
    await server?.[Symbol.asyncDispose]();
  }, 60_000);

  async function open(settings: Partial<InformerSettings> = {}): Promise<Informer> {
    const informer = new Informer(
      { resource: MAPS, namespace: "default", labels: LABELS },
      { ...INFORMER_DEFAULTS, backoffMinMs: 100, backoffMaxMs: 1000, ...settings },
      {
        source: server.client(),
        clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
        timers: NODE_TIMERS,
        prng: new SeededPrng(7),
        log: NO_LOGGER,
        onChange: () => {},
      },
    );
    opened.push(informer);
    informer.start();
    await informer.synced;
    return informer;
  }

  const put = async (name: string, value: string): Promise<ConfigMap> =>
    await api.apply(
      MAPS,
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace: "default", name, labels: LABELS },
        data: { value },
      },
      "test",
    );
  const until = async (informer: Informer, name: string, value: string | undefined): Promise<void> =>
    await waitUntil(() => (informer.get(`default/${name}`) as ConfigMap | undefined)?.data?.["value"] === value, {
      what: `${name} to be ${value}`,
      timeoutMs: 60_000,
      detail: () => JSON.stringify([...informer.restarts]),
    });

  it("follows changes, of labelled objects only, and has the same as the API", async () => {
    await put("before", "1");
    const informer = await open();
    expect(informer.size).toBe(1);
    await api.apply(
      MAPS,
      { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "unlabelled" }, data: {} },
      "test",
    );
    await put("before", "2");
    await put("after", "1");
    await until(informer, "after", "1");
    await until(informer, "before", "2");

    expect(informer.get("default/before")).toEqual(await api.get(MAPS, { namespace: "default", name: "before" }));
    expect(informer.get("default/before")).not.toHaveProperty("metadata.managedFields");
    await api.delete(MAPS, { namespace: "default", name: "after" });
    await until(informer, "after", undefined);
    expect(informer.get("default/unlabelled")).toBe(undefined);
  }, 60_000);

  it("sees an object whose label was taken away as gone", async () => {
    const informer = await open();
    await put("relabelled", "1");
    await until(informer, "relabelled", "1");

    await api.patch(MAPS, { namespace: "default", name: "relabelled" }, { metadata: { labels: { lot: null } } });

    await until(informer, "relabelled", undefined);
  }, 60_000);

  it("goes on after its connections were cut", async () => {
    const informer = await open();
    for (let i = 0; i < 5; i++) {
      server.link.cut();
      await put("cut", String(i)).catch(async () => await put("cut", String(i)));
      await until(informer, "cut", String(i));
    }
    expect(informer.restarts.get("error")).toBeGreaterThan(0);
  }, 120_000);

  it("notices a connection that went dead without a word", async () => {
    const informer = await open({ silenceMs: 3000 });
    server.link.isSilent = true;
    const restarts = (): number => informer.restarts.get("silent") ?? 0;
    await waitUntil(() => restarts() > 0, { what: "the silence to be noticed", timeoutMs: 60_000 });
    server.link.isSilent = false;
    // What was lost on the way has spoilt the connections: new ones are needed, as after any such break.
    server.link.cut();
    await put("dead", "1").catch(async () => await put("dead", "1"));

    await until(informer, "dead", "1");
  }, 120_000);

  it("goes on from where it was when the server ends its watches", async () => {
    const informer = await open({ watchTimeoutMs: 1500 });
    await waitUntil(() => (informer.restarts.get("ended") ?? 0) >= 3, {
      what: "three watches to end",
      timeoutMs: 60_000,
    });
    await put("ended", "1");
    await until(informer, "ended", "1");

    expect(informer.restarts.get("gone")).toBe(undefined);
  }, 90_000);

  it("outlives a restart of the API server, and has everything that changed meanwhile", async () => {
    const informer = await open();
    await put("restart", "1");
    await until(informer, "restart", "1");

    await server.plane.killServer();
    await server.plane.startServer();
    const fresh = server.client();
    await fresh.patch(MAPS, { namespace: "default", name: "restart" }, { data: { value: "2" } });

    await until(informer, "restart", "2");
    expect(informer.ageMs).toBeLessThan(60_000);
  }, 240_000);

  it("lists anew when the API no longer knows its place", async () => {
    await put("gone", "1");
    // An API server that was restarted, as the test before did, knows no changes from before its start.
    const source = server.client();
    let lists = 0;
    const old = new Informer(
      { resource: MAPS, namespace: "default", labels: LABELS },
      { ...INFORMER_DEFAULTS, backoffMinMs: 100 },
      {
        source: {
          listPage: async (...asked) =>
            lists++ === 0 ? { items: [], resourceVersion: "1" } : await source.listPage(...asked),
          watch: async (request) => await source.watch(request),
        },
        clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
        timers: NODE_TIMERS,
        prng: new SeededPrng(7),
        log: NO_LOGGER,
        onChange: () => {},
      },
    );
    opened.push(old);
    old.start();

    await until(old, "gone", "1");
    expect(old.restarts.get("gone")).toBe(1);
  }, 90_000);
});
