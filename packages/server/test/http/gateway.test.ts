/** The JSON gateway over HTTP in front of services that the tests play. What etcd 3.7.1 answers was asked of it by hand. */
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import type { GrpcObserver, Services, StreamCall, UnaryCall } from "@quorate/grpc";
import {
  createKeyValue,
  createRangeResponse,
  createWatchResponse,
  decodePutRequest,
  decodeRangeRequest,
  decodeWatchRequest,
  encodeLeaseKeepAliveResponse,
  encodePutResponse,
  encodeRangeResponse,
  encodeSnapshotResponse,
  encodeWatchResponse,
} from "@quorate/protocol";
import { waitUntil } from "@quorate/testkit";
import { parseUrls } from "../../src/node/config/endpoint-url.ts";
import {
  createHttpHandler,
  GATEWAY_LIMITS,
  Gateway,
  type GatewayLimits,
  type HttpListener,
  listenHttp,
} from "../../src/node/http/index.ts";
import { PrometheusMetrics, serverMetrics } from "../../src/node/metrics/index.ts";
import { FakeSource } from "./fake-source.ts";
import { post, RawExchange } from "./raw-exchange.ts";

const RANGE = "/v3/kv/range";
const WATCH = "/v3/watch";
const text = new TextEncoder();

let gateway: Gateway;
let listener: HttpListener;
let port: number;
/** What the services were given and what they do with it. */
let calls: (UnaryCall | StreamCall)[];
let onRange: (call: UnaryCall, message: Uint8Array) => void;
let onWatch: (call: StreamCall) => void;
let onSnapshot: (call: StreamCall) => void;
let observed: string[];

function noted<C extends UnaryCall | StreamCall>(call: C): C {
  calls.push(call);
  return call;
}

const SERVICES: Services = {
  "etcdserverpb.KV": {
    Range: { kind: "unary", handler: (call, message) => onRange(noted(call), message) },
    Put: {
      kind: "unary",
      handler: (call, message) =>
        call.respond(
          encodePutResponse({ header: undefined, prevKv: createKeyValue({ value: decodePutRequest(message).value }) }),
        ),
    },
  },
  "etcdserverpb.Watch": { Watch: { kind: "bidi", handler: (call) => onWatch(noted(call)) } },
  "etcdserverpb.Lease": {
    LeaseKeepAlive: {
      kind: "bidi",
      handler: (call) => {
        call.onMessage = () => call.send(encodeLeaseKeepAliveResponse({ header: undefined, id: 7n, ttl: 9 }));
      },
    },
  },
  "etcdserverpb.Maintenance": { Snapshot: { kind: "serverStream", handler: (call) => onSnapshot(call) } },
};

const OBSERVER: GrpcObserver = {
  callStarted: (path) => void observed.push(`started ${path}`),
  callEnded: (path, _kind, code) => void observed.push(`ended ${path} ${code}`),
  messageReceived: (path, bytes) => void observed.push(`received ${path} ${bytes}`),
  messageSent: (path, bytes) => void observed.push(`sent ${path} ${bytes}`),
  handlerError: (path, error) => void observed.push(`error ${path} ${String(error)}`),
};

function createdWatch(call: StreamCall): void {
  call.onMessage = () => call.send(encodeWatchResponse(createWatchResponse({ created: true })));
  call.onHalfClose = () => {};
}

async function start(limits: Partial<GatewayLimits> = {}): Promise<void> {
  const metrics = new PrometheusMetrics();
  gateway = new Gateway({
    services: SERVICES,
    observer: OBSERVER,
    limits: { ...GATEWAY_LIMITS, messageBytesMax: 1 << 20, ...limits },
    nowMs: () => performance.now(),
  });
  const handler = createHttpHandler({
    source: new FakeSource(),
    healthMetrics: serverMetrics(metrics).health,
    exposition: () => metrics.exposition(),
    logger: NO_LOGGER,
    surface: "client",
    gateway,
    enablePprof: false,
    readTimeoutMs: 5000,
    cors: ["*"],
    hostWhitelist: ["*"],
  });
  const parsed = parseUrls("http://127.0.0.1:0");
  if (!("value" in parsed)) throw new Error("the URL is valid");
  listener = await listenHttp(parsed.value, handler);
  port = Number(listener.address.split(":").pop());
}

async function restart(limits: Partial<GatewayLimits>): Promise<void> {
  await listener.close(0);
  await start(limits);
}

beforeEach(async () => {
  calls = [];
  observed = [];
  onRange = (call) => call.respond(encodeRangeResponse(createRangeResponse({ count: 3 })));
  onWatch = createdWatch;
  onSnapshot = (call) => {
    call.onMessage = () => {
      call.send(
        encodeSnapshotResponse({ header: undefined, remainingBytes: 1, blob: text.encode("a"), version: "<3>" }),
      );
      call.end();
    };
  };
  await start();
});

afterEach(async () => {
  await listener.close(0);
  expect(gateway.openCalls).toBe(0);
});

describe("a unary call", () => {
  it("gives the handler the message, and its answer back as JSON", async () => {
    onRange = (call, message) => {
      const { key, limit } = decodeRangeRequest(message);
      call.respond(encodeRangeResponse(createRangeResponse({ kvs: [createKeyValue({ key })], count: limit })));
    };

    const answer = await post(port, RANGE, '{"key":"Zm9v","limit":"5"} and what follows');

    expect([answer.status, answer.text]).toEqual([200, '{"kvs":[{"key":"Zm9v"}],"count":"5"}']);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "grpc-metadata-content-type": "application/grpc",
      "content-length": "36",
      "access-control-allow-origin": "*",
    });
    expect(observed).toEqual([
      "started /etcdserverpb.KV/Range",
      "received /etcdserverpb.KV/Range 7",
      "sent /etcdserverpb.KV/Range 9",
      "ended /etcdserverpb.KV/Range 0",
    ]);
  });

  it.each(["", "  \n", "{}"])("takes %j for the empty message", async (body) => {
    expect(await post(port, RANGE, body)).toMatchObject({ status: 200, text: '{"count":"3"}' });
  });

  it.each([
    [1, 499],
    [2, 500],
    [3, 400],
    [4, 504],
    [5, 404],
    [6, 409],
    [7, 403],
    [8, 429],
    [9, 400],
    [10, 409],
    [11, 400],
    [12, 501],
    [13, 500],
    [14, 503],
    [15, 500],
    [16, 401],
  ])("that fails with %i is answered %i", async (code, status) => {
    onRange = (call) => call.fail(code, "etcdserver: <so>");

    const answer = await post(port, RANGE);

    expect(answer).toMatchObject({ status, text: JSON.stringify({ code, message: "etcdserver: <so>" }) });
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["www-authenticate"]).toBe(code === 16 ? "etcdserver: <so>" : undefined);
  });

  it.each([
    ['{"key":"*"}', 'proto: (line 1:8): invalid value for bytes field key: "*"'],
    ["hello", "invalid character 'h' looking for beginning of value"],
    ['{"key":', "unexpected EOF"],
  ])("with %s is refused without asking the handler", async (body, message) => {
    expect(await post(port, RANGE, body)).toMatchObject({ status: 400, text: JSON.stringify({ code: 3, message }) });
    expect(calls).toEqual([]);
  });

  it("has its headers as metadata, as grpc-gateway maps them", async () => {
    await post(port, RANGE, "{}", {
      authorization: "Bearer t",
      "Grpc-Metadata-Token": "secret",
      "Grpc-Metadata-HasLeader": "true",
      "Grpc-Metadata-Raw-Bin": "/wA=",
      "Grpc-Metadata-Odd": "\u00e9",
      accept: "*/*",
      "x-forwarded-for": "10.1.1.1",
      "x-else": "1",
    });

    const [call] = calls;
    expect(new Map(call?.metadata.entries())).toEqual(
      new Map([
        ["authorization", "Bearer t"],
        ["grpcgateway-authorization", "Bearer t"],
        ["token", "secret"],
        ["hasleader", "true"],
        ["raw-bin", "\u00ff\0"],
        ["grpcgateway-accept", "*/*"],
        ["x-forwarded-host", `127.0.0.1:${port}`],
        ["x-forwarded-for", "10.1.1.1, 127.0.0.1"],
      ]),
    );
    expect(call?.peer).toMatchObject({ remoteAddress: "127.0.0.1", certificate: undefined });
    expect(call?.path).toBe("/etcdserverpb.KV/Range");
  });

  it("answers with the metadata of the handler", async () => {
    onRange = (call) => {
      call.setResponseMetadata([["served-by", "me"]]);
      call.respond(new Uint8Array(0));
    };

    expect((await post(port, RANGE)).headers["grpc-metadata-served-by"]).toBe("me");
  });

  it("ends when its time is over, and the handler hears of it", async () => {
    let cancelled = false;
    onRange = (call) => {
      call.onCancel = () => {
        cancelled = call.cancelled;
      };
    };

    const answer = await post(port, RANGE, "{}", { "Grpc-Timeout": "10m" });

    expect(answer).toMatchObject({ status: 504, text: '{"code":4,"message":"context deadline exceeded"}' });
    expect(cancelled).toBe(true);
    // Timers may be early by a millisecond.
    expect(calls[0]?.deadlineMs).toBeLessThan(performance.now() + 2);
    expect((await post(port, RANGE, "{}", { "Grpc-Timeout": "-1S" })).status).toBe(504);
    expect((await post(port, RANGE, "{}", { "Grpc-Timeout": "10x" })).text).toBe(
      '{"code":3,"message":"invalid grpc-timeout: 10x"}',
    );
  });

  it("is cancelled when the client goes", async () => {
    let cancelled = false;
    onRange = (call) => {
      call.onCancel = () => {
        cancelled = true;
      };
      exchange.outgoing.destroy();
    };
    const exchange = new RawExchange(port, RANGE);
    exchange.outgoing.end("{}");

    await waitUntil(() => cancelled && gateway.openCalls === 0, { what: "the end of the call", timeoutMs: 5000 });
    expect(observed.at(-1)).toBe("ended /etcdserverpb.KV/Range 1");
  });

  it("whose handler throws fails alone", async () => {
    onRange = () => {
      throw new Error("broken");
    };

    expect(await post(port, RANGE)).toMatchObject({ status: 500, text: '{"code":13,"message":"internal error"}' });
    expect(observed).toContain("error /etcdserverpb.KV/Range Error: broken");
    expect((await post(port, "/v3/kv/put", '{"value":"YQ=="}')).text).toBe('{"prev_kv":{"value":"YQ=="}}');
  });

  it("has long answers sent as the client takes them", async () => {
    const kvs = Array.from({ length: 40_000 }, (_, i) =>
      createKeyValue({ key: text.encode(`key ${i}`), value: new Uint8Array(500) }),
    );
    const message = encodeRangeResponse(createRangeResponse({ kvs, count: kvs.length }));
    onRange = (call) => call.respondParts([message], message.length);
    const exchange = new RawExchange(port, RANGE);
    exchange.outgoing.end("{}");
    const response = await exchange.response;
    response.pause();

    expect((await post(port, "/v3/kv/put")).status).toBe(200);
    await exchange.read();
    const { kvs: read, count } = JSON.parse(await exchange.rest()) as { kvs: { key: string }[]; count: string };

    expect([read.length, count, Buffer.from(read.at(-1)?.key ?? "", "base64").toString()]).toEqual([
      40_000,
      "40000",
      "key 39999",
    ]);
    expect(response.headers["content-length"]).toBeUndefined();
  });
});

describe("paths and methods", () => {
  it.each([
    ["/v3/none", "POST", 404, '{"code":5,"message":"Not Found"}'],
    ["/v3/kv/range/", "POST", 404, '{"code":5,"message":"Not Found"}'],
    ["/v3/kv/rangestream", "POST", 404, '{"code":5,"message":"Not Found"}'],
    ["/v3/none", "GET", 404, '{"code":5,"message":"Not Found"}'],
    [RANGE, "GET", 501, '{"code":12,"message":"Method Not Allowed"}'],
    [RANGE, "PUT", 501, '{"code":12,"message":"Method Not Allowed"}'],
    ["/v3/auth/enable", "POST", 501, '{"code":12,"message":"unknown service etcdserverpb.Auth"}'],
    [
      "/v3/maintenance/hash",
      "POST",
      501,
      '{"code":12,"message":"unknown method Hash for service etcdserverpb.Maintenance"}',
    ],
    ["/v3beta/kv/range", "POST", 200, '{"count":"3"}'],
    ["/v3/kv%2frange", "POST", 200, '{"count":"3"}'],
    ["/v3alpha/kv/range", "POST", 404, "404 page not found\n"],
  ])("%s %s gives %i", async (path, method, status, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });

    expect([response.status, await response.text()]).toEqual([status, body]);
  });

  it("send a client on that leaves out the last slash", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/v3?a=b`, { redirect: "manual" });

    expect([answer.status, answer.headers.get("location")]).toEqual([307, "/v3/?a=b"]);
  });

  it("are taken from a form that says so", async () => {
    const override = { "X-HTTP-Method-Override": "get" };

    expect((await post(port, RANGE, "", override)).status).toBe(200);
    const form = { ...override, "Content-Type": "application/x-www-form-urlencoded" };
    expect((await post(port, RANGE, "", form)).status).toBe(501);
  });
});

describe("a stream", () => {
  it("of requests gets each value of the body, and answers one line each", async () => {
    const exchange = new RawExchange(port, WATCH);
    const seen: string[] = [];
    onWatch = (call) => {
      call.onMessage = (message) => {
        seen.push(Buffer.from(decodeWatchRequest(message).createRequest?.key ?? []).toString());
        call.send(encodeWatchResponse(createWatchResponse({ watchId: BigInt(seen.length), created: true })));
      };
      call.onHalfClose = () => call.end();
    };

    exchange.outgoing.write('{"create_request":{"key":"YQ=="}}{"createReq');
    await exchange.read();
    expect(await exchange.line()).toBe('{"result":{"watch_id":"1","created":true}}');
    exchange.outgoing.write('uest":{"key":"Yg=="}}\n');
    expect(await exchange.line()).toBe('{"result":{"watch_id":"2","created":true}}');
    exchange.outgoing.end();
    expect(await exchange.line()).toBeUndefined();

    expect(seen).toEqual(["a", "b"]);
    expect((await exchange.response).headers).toMatchObject({
      "content-type": "application/json",
      "grpc-metadata-content-type": "application/grpc",
      "transfer-encoding": "chunked",
    });
  });

  it("ends with the body when its handler does not say otherwise, empty when nothing came", async () => {
    expect((await post(port, "/v3/lease/keepalive", '{"ID":7}{"ID":7}')).text).toBe(
      '{"result":{"ID":"7","TTL":"9"}}\n{"result":{"ID":"7","TTL":"9"}}\n',
    );
    const empty = await post(port, "/v3/lease/keepalive", "");
    expect([empty.status, empty.text, empty.headers["content-type"]]).toEqual([200, "", undefined]);
    expect((await post(port, "/v3/lease/keepalive", "x")).status).toBe(200);
  });

  it("of one request gets it, and its text is safe in a page", async () => {
    expect((await post(port, "/v3/maintenance/snapshot", "")).text).toBe(
      '{"result":{"remaining_bytes":"1","blob":"YQ==","version":"\\u003c3\\u003e"}}\n',
    );
    expect(await post(port, "/v3/maintenance/snapshot", "x")).toMatchObject({
      status: 400,
      text: `{"code":3,"message":"invalid character 'x' looking for beginning of value"}`,
    });
  });

  it("of one request asks its handler once, however often the client makes room", async () => {
    const blob = new Uint8Array(32 * 1024);
    let asked = 0;
    onSnapshot = (call) => {
      let left = 300;
      const more = (): void => {
        while (left > 0 && call.writable) {
          call.send(encodeSnapshotResponse({ header: undefined, remainingBytes: --left, blob, version: "" }));
        }
        if (left === 0 && !call.ended) call.end();
      };
      call.onDrain = more;
      call.onMessage = () => {
        asked++;
        more();
      };
    };

    const answer = await post(port, "/v3/maintenance/snapshot");

    expect(asked).toBe(1);
    expect(answer.text.split("\n")).toHaveLength(301);
  });

  it("that fails before its first answer has the status, later only a last line", async () => {
    onWatch = (call) => call.fail(14, "etcdserver: no leader");
    expect(await post(port, WATCH)).toMatchObject({
      status: 503,
      text: '{"error":{"code":14,"message":"etcdserver: no leader"}}\n',
    });
    onWatch = (call) => {
      call.send(encodeWatchResponse(createWatchResponse({ created: true })));
      call.fail(1, "etcdserver: watch canceled");
    };
    expect(await post(port, WATCH)).toMatchObject({
      status: 200,
      text: '{"result":{"created":true}}\n{"error":{"code":1,"message":"etcdserver: watch canceled"}}\n',
    });
  });

  it("goes on after a value that is none, and is refused when that is the first", async () => {
    const exchange = new RawExchange(port, WATCH);
    exchange.outgoing.end("{}oops");
    await exchange.read();

    expect(await exchange.line()).toBe('{"result":{"created":true}}');
    expect(gateway.openCalls).toBe(1);
    (calls[0] as StreamCall).end();
    expect(await exchange.line()).toBeUndefined();
    expect(await post(port, WATCH, "oops")).toMatchObject({
      status: 400,
      text: `{"error":{"code":3,"message":"Failed to decode request: invalid character 'o' looking for beginning of value"}}\n`,
    });
  });

  it("is cancelled when the client goes", async () => {
    let cancelled = false;
    onWatch = (call) => {
      call.onCancel = () => {
        cancelled = true;
      };
      call.onMessage = () => call.send(encodeWatchResponse(createWatchResponse({ created: true })));
    };
    const exchange = new RawExchange(port, WATCH);
    exchange.outgoing.write("{}");
    await exchange.read();
    await exchange.line();

    exchange.outgoing.destroy();

    await waitUntil(() => cancelled && gateway.openCalls === 0, { what: "the end of the call", timeoutMs: 5000 });
    expect((calls[0] as StreamCall).send(new Uint8Array(0))).toBe(false);
  });

  it("is not writable, and takes no requests, while the client takes no answers", async () => {
    const event = encodeWatchResponse(createWatchResponse({ cancelReason: "x".repeat(60_000) }));
    let drained = 0;
    let received = 0;
    onWatch = (call) => {
      call.onDrain = () => void drained++;
      call.onMessage = () => {
        received++;
        while (call.writable) call.send(event);
      };
    };
    const exchange = new RawExchange(port, WATCH);
    exchange.outgoing.write("{}");
    const response = await exchange.response;
    const call = calls[0] as StreamCall;
    let fullLooks = 0;
    const isFull = (): boolean => {
      fullLooks = call.writable ? 0 : fullLooks + 1;
      while (call.writable) call.send(event);
      return fullLooks > 20;
    };
    await waitUntil(isFull, { what: "a full socket", timeoutMs: 10_000 });
    const before = received;
    exchange.outgoing.write("{}".repeat(1000));
    for (let i = 0; i < 5; i++) await post(port, RANGE);

    expect(call.bufferedBytes).toBeLessThan(1 << 20);
    expect([received, call.writable]).toEqual([before, false]);
    response.resume();
    await waitUntil(() => drained > 0 && received > before, { what: "room", timeoutMs: 5000 });
    exchange.outgoing.destroy();
    await waitUntil(() => gateway.openCalls === 0, { what: "the end", timeoutMs: 5000 });
  }, 30_000);

  it("holds requests back while the handler pauses", async () => {
    let received = 0;
    onWatch = (call) => {
      call.onMessage = () => {
        received++;
        call.pause(true);
        call.send(encodeWatchResponse(createWatchResponse({ created: true })));
      };
    };
    const exchange = new RawExchange(port, WATCH);
    exchange.outgoing.end("{}{}{}");
    await exchange.read();

    for (let i = 1; i <= 3; i++) {
      await exchange.line();
      expect(received).toBe(i);
      (calls[0] as StreamCall).pause(false);
    }
    expect(await exchange.line()).toBeUndefined();
  });

  it("is ended by a server that stops; a unary call is not", async () => {
    let answer: () => void = () => {};
    onRange = (call) => {
      answer = () => call.respond(new Uint8Array(0));
    };
    const unary = post(port, RANGE);
    const watching = post(port, WATCH);
    await waitUntil(() => calls.length === 2, { what: "both calls", timeoutMs: 5000 });

    gateway.endStreams();

    expect((await watching).text).toBe(
      '{"result":{"created":true}}\n{"error":{"code":14,"message":"the server is shutting down"}}\n',
    );
    answer();
    expect((await unary).status).toBe(200);
  });
});

describe("limits", () => {
  it("of a message are those of gRPC, in its words", async () => {
    await restart({ messageBytesMax: 1000 });
    const put = (bytes: number): string => JSON.stringify({ value: Buffer.alloc(bytes).toString("base64") });

    expect((await post(port, "/v3/kv/put", put(997))).status).toBe(200);
    expect(await post(port, "/v3/kv/put", put(998))).toMatchObject({
      status: 429,
      text: '{"code":8,"message":"grpc: received message larger than max (1001 vs. 1000)"}',
    });
    const endless = new RawExchange(port, "/v3/kv/put");
    endless.outgoing.write(`{"value":"${"A".repeat(3000)}`);
    await endless.read();
    expect(await endless.rest()).toMatch(/received message larger than max \(\d{4} vs. 1000\)/);
    endless.outgoing.destroy();
  });

  it("of what incomplete requests hold are shared by all", async () => {
    await restart({ heldBytesMax: 10_000 });
    const first = new RawExchange(port, RANGE);
    first.outgoing.write(`{"key":"${"A".repeat(9000)}`);
    await waitUntil(async () => (await post(port, RANGE, `{"key":"${"A".repeat(4000)}"}`)).status === 429, {
      what: "a refusal",
      timeoutMs: 5000,
    });

    expect((await post(port, RANGE)).status).toBe(200);
    first.outgoing.end('"}');
    await first.read();
    expect((await first.response).statusCode).toBe(200);
    expect((await post(port, RANGE, `{"key":"${"A".repeat(4000)}"}`)).status).toBe(200);
  });

  it("of time hold for a body, and for each message of a stream", async () => {
    await restart({ messageTimeoutMs: 50 });
    const late = "the request message did not arrive in time";
    const slow = new RawExchange(port, RANGE);
    slow.outgoing.write("{");
    await slow.read();
    expect(await slow.rest()).toBe(JSON.stringify({ code: 4, message: late }));
    slow.outgoing.destroy();

    const stream = new RawExchange(port, WATCH);
    stream.outgoing.write("{}");
    await stream.read();
    await stream.line();
    stream.outgoing.write('{"create');
    expect(await stream.line()).toBe(JSON.stringify({ error: { code: 4, message: late } }));
    stream.outgoing.destroy();
  });

  it("of time hold for a client that takes nothing of its answers", async () => {
    await restart({ stallTimeoutMs: 50 });
    const event = encodeWatchResponse(createWatchResponse({ cancelReason: "x".repeat(60_000) }));
    let cancelled = false;
    onWatch = (call) => {
      const more = (): void => {
        while (call.writable) call.send(event);
      };
      call.onDrain = more;
      call.onMessage = more;
      call.onCancel = () => {
        cancelled = call.cancelled;
      };
    };
    const exchange = new RawExchange(port, WATCH);
    exchange.outgoing.write("{}");
    await exchange.response;

    await waitUntil(() => cancelled && gateway.openCalls === 0, { what: "the end of the call", timeoutMs: 10_000 });
    expect(observed.at(-1)).toBe("ended /etcdserverpb.Watch/Watch 1");
    exchange.outgoing.destroy();
  });

  it("of open requests refuse more", async () => {
    await restart({ openCallsMax: 1 });
    const stream = new RawExchange(port, WATCH);
    stream.outgoing.write("{}");
    await stream.read();
    await stream.line();

    expect((await post(port, RANGE)).status).toBe(503);
    stream.outgoing.end();
    (calls[0] as StreamCall).end();
    await stream.rest();
    expect((await post(port, RANGE)).status).toBe(200);
  });

  it("of open requests hold for each client, so that idle streams of one do not keep out the others", async () => {
    await restart({ openCallsMax: 8, openCallsPerClientMax: 2 });
    const idle = [new RawExchange(port, WATCH), new RawExchange(port, WATCH)];
    for (const { outgoing } of idle) outgoing.flushHeaders();
    await waitUntil(() => gateway.openCalls === 2, { what: "the streams", timeoutMs: 5000 });

    const message = "the JSON gateway serves as many requests of this client as it may";
    expect(await post(port, RANGE)).toMatchObject({ status: 503, text: JSON.stringify({ code: 14, message }) });
    expect((await post(port, RANGE, "{}", {}, "127.0.0.2")).status).toBe(200);

    idle[0]?.outgoing.destroy();
    await waitUntil(() => gateway.openCalls === 1, { what: "the end of a stream", timeoutMs: 5000 });
    expect((await post(port, RANGE)).status).toBe(200);
    idle[1]?.outgoing.destroy();
    await waitUntil(() => gateway.openCalls === 0, { what: "the end of both", timeoutMs: 5000 });
  });

  it("of time hold for the first message of a stream, whether its body has ended or not", async () => {
    await restart({ messageTimeoutMs: 50 });
    const error = { code: 4, message: "the request message did not arrive in time" };
    const silent = new RawExchange(port, WATCH);
    silent.outgoing.flushHeaders();
    const ended = new RawExchange(port, WATCH);
    ended.outgoing.end();
    for (const exchange of [silent, ended]) {
      await exchange.read();
      expect(await exchange.rest()).toBe(`${JSON.stringify({ error })}\n`);
      exchange.outgoing.destroy();
    }
  });

  it("of time leave a stream alone whose first message has come, though its client takes no answers", async () => {
    await restart({ messageTimeoutMs: 50 });
    const event = encodeWatchResponse(createWatchResponse({ cancelReason: "x".repeat(60_000) }));
    onWatch = (call) => {
      const more = (): void => {
        while (call.writable) call.send(event);
      };
      call.onMessage = more;
      call.onDrain = more;
    };
    const unread = new RawExchange(port, WATCH);
    unread.outgoing.write("{}");
    await unread.response;
    onWatch = createdWatch;
    const stream = new RawExchange(port, WATCH);
    stream.outgoing.write("{}");
    await stream.read();
    await stream.line();
    const silent = new RawExchange(port, WATCH);
    silent.outgoing.flushHeaders();
    await silent.read();
    await silent.rest();
    // The time of the others, which began earlier, was over before.
    expect(gateway.openCalls).toBe(2);
    stream.outgoing.end();
    (calls[1] as StreamCall).end();
    await stream.rest();
    for (const { outgoing } of [silent, unread]) outgoing.destroy();
    await waitUntil(() => gateway.openCalls === 0, { what: "the end of all", timeoutMs: 5000 });
  });

  it("of nesting are reported, whatever nests", async () => {
    expect((await post(port, RANGE, "[".repeat(100_000))).text).toBe(
      `{"code":3,"message":"invalid character '[' exceeded max depth"}`,
    );
    expect((await post(port, RANGE, `{"x":${"[".repeat(9000)}${"]".repeat(9000)}}`)).status).toBe(200);
    expect(
      (await post(port, "/v3/kv/txn", `${'{"success":[{"request_txn":'.repeat(3000)}{}${"}]}".repeat(3000)}`)).text,
    ).toBe('{"code":12,"message":"unknown method Txn for service etcdserverpb.KV"}');
  });
});
