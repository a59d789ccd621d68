import { expect, it } from "@jest/globals";
import { EtcdCluster, waitUntil, withTimeout } from "@quorate/testkit";
import { EtcdClient, isEtcdError, prefix, utf8Text, type WatchOptions } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

const KEYS = 7;

/** What a watch gives until the key `w/end`, one line a change. */
async function record(
  client: EtcdClient,
  options: WatchOptions,
  onBatch: () => Promise<void>,
): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const { events } of client.watch(prefix("w/"), options)) {
    for (const { kv, prevKv } of events) {
      seen.push(`${kv.modRevision} ${utf8Text(kv.key)}=${utf8Text(kv.value)} was ${prevKv?.modRevision ?? "absent"}`);
    }
    if (events.some(({ kv }) => utf8Text(kv.key) === "w/end")) break;
    await onBatch();
  }
  return seen;
}

/*
 * Shows that watches lose and repeat nothing whatever becomes of members. Two clients write while each member is killed and restarted
 * in turn, and one hangs for a while; watches that began before, fast and slow ones, are compared with one that reads the
 * history afterwards.
 */
withServers("watches under faults", ({ program }) => {
  it("give the history, whatever member they were on", async () => {
    await using cluster = await EtcdCluster.start({
      members: [{ program }, { program }, { program }],
      medium: "memory",
    });
    const requestDeadlineMs = 2_000;
    await using client = new EtcdClient({ endpoints: cluster.endpoints, requestDeadlineMs });
    await using others = new EtcdClient({ endpoints: cluster.endpoints.toReversed(), requestDeadlineMs });
    const { header } = await client.kv.put("w/begin", "");
    const startRevision = header.revision;
    const nothing = () => Promise.resolve();
    // A slow user: with three changes waiting it lags behind, and is taken off the stream again and again.
    const slowly = () => new Promise<void>((resolve) => setImmediate(resolve));
    const records = [
      record(client, { startRevision, prevKv: true }, nothing),
      record(client, { startRevision, prevKv: true, bufferLength: 3 }, slowly),
      record(others, { startRevision, prevKv: true }, nothing),
      record(others, { startRevision, prevKv: true, requireLeader: false }, nothing),
    ];

    let writing = true;
    let written = 0;
    const writer = async (by: EtcdClient): Promise<void> => {
      for (let i = 0; writing; i++) {
        await by.kv.put(`w/${i % KEYS}`, `${i}`).catch((error: unknown) => {
          if (!isEtcdError(error)) throw error;
        });
        written++;
      }
    };
    const writers = [writer(client), writer(others)];
    const someMore = (): Promise<void> => {
      const goal = written + 30;
      return waitUntil(() => written >= goal, { what: "30 writes", timeoutMs: 30_000 });
    };
    for (const index of [0, 1, 2]) {
      await someMore();
      await cluster.kill(index);
      await someMore();
      await cluster.restart(index);
    }
    cluster.pause(1);
    await someMore();
    cluster.resume(1);
    await someMore();
    writing = false;
    await Promise.all(writers);
    await client.kv.put("w/end", "");

    const history = await record(client, { startRevision, prevKv: true }, nothing);
    const seen = await withTimeout(Promise.all(records), { what: "every watch", timeoutMs: 30_000 });
    expect(history.length).toBeGreaterThan(100);
    for (const one of seen) expect(one).toEqual(history);
  }, 180_000);
});
