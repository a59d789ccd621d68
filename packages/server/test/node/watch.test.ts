import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { FilterType, type WatchResponse } from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { b, EtcdClient } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";
import { eventText, WatchCall } from "./support/watch-call.ts";

const INTERNAL = 13;

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;
const watches: WatchCall[] = [];

beforeAll(async () => {
  directory = temporaryDirectory("quorate-watch-", "memory");
  node = await TestNode.start(directory.path, ["--watch-progress-notify-interval=100ms", "--max-request-bytes=100000"]);
  client = node.client;
});

afterEach(() => {
  for (const watch of watches.splice(0)) watch.stream.cancel();
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

function watch(through: EtcdClient = client): WatchCall {
  const call = new WatchCall(through);
  watches.push(call);
  return call;
}

const put = async (key: string, value = ""): Promise<number> =>
  (await client.put({ key: b(key), value: b(value) })).header?.revision ?? 0;
/** The revisions of the next `count` events, however they are spread over responses. */
async function revisionsOf(call: WatchCall, count: number): Promise<number[]> {
  const revisions: number[] = [];
  while (revisions.length < count) {
    for (const { kv } of (await call.next()).events) revisions.push(kv?.modRevision ?? 0);
  }
  return revisions;
}
const events = ({ events: found }: WatchResponse): string[] => found.map(eventText);
const prefix = (name: string): { key: Uint8Array; rangeEnd: Uint8Array } => ({
  key: b(`${name}/`),
  rangeEnd: b(`${name}0`),
});

describe("Watch", () => {
  it("tells that it began, then each revision whole and in order", async () => {
    const call = watch();
    const current = (await client.range({ key: b("a") })).header?.revision ?? 0;
    const created = await call.open(prefix("a"));
    expect(created).toMatchObject({ watchId: 0n, created: true, canceled: false, header: { revision: current } });

    const first = await put("a/1", "x");
    await put("elsewhere");
    await client.deleteRange(prefix("a"));
    const responses = [await call.next(), await call.next()];
    expect(responses.map(({ watchId, header }) => [watchId, header?.revision])).toEqual([
      [0n, first],
      [0n, first + 2],
    ]);
    expect(responses.flatMap(events)).toEqual([`PUT a/1=x@${first}`, `DELETE a/1@${first + 2}`]);
  });

  it("tells previous values and leaves out what is filtered", async () => {
    const call = watch();
    await call.open({ key: b("f"), prevKv: true, filters: [FilterType.NODELETE] });
    await call.open({ key: b("f"), prevKv: true, filters: [FilterType.NOPUT] });
    const revision = await put("f", "1");
    await put("f", "2");
    await client.deleteRange({ key: b("f") });

    const told = [await call.next(), await call.next(), await call.next()].map((r) => [r.watchId, ...events(r)]);
    expect(told).toEqual([
      [0n, `PUT f=1@${revision}`],
      [0n, `PUT f=2@${revision + 1} (was 1)`],
      [1n, `DELETE f@${revision + 2} (was 2)`],
    ]);
  });

  it("goes back in history and on from there", async () => {
    const revision = await put("h", "1");
    await put("h", "2");
    const call = watch();
    await call.open({ key: b("h"), startRevision: revision });
    const history = await call.next();
    await put("h", "3");

    expect(events(history)).toEqual([`PUT h=1@${revision}`, `PUT h=2@${revision + 1}`]);
    expect(events(await call.next())).toEqual([`PUT h=3@${revision + 2}`]);
  });

  it("takes IDs of the client's choice and refuses what cannot be watched in etcd's words", async () => {
    const call = watch();
    expect(await call.open({ key: b("i"), watchId: 7n })).toMatchObject({
      watchId: 7n,
      created: true,
      canceled: false,
    });
    const refusals = [
      await call.open({ key: b("i"), watchId: 7n }),
      await call.open({ key: b("i"), rangeEnd: b("h") }),
      await call.open({ key: b("i"), startRevision: -1 }),
    ];
    expect(
      refusals.map(({ watchId, created, canceled, cancelReason }) => [watchId, created, canceled, cancelReason]),
    ).toEqual([
      [-1n, true, true, "mvcc: duplicate watch ID provided on the WatchStream"],
      [-1n, true, true, "mvcc: watcher range is empty"],
      [-1n, true, true, "etcdserver: mvcc: required revision has been compacted"],
    ]);
  });

  it("ends a watcher that is cancelled, and no other", async () => {
    const call = watch();
    await call.open({ key: b("c") });
    await call.open({ key: b("c") });
    call.cancel(9n);
    call.cancel(0n);
    expect(await call.next()).toMatchObject({ watchId: 0n, canceled: true, cancelReason: "", compactRevision: 0 });
    await put("c");
    expect(await call.next()).toMatchObject({ watchId: 1n, canceled: false });
  });

  it("tells a watcher whose start is compacted", async () => {
    const revision = await put("k", "1");
    await put("k", "2");
    await client.compact({ revision: revision + 1 });
    const call = watch();
    expect(await call.open({ key: b("k"), startRevision: revision })).toMatchObject({ created: true, canceled: false });
    expect(await call.next()).toMatchObject({
      watchId: 0n,
      created: false,
      canceled: true,
      compactRevision: revision + 1,
      cancelReason: "",
      header: { revision: 0 },
    });
    await call.open({ key: b("k"), startRevision: revision + 1 });
    expect(events(await call.next())).toEqual([`PUT k=2@${revision + 1}`]);
  });

  it("tells progress when asked, and by itself to who wants it", async () => {
    const call = watch();
    await call.open({ key: b("p") });
    const revision = await put("elsewhere");
    call.requestProgress();
    expect(await call.next()).toMatchObject({ watchId: -1n, header: { revision }, events: [] });

    await call.open({ key: b("p"), progressNotify: true });
    expect(await call.next()).toMatchObject({ watchId: 1n, header: { revision }, events: [], created: false });
  });

  it("splits what is too large for those who asked for fragments, and only for them", async () => {
    const call = watch();
    const first = await put("g/0", "x".repeat(90_000));
    for (let i = 1; i < 10; i++) await put(`g/${i}`, "x".repeat(90_000));
    await call.open({ ...prefix("g"), startRevision: first, fragment: true });
    const parts: WatchResponse[] = [];
    do parts.push(await call.next());
    while (parts.at(-1)?.fragment === true);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap(({ events: found }) => found).map(({ kv }) => kv?.modRevision)).toEqual(
      Array.from({ length: 10 }, (_, i) => first + i),
    );

    await call.open({ ...prefix("g"), startRevision: first });
    expect(await call.next()).toMatchObject({ watchId: 1n, fragment: false, events: { length: 10 } });
  });

  it("serves a thousand watchers of one stream, and as many streams of one watcher", async () => {
    const one = watch();
    for (let i = 0; i < 1000; i++) one.create({ key: b("many") });
    for (let i = 0; i < 1000; i++) expect(await one.next()).toMatchObject({ watchId: BigInt(i), created: true });
    const streams = Array.from({ length: 100 }, () => watch());
    await Promise.all(streams.map((stream) => stream.open({ key: b("many") })));
    const revision = await put("many", "v");

    const ids = new Set<bigint>();
    for (let i = 0; i < 1000; i++) {
      const response = await one.next();
      expect(events(response)).toEqual([`PUT many=v@${revision}`]);
      ids.add(response.watchId);
    }
    expect(ids.size).toBe(1000);
    for (const stream of streams) expect(events(await stream.next())).toEqual([`PUT many=v@${revision}`]);
  });

  it("holds nobody up for a slow reader, who misses nothing", async () => {
    const slowClient = new EtcdClient(node.port);
    const slow = watch(slowClient);
    const quick = watch();
    await slow.open(prefix("s"));
    await quick.open(prefix("s"));
    slow.stream.pause();
    const revisions: number[] = [];
    for (let i = 0; i < 100; i++) revisions.push(await put(`s/${i}`, "x".repeat(90_000)));
    expect(await revisionsOf(quick, 100)).toEqual(revisions);
    expect(node.node.watchHub.stats.slowWatchers).toBe(1);

    slow.stream.resume();
    expect(await revisionsOf(slow, 100)).toEqual(revisions);
    slowClient.close();
  });

  it("outlives a client's half-close, and ends with its call", async () => {
    const call = watch();
    await call.open({ key: b("half") });
    const before = node.node.watchHub.stats.streams;
    call.stream.halfClose();
    const revision = await put("half", "v");
    expect(events(await call.next())).toEqual([`PUT half=v@${revision}`]);

    call.stream.cancel();
    await waitUntil(() => node.node.watchHub.stats.streams === before - 1, {
      what: "the stream to go",
      timeoutMs: 5000,
    });
  });

  it("ends a stream that sends something else than requests", async () => {
    const call = watch();
    await call.open({ key: b("m") });
    call.stream.send(Uint8Array.of(0x0a, 0xff));

    const { code, details } = await call.stream.ended();
    expect([code, details.startsWith("grpc: failed to unmarshal the received message")]).toEqual([INTERNAL, true]);
  });
});
