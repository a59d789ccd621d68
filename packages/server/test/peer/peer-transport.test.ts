import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { EMPTY_BYTES, type Logger, NO_LOGGER } from "@quorate/base";
import { createMessage, type Message, MessageType } from "@quorate/raft";
import { freePorts, LeakCheck, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { PrometheusMetrics } from "../../src/node/metrics/index.ts";
import { TestTransport, zeros } from "./support/test-transport.ts";

const [A, B] = [1n, 2n];

function message(from: bigint, to: bigint, over: Partial<Message> = {}): Message {
  return createMessage({ type: MessageType.HeartbeatResp, term: 3, from, to, ...over });
}

function append(index: number, bytes = 10): Message {
  const entries = [{ term: 3, index: index + 1, type: 0, data: new Uint8Array(bytes).fill(index) }];
  return message(A, B, { type: MessageType.App, logTerm: 3, index, entries });
}

async function connected(a: TestTransport, b: TestTransport, id: bigint = B): Promise<void> {
  a.join(b);
  const isUp = (): boolean => a.transport.activeSince(id) !== undefined && b.transport.activeSince(A) !== undefined;
  await waitUntil(isUp, { what: "both sides to be connected", timeoutMs: 5000 });
}

async function received(test: TestTransport, count: number): Promise<readonly Message[]> {
  await waitUntil(() => test.received.length >= count, {
    what: `${count} messages`,
    timeoutMs: 5000,
    detail: () => `${test.received.length} came`,
  });
  return test.received;
}

describe("PeerTransport", () => {
  it("carries messages both ways, in order, and closes without leaving anything open", async () => {
    const leaks = new LeakCheck();
    {
      await using a = await TestTransport.start({ id: A });
      await using b = await TestTransport.start({ id: B });
      await connected(a, b);

      const appends = Array.from({ length: 100 }, (_, i) => append(i, 1000 * i));
      a.transport.send(appends);
      for (let i = 0; i < 10; i++) b.transport.send([message(B, A, { index: i, context: Uint8Array.of(i) })]);

      const arrived = await received(b, 100);
      const isSame = appends.map(({ entries: [sent] }, i) => {
        const got = arrived[i]?.entries[0];
        return got?.index === sent?.index && Buffer.compare(got?.data ?? EMPTY_BYTES, sent?.data ?? EMPTY_BYTES) === 0;
      });
      expect(isSame).toEqual(appends.map(() => true));
      expect((await received(a, 10)).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    await waitUntil(() => leaks.check().length === 0, {
      what: "no leaks",
      timeoutMs: 5000,
      detail: () => leaks.check().join(),
    });
  });

  it("sends by POST while no stream is there, also to somebody it knows only as remote", async () => {
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    a.transport.addRemote(B, [b.url]);

    a.transport.send([message(A, B, { index: 7 })]);

    expect(await received(b, 1)).toEqual([message(A, B, { index: 7 })]);
    // The sender's address came with it.
    b.transport.send([message(B, A, { index: 8 })]);
    expect(await received(a, 1)).toEqual([message(B, A, { index: 8 })]);
  });

  it("leaves out acknowledgements that a later one of the batch covers", async () => {
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    await connected(a, b);
    const ack = (index: number, over: Partial<Message> = {}): Message =>
      message(A, B, { type: MessageType.AppResp, index, ...over });

    a.transport.send([ack(1), ack(2), ack(3, { reject: true }), ack(5), ack(4), ack(6, { term: 4 })]);

    const got = (await received(b, 4)).map(({ index, term }) => [index, term]);
    expect(got).toEqual([
      [3, 3],
      [5, 3],
      [4, 3],
      [6, 4],
    ]);
  });

  it("moves a database in constant memory and tells how that ended", async () => {
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    await connected(a, b);
    const confState = { voters: [A, B], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snap = message(A, B, {
      type: MessageType.Snap,
      snapshot: { index: 9, term: 3, confState, data: new Uint8Array(0) },
    });

    a.transport.sendSnapshot(snap, zeros(64 * 1024 * 1024));
    await waitUntil(() => a.sent.length > 0, { what: "the outcome", timeoutMs: 15_000 });

    expect(a.sent).toEqual([{ id: B, outcome: "delivered" }]);
    expect(b.snapshots).toEqual([{ message: snap, bytes: 64 * 1024 * 1024 }]);
    expect(b.received).toEqual([]);
  });

  it("tries a member's URLs in turn, and those it is given later", async () => {
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    const [dead = 0] = await freePorts(1);
    b.transport.addPeer(A, [`http://127.0.0.1:${dead}`]);
    a.transport.addPeer(B, [`http://127.0.0.1:${dead}`, "nonsense", b.url]);

    await waitUntil(() => a.transport.activeSince(B) !== undefined, { what: "the third URL", timeoutMs: 5000 });
    a.transport.send([message(A, B, { index: 1 })]);
    await received(b, 1);

    b.transport.updatePeer(A, [a.url]);
    await waitUntil(() => b.transport.activeSince(A) !== undefined, { what: "the new URL", timeoutMs: 5000 });
    await waitUntil(
      () => {
        b.transport.send([message(B, A, { index: 2 })]);
        return a.received.length > 0;
      },
      { what: "a message", timeoutMs: 5000 },
    );
  });

  it("goes through unix sockets too", async () => {
    using directory = temporaryDirectory("quorate-peer-", "memory");
    const socketPath = join(directory.path, "peer");
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    await b.transport.listen({ text: `unix://${socketPath}`, scheme: "unix", host: "", port: 0, socketPath });

    a.transport.addPeer(B, [`unix://${socketPath}`]);
    a.transport.send([message(A, B, { index: 1 })]);

    expect(await received(b, 1)).toHaveLength(1);
  });

  it("holds little of a large database, however fast it comes", async () => {
    await using a = await TestTransport.start({ id: A });
    await using b = await TestTransport.start({ id: B });
    await connected(a, b);
    const confState = { voters: [A, B], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot = { index: 9, term: 3, confState, data: new Uint8Array(0) };
    const before = process.memoryUsage().rss;
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss - before)), 20);

    a.transport.sendSnapshot(message(A, B, { type: MessageType.Snap, snapshot }), zeros(512 * 1024 * 1024));
    await waitUntil(() => a.sent.length > 0, { what: "the outcome", timeoutMs: 30_000 });
    clearInterval(watch);

    expect(a.sent).toEqual([{ id: B, outcome: "delivered" }]);
    expect(peak).toBeLessThan(150 * 1024 * 1024);
  }, 40_000);

  it("counts what goes and comes by member, and measures round trip and clock", async () => {
    const metrics = new PrometheusMetrics();
    const warnings: (readonly [string, unknown])[] = [];
    const logger: Logger = {
      ...NO_LOGGER,
      warn: (text, fields) => void warnings.push([text, fields]),
      child: () => logger,
    };
    await using a = await TestTransport.start({ id: A, logger, over: { metrics } });
    await using b = await TestTransport.start({ id: 0xb0bn, over: { wallMs: () => Date.now() + 60_000 } });
    await connected(a, b, 0xb0bn);
    const value = async (name: string, label: string): Promise<number> => {
      const line = (await metrics.exposition()).split("\n").find((text) => text.startsWith(`${name}{${label}="b0b"}`));
      return Number(line?.split(" ").at(-1) ?? Number.NaN);
    };

    const sentBefore = await value("etcd_network_peer_sent_bytes_total", "To");
    const receivedBefore = await value("etcd_network_peer_received_bytes_total", "From");
    a.transport.send([message(A, 0xb0bn, { context: new Uint8Array(5000) })]);
    b.transport.send([message(0xb0bn, A, { context: new Uint8Array(7000) })]);
    await received(a, 1);
    await received(b, 1);
    const sent = (await value("etcd_network_peer_sent_bytes_total", "To")) - sentBefore;
    const got = (await value("etcd_network_peer_received_bytes_total", "From")) - receivedBefore;
    expect([sent >= 5000 && sent < 5200, got >= 7000 && got < 7200]).toEqual([true, true]);

    await waitUntil(() => a.transport.roundTripMs(0xb0bn) !== undefined, { what: "a probe", timeoutMs: 10_000 });
    expect(await value("etcd_network_peer_round_trip_time_seconds_count", "To")).toBe(1);
    expect(warnings).toEqual([["prober found high clock drift", { "clock-drift-ms": expect.any(Number) }]]);

    await b.transport.close();
    await waitUntil(() => a.transport.activeSince(0xb0bn) === undefined, {
      what: "the end to be seen",
      timeoutMs: 5000,
    });
    a.transport.send([message(A, 0xb0bn)]);
    await waitUntil(() => a.unreachable.includes(0xb0bn), { what: "word that it is gone", timeoutMs: 5000 });
    expect(await value("etcd_network_peer_sent_failures_total", "To")).toBeGreaterThan(0);
  }, 20_000);
});
