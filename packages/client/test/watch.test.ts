import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createWatchCreateRequest } from "@quorate/protocol";
import { EtcdNode, withTimeout } from "@quorate/testkit";
import {
  allKeys,
  EtcdClient,
  op,
  prefix,
  RPC,
  range,
  utf8Text,
  type WatchBatch,
  type WatchEvent,
} from "../src/index.ts";
import { withServers } from "./support/servers.ts";
import { take } from "./support/taking.ts";

const shown = ({ type, kv, prevKv }: WatchEvent) =>
  `${type} ${utf8Text(kv.key)}=${utf8Text(kv.value)}${prevKv === undefined ? "" : ` was ${utf8Text(prevKv.value)}`}`;

withServers("watch", ({ program }) => {
  let node: EtcdNode;
  let client: EtcdClient;
  beforeAll(async () => {
    node = await EtcdNode.start({ program, medium: "memory" });
    client = new EtcdClient({ endpoints: [node.endpoint] });
  }, 30_000);
  afterAll(async () => {
    await client.close();
    await node.close();
  });

  it("gives what changes from its creation on, a revision at a time", async () => {
    await client.kv.put("one/a", "before");
    await using watcher = client.watch(prefix("one/"), { prevKv: true });
    const { revision } = await watcher.created;

    await client.kv.put("one/a", "1");
    await client.kv.txn().do(op.put("one/b", "2"), op.delete("one/a"), op.put("else", "3")).commit();
    const batches = await take(watcher, 2);

    expect(batches.map(({ header, events }) => [header.revision, ...events.map(shown)])).toEqual([
      [revision + 1, "put one/a=1 was before"],
      [revision + 2, "put one/b=2", "delete one/a= was 1"],
    ]);
    expect(watcher.nextRevision).toBe(revision + 3);
  });

  it("begins in the past, and gives only one kind of change where that is asked for", async () => {
    const { header } = await client.kv.put("two/a", "1");
    await client.kv.put("two/a", "2");
    await client.kv.delete("two/a");
    const startRevision = header.revision;

    const puts = await take(client.watch("two/a", { startRevision, only: "put" }).events(), 2);
    const deletes = await take(client.watch("two/a", { startRevision, only: "delete" }).events(), 1);

    expect([...puts, ...deletes].map(shown)).toEqual(["put two/a=1", "put two/a=2", "delete two/a="]);
  });

  it("keeps many watches apart on one stream", async () => {
    const watchers = Array.from({ length: 50 }, (_, i) => client.watch(`three/${i}`));
    await Promise.all(watchers.map((watcher) => watcher.created));
    for (let i = 0; i < watchers.length; i++) await client.kv.put(`three/${i}`, `${i}`);

    const events = await Promise.all(watchers.map((watcher) => take(watcher.events(), 1)));

    expect(events.flat().map(shown)).toEqual(watchers.map((_, i) => `put three/${i}=${i}`));
    await Promise.all(watchers.map((watcher) => watcher.close()));
  });

  it("ends by leaving the loop, by close and by the signal", async () => {
    const closed = client.watch("four");
    await closed.created;
    const reading = take(closed, 1);
    await closed.close();
    expect(await reading).toEqual([]);

    const controller = new AbortController();
    const aborted = client.watch("four", { signal: controller.signal });
    const failing = take(aborted, 1);
    controller.abort(new Error("enough"));
    await expect(failing).rejects.toMatchObject({ code: "aborted", cause: new Error("enough") });
    await expect(client.watch("four", { signal: controller.signal }).created).rejects.toMatchObject({
      code: "aborted",
    });

    for await (const batch of client.watch("four", {
      startRevision: (await client.kv.put("four", "")).header.revision,
    })) {
      expect(batch.events).toHaveLength(1);
      break;
    }
  });

  it("says from which revision on the history is there when it begins before", async () => {
    await client.kv.put("five", "1");
    const { header } = await client.kv.put("five", "2");
    await client.kv.compact(header.revision);
    const watcher = client.watch("five", { startRevision: 1 });

    await expect(take(watcher, 1)).rejects.toMatchObject({
      code: "compacted",
      compactRevision: header.revision,
      message: "etcdserver: mvcc: required revision has been compacted",
    });
  });

  it("fails for what the server refuses, and leaves the other watches alone", async () => {
    await using other = client.watch("six");
    await other.created;

    await expect(take(client.watch(range("b", "a")), 1)).rejects.toMatchObject({ name: "EtcdError" });
    await client.kv.put("six", "1");
    expect((await take(other.events(), 1)).map(shown)).toEqual(["put six=1"]);
  });

  it("tells progress when asked, after everything before it", async () => {
    await using watcher = client.watch("seven");
    await watcher.created;
    await client.kv.put("seven", "1");
    const batches = take(watcher, 2);
    watcher.requestProgress();
    const { header } = await client.kv.get("seven");

    const seen: readonly WatchBatch[] = await batches;

    expect(new Set(seen.map((batch) => batch.isProgress))).toEqual(new Set([false, true]));
    expect(seen.find((batch) => batch.isProgress)?.header.revision).toBeLessThanOrEqual(header.revision);
  });

  it("loses and repeats nothing for a user who is slow, and does not hold up others", async () => {
    await using slow = client.watch(prefix("eight/"), { bufferLength: 10 });
    await using fast = client.watch(prefix("eight/"));
    await Promise.all([slow.created, fast.created]);
    for (let i = 0; i < 300; i++) await client.kv.put(`eight/${i}`, "");

    const quick = await take(fast.events(), 300);
    const late = await take(slow.events(), 300);

    const names = Array.from({ length: 300 }, (_, i) => `put eight/${i}=`);
    expect(quick.map(shown)).toEqual(names);
    expect(late.map(shown)).toEqual(names);
  });

  it("joins responses that were sent in pieces", async () => {
    const value = new Uint8Array(50_000).fill(120);
    const puts = Array.from({ length: 28 }, (_, i) => op.put(`nine/${i + 10}`, value));
    await client.kv
      .txn()
      .do(...puts)
      .commit();
    await using watcher = client.watch(prefix("nine/"), { prevKv: true });
    await watcher.created;
    const { header } = await client.kv
      .txn()
      .do(...puts)
      .commit();

    const [batch] = await take(watcher, 1);

    // With the values before it is 2.8 MB, above the 2 MiB from which on servers send pieces.
    expect(batch?.events).toHaveLength(28);
    expect(new Set(batch?.events.map((event) => event.kv.modRevision))).toEqual(new Set([header.revision]));
    expect(await piecesOf("nine/", header.revision)).toBeGreaterThan(1);
  });

  async function piecesOf(start: string, startRevision: number): Promise<number> {
    let count = 0;
    const { key, rangeEnd } = { key: prefix(start).start, rangeEnd: prefix(start).end };
    await using stream = await client.stream(RPC.Watch.Watch);
    await stream.write({
      createRequest: createWatchCreateRequest({ key, rangeEnd, startRevision, prevKv: true, fragment: true }),
    });
    for await (const { events, fragment } of stream) {
      if (events.length > 0) count++;
      if (events.length > 0 && !fragment) break;
    }
    return count;
  }

  it("goes on over restarts of the server, from where it was", async () => {
    await using watcher = client.watch(allKeys());
    await using idle = client.watch("ten/never");
    await Promise.all([watcher.created, idle.created]);
    const revisions = (async () => {
      const seen: number[] = [];
      for await (const { kv } of watcher.events()) {
        seen.push(kv.modRevision);
        if (utf8Text(kv.key) === "ten/end") break;
      }
      return seen;
    })();
    const first = (await client.kv.put("ten", "0")).header.revision;

    for (let round = 0; round < 3; round++) {
      await client.kv.put("ten", `${round}`);
      await node.kill();
      await node.restart();
      await client.kv.get("ten");
      await client.kv.put("ten", `again ${round}`);
    }
    const last = (await client.kv.put("ten/end", "")).header.revision;

    expect(await withTimeout(revisions, { what: "the last event", timeoutMs: 20_000 })).toEqual(
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    );
  }, 60_000);

  it("says what became compacted while nothing was taken", async () => {
    await using slow = client.watch(prefix("eleven/"), { bufferLength: 4 });
    await slow.created;
    for (let i = 0; i < 20; i++) await client.kv.put(`eleven/${i}`, "");
    const { header } = await client.kv.put("eleven/end", "");
    await client.kv.compact(header.revision);

    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of slow.events()) seen.push(shown(event));
    })();

    await expect(reading).rejects.toMatchObject({ code: "compacted", compactRevision: header.revision });
    // What was received before comes first.
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => `put eleven/${i}=`));
    expect(seen.length).toBeGreaterThanOrEqual(5);
  });
});

it("a watch that cannot be made fails when no endpoint is reached", async () => {
  await using client = new EtcdClient({ endpoints: ["127.0.0.1:1"], dialTimeoutMs: 100 });
  await expect(take(client.watch("a"), 1)).rejects.toMatchObject({ code: "unreachable" });
});
