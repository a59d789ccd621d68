import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEvent, createKeyValue, createWatchResponse, encodeWatchResponse } from "@quorate/protocol";
import { runClosedLoop } from "../src/closed-loop.ts";
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
