import { describe, expect, it } from "@jest/globals";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import { KubeError, type KubeObject, type Resource } from "../../../src/core/index.ts";
import { CachedReader } from "../../../src/node/kube/cached-reader.ts";
import { INFORMER_DEFAULTS, Informer } from "../../../src/node/kube/informer.ts";
import type { WatchRequest } from "../../../src/node/kube/kube-client.ts";
import { ManualTime, settle } from "../runtime/manual-time.ts";

const MAPS: Resource = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

function object(name: string, resourceVersion: number, uid = `uid-${name}`): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "ns", name, uid, resourceVersion: String(resourceVersion), labels: { app: name } },
  };
}

/** An API whose list and watches are the test's. */
class ScriptedSource {
  objects: readonly KubeObject[] = [];
  version = 10;
  lists = 0;
  failList: KubeError | undefined;
  readonly watches: { readonly request: WatchRequest; end(error?: KubeError): void }[] = [];

  async listPage() {
    this.lists++;
    if (this.failList !== undefined) throw this.failList;
    return { items: this.objects, resourceVersion: String(this.version) };
  }

  async watch(request: WatchRequest): Promise<void> {
    request.onOpen();
    await new Promise<void>((resolve, reject) => {
      request.signal.addEventListener("abort", () => resolve());
      this.watches.push({ request, end: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  get last() {
    const last = this.watches.at(-1);
    if (last === undefined) throw new Error("there was no watch");
    return last;
  }
}

function informerUnderTest(settings: Partial<typeof INFORMER_DEFAULTS> = {}) {
  const source = new ScriptedSource();
  const time = new ManualTime();
  const changes: string[] = [];
  const informer = new Informer(
    { resource: MAPS, namespace: "ns", labels: {} },
    { ...INFORMER_DEFAULTS, ...settings },
    {
      source: source as never,
      clock: time,
      timers: time,
      prng: new SeededPrng(1),
      log: NO_LOGGER,
      onChange: ({ metadata }) => changes.push(`${metadata.name}@${metadata.resourceVersion}`),
    },
  );
  return { source, time, changes, informer, names: () => [...informer.values()].map(({ metadata }) => metadata.name) };
}

describe("Informer", () => {
  it("holds what was listed and what the watch told after it", async () => {
    const { source, time, changes, informer, names } = informerUnderTest();
    source.objects = [object("a", 1), object("b", 2)];

    informer.start();
    await informer.synced;
    await settle();
    expect(source.last.request.resourceVersion).toBe("10");
    source.last.request.onChange({ type: "ADDED", object: object("c", 11) });
    source.last.request.onChange({ type: "MODIFIED", object: object("a", 12) });
    source.last.request.onChange({ type: "DELETED", object: object("b", 13) });

    expect(names()).toEqual(["a", "c"]);
    expect(changes).toEqual(["a@1", "b@2", "c@11", "a@12", "b@13"]);
    await time.advance(0);
    await informer.close();
  });

  it("goes on from the last bookmark when a watch ends as it should, and lists nothing", async () => {
    const { source, time, informer } = informerUnderTest();

    informer.start();
    await settle();
    await time.advance(60_000);
    source.last.request.onChange({ type: "BOOKMARK", resourceVersion: "77" });
    source.last.end();
    await settle();

    expect(source.lists).toBe(1);
    expect(source.watches).toHaveLength(2);
    expect(source.last.request.resourceVersion).toBe("77");
    await informer.close();
  });

  it("lists anew when its place is gone, and tells of what it had missed", async () => {
    const { source, time, changes, informer } = informerUnderTest();
    source.objects = [object("a", 1), object("b", 2), object("c", 3)];
    informer.start();
    await informer.synced;
    await time.advance(5000);
    changes.length = 0;

    source.objects = [object("a", 1), object("b", 20), object("c", 21, "another c")];
    source.version = 30;
    source.last.request.onChange({ type: "ERROR", code: 410, message: "too old resource version" });
    await settle();

    expect(changes).toEqual(["b@20", "c@21"]);
    expect(source.last.request.resourceVersion).toBe("30");
    source.objects = [];
    source.last.end(new KubeError("Gone", "too old resource version"));
    await time.advance(1000);

    expect(changes.slice(2)).toEqual(["a@1", "b@20", "c@21"]);
    expect(informer.size).toBe(0);
    expect(informer.restarts.get("gone")).toBe(2);
    await informer.close();
  });

  it("begins anew, with growing pauses, when the connection is cut", async () => {
    const { source, time, informer } = informerUnderTest();
    informer.start();
    await time.advance(5000);

    const tries: number[] = [];
    for (let i = 0; i < 9; i++) {
      const before = source.watches.length;
      source.last.end(new KubeError("Unavailable", "cut"));
      const atMs = time.nowMs();
      while (source.watches.length === before) await time.advance(100);
      tries.push(time.nowMs() - atMs);
    }

    expect(tries[0]).toBeLessThanOrEqual(600);
    expect(tries.at(-1)).toBeGreaterThan(14_000);
    expect(Math.max(...tries)).toBeLessThanOrEqual(30_100);
    expect(source.lists).toBe(1);
    await informer.close();
  });

  it("does not ask in a loop when every watch is ended at once", async () => {
    const { source, time, informer } = informerUnderTest();
    source.watch = async (request) => {
      source.watches.push({ request, end: () => {} });
    };

    informer.start();
    await time.advance(60_000);

    expect(source.watches.length).toBeLessThan(15);
    await informer.close();
  });

  it("gives up a watch from which nothing comes, not even bookmarks", async () => {
    const { source, time, informer } = informerUnderTest({ watchTimeoutMs: 500_000 });
    informer.start();
    await settle();

    await time.advance(150_000);
    source.last.request.onChange({ type: "BOOKMARK", resourceVersion: "11" });
    await time.advance(150_000);
    expect(source.watches).toHaveLength(1);
    expect(informer.ageMs).toBe(150_000);
    await time.advance(30_000);

    expect(source.watches).toHaveLength(2);
    expect(source.last.request.resourceVersion).toBe("11");
    expect([...informer.restarts]).toEqual([["silent", 1]]);
    expect(informer.idleMs).toBe(0);
    await informer.close();
  });

  it("gives up a watch that the server does not end a minute after it was to", async () => {
    const { source, time, informer } = informerUnderTest({ relistMs: 3_600_000, watchTimeoutMs: 120_000 });
    informer.start();
    await settle();

    const timeoutMs = source.last.request.timeoutSeconds * 1000;
    for (let ms = 0; ms < timeoutMs + 58_000; ms += 1000) {
      source.last.request.onChange({ type: "BOOKMARK", resourceVersion: "11" });
      await time.advance(1000);
    }
    expect(source.watches).toHaveLength(1);
    await time.advance(3000);

    expect(source.watches).toHaveLength(2);
    expect(informer.restarts.get("overdue")).toBe(1);
    await informer.close();
  });

  it("lists everything anew now and then, and finds what a watch had kept from it", async () => {
    const { source, time, changes, informer } = informerUnderTest({ relistMs: 100_000 });
    informer.start();
    await informer.synced;

    source.objects = [object("missed", 5)];
    await time.advance(101_000);

    expect(source.lists).toBe(2);
    expect(changes).toEqual(["missed@5"]);
    await informer.close();
  });

  it("is not synced until it could list, and tries on", async () => {
    const { source, time, informer } = informerUnderTest();
    source.failList = new KubeError("Unavailable", "refused");
    informer.start();
    await time.advance(20_000);
    expect(informer.isSynced).toBe(false);
    expect(source.lists).toBeGreaterThan(3);
    expect(informer.ageMs).toBe(20_000);
    expect(informer.idleMs).toBeLessThan(20_000);

    source.failList = undefined;
    await time.advance(30_000);

    expect(informer.isSynced).toBe(true);
    await informer.close();
  });

  it("is not asked again by a server that is busy before the time that it said", async () => {
    const { source, time, informer } = informerUnderTest();
    source.failList = new KubeError("TooManyRequests", "busy", 9000);
    informer.start();

    await time.advance(8900);
    expect(source.lists).toBe(1);
    await time.advance(200);

    expect(source.lists).toBe(2);
    await informer.close();
  });

  it("leaves no timer and no watch behind when it is closed", async () => {
    const { source, time, informer } = informerUnderTest();
    informer.start();
    await settle();

    await informer.close();

    expect(source.last.request.signal.aborted).toBe(true);
    expect(time.pending).toBe(0);
  });
});

describe("CachedReader", () => {
  it("reads what its informers hold, by key and by labels, and refuses what nobody watches", async () => {
    const { source, informer } = informerUnderTest();
    source.objects = [object("a", 1), object("b", 2)];
    informer.start();
    await informer.synced;
    const reader = new CachedReader([informer]);

    expect((await reader.get(MAPS, { namespace: "ns", name: "a" }))?.metadata.uid).toBe("uid-a");
    expect(await reader.get(MAPS, { namespace: "ns", name: "x" })).toBe(undefined);
    expect((await reader.list(MAPS, "", { app: "b" })).map(({ metadata }) => metadata.name)).toEqual(["b"]);
    expect(await reader.list(MAPS, "ns", { app: "" })).toHaveLength(2);
    expect(await reader.list(MAPS, "ns", { other: "" })).toHaveLength(0);
    await expect(reader.get(MAPS, { namespace: "other", name: "a" })).rejects.toMatchObject({ reason: "Other" });
    await expect(reader.list({ ...MAPS, plural: "secrets" }, "")).rejects.toMatchObject({ reason: "Other" });
    await informer.close();
  });
});
