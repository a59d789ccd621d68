import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEvent, createKeyValue, createWatchResponse, encodeWatchResponse } from "@quorate/protocol";
import { serverUnderTest } from "@quorate/testkit";
import { runClosedLoop } from "../src/closed-loop.ts";
import { putLoad } from "../src/loads.ts";
import { MtlsCertificates } from "../src/mtls.ts";
import { PacedLoad } from "../src/paced-load.ts";
import { type Row, rowsReport } from "../src/rounds.ts";
import { median } from "../src/side-by-side.ts";
import { countEvents } from "../src/workloads.ts";

/* The load generator against an independent server: what it counts is what happened. */

const raw = (bytes: Buffer): Buffer => bytes;

function method(path: string): {
  path: string;
  requestStream: false;
  responseStream: false;
  requestSerialize: typeof raw;
  requestDeserialize: typeof raw;
  responseSerialize: typeof raw;
  responseDeserialize: typeof raw;
} {
  const codec = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };
  return { path, requestStream: false, responseStream: false, ...codec };
}

describe("the closed loop", () => {
  const server = new Server();
  const seen: string[] = [];
  let port = 0;

  beforeAll(async () => {
    server.addService(
      { echo: method("/test.Test/Echo"), large: method("/test.Test/Large"), fail: method("/test.Test/Fail") },
      {
        echo: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
          seen.push(call.request.toString("latin1"));
          answer(null, call.request);
        },
        large: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
          answer(null, Buffer.alloc(300_000, 7)),
        fail: (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
          answer({ code: 5, details: "no" }),
      },
    );
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
  });

  afterAll(() => server.forceShutdown());

  it("makes each call once and sees each answer", async () => {
    const answers: string[] = [];

    const result = await runClosedLoop({
      port,
      path: "/test.Test/Echo",
      connections: 3,
      streams: 4,
      calls: 100,
      request: (_slot, n) => Buffer.from(`request ${n}`),
      answer: (_slot, bytes, start, end) => answers.push(bytes.toString("latin1", start, end)),
    });

    const expected = Array.from({ length: 100 }, (_, n) => `request ${n}`).sort();
    expect(result).toMatchObject({ calls: 100, failed: 0 });
    expect([...answers].sort()).toEqual(expected);
    expect([...seen].sort()).toEqual(expected);
  });

  it("puts large answers together", async () => {
    const lengths = new Set<number>();

    const { failed } = await runClosedLoop({
      port,
      path: "/test.Test/Large",
      connections: 1,
      streams: 3,
      calls: 9,
      request: () => Buffer.alloc(0),
      answer: (_slot, bytes, start, end) => {
        expect(bytes.subarray(start, end).every((byte) => byte === 7)).toBe(true);
        lengths.add(end - start);
      },
    });

    expect(failed).toBe(0);
    expect([...lengths]).toEqual([300_000]);
  });

  it("counts failures", async () => {
    const { failed } = await runClosedLoop({
      port,
      path: "/test.Test/Fail",
      connections: 1,
      streams: 2,
      calls: 10,
      request: () => Buffer.alloc(0),
    });

    expect(failed).toBe(10);
  });

  it("paces requests, and counts their time from when they are due, though they were sent late", async () => {
    using load = await PacedLoad.start({
      port,
      path: "/test.Test/Echo",
      connections: 2,
      perSecond: 1000,
      request: () => Buffer.from("request"),
    });
    const begin = performance.now();
    // Server and generator stand still, and what is due meanwhile waits for both.
    const stall = new Promise<void>((resolve) => {
      setTimeout(() => {
        for (const until = performance.now() + 300; performance.now() < until; ) continue;
        resolve();
      }, 20);
    });

    const latencies = await load.latenciesDuring(stall);

    const seconds = (performance.now() - begin) / 1000;
    expect(latencies.length).toBeGreaterThanOrEqual(300);
    expect(latencies.length).toBeLessThanOrEqual(seconds * 1000 + 1);
    // One a millisecond was due: of the 300 of the stall about half waited 150 ms and more.
    expect(latencies.filter((ms) => ms >= 150).length).toBeGreaterThanOrEqual(140);
  });

  it("paces requests of which none may fail", async () => {
    const request = (): Uint8Array => Buffer.alloc(0);
    using load = await PacedLoad.start({ port, path: "/test.Test/Fail", connections: 1, perSecond: 100, request });

    await expect(load.latenciesDuring(sleep(50))).rejects.toThrow(/requests failed/);
  });
});

describe("a report of rounds", () => {
  const rows: readonly Row<number>[] = [
    { title: "more", unit: "/s", figure: (x) => x, bar: { limit: "etcd", side: "atLeast" } },
    { title: "few", unit: "ms", figure: (x) => x / 10, bar: { limit: 2, side: "atMost" } },
    { title: "less", unit: "MiB", figure: (x) => x, bar: { limit: 30, side: "below" } },
    { title: "none", unit: "", figure: (x) => x * 100 },
  ];

  it("holds the medians of ours against what is asked, and against etcd's", () => {
    const { table, notMet } = rowsReport("what", rows, { etcd: [10, 30, 20], quorate: [20, 5, 40] });
    expect(table.split("\n").slice(2)).toEqual([
      "| more | 20.0 /s | 20.0 /s | ≥ etcd's | met |",
      "| few | 2.0 ms | 2.0 ms | ≤ 2 ms | met |",
      "| less | 20.0 MiB | 20.0 MiB | < 30 MiB | met |",
      "| none | 2,000  | 2,000  |  |  |",
    ]);
    expect(notMet).toEqual([]);
  });

  it("names what is not met", () => {
    const { notMet } = rowsReport("what", rows, { etcd: [31], quorate: [30] });
    expect(notMet).toEqual(["more: 30.0 /s", "few: 3.0 ms", "less: 30.0 MiB"]);
  });
});

describe("the closed loop with client certificates", () => {
  it("is served by a server that asks for them, and not without them", async () => {
    const program = serverUnderTest(join(import.meta.dirname, "../../..")) ?? [];
    await using certificates = await MtlsCertificates.create();
    await using node = await certificates.openNode(program);
    const { port, tls } = await node.target();
    const load = putLoad(port, { connections: 3, streams: 5 }, 200);

    expect(await runClosedLoop({ ...load, tls })).toMatchObject({ calls: 200, failed: 0 });
    const single = { ...load, connections: 1, streams: 1, calls: 1, tls: { ca: tls.ca ?? [] } };
    expect(await runClosedLoop(single)).toMatchObject({ calls: 1, failed: 1 });
  });
});

describe("counting events", () => {
  it("finds each event of a watch response", () => {
    for (const count of [0, 1, 3]) {
      const event = createEvent({ kv: createKeyValue({ key: Uint8Array.of(1), value: new Uint8Array(300) }) });
      const events = Array.from({ length: count }, () => event);
      const bytes = Buffer.from(encodeWatchResponse(createWatchResponse({ watchId: 300n, created: true, events })));

      expect(countEvents(bytes, 0, bytes.length)).toBe(count);
    }
  });
});

describe("the median", () => {
  it("is the middle, or between the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
