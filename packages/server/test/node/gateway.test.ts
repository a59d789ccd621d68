/** The JSON gateway of a whole member: beside gRPC, over TLS and HTTP/2, with hostile clients, and at its end. */
import { request as plainRequest } from "node:http";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { request as tlsRequest } from "node:https";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  freePorts,
  type IssuedPair,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import { post, RawExchange } from "../http/raw-exchange.ts";
import { b } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const RANGE = "/v3/kv/range";
const PUT = "/v3/kv/put";
const WATCH = "/v3/watch";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

let directory: TemporaryDirectory;
let node: TestNode;

beforeEach(() => {
  directory = temporaryDirectory("quorate-gateway-", "memory");
});
afterEach(async () => {
  await node.stop();
  directory.remove();
  expect(node.fatal).toEqual([]);
});

/** Opens a watch of everything below `prefix` and reads that it was created. */
async function watch(port: number, prefix: string): Promise<RawExchange> {
  const exchange = new RawExchange(port, WATCH);
  const range = { key: base64(`${prefix}/`), range_end: base64(`${prefix}0`) };
  exchange.outgoing.write(JSON.stringify({ create_request: range }));
  await exchange.read();
  expect(JSON.parse((await exchange.line()) ?? "null")).toMatchObject({ result: { created: true } });
  return exchange;
}

describe("the gateway of a member", () => {
  beforeEach(async () => {
    node = await TestNode.start(directory.path);
  });

  it("and gRPC serve the same keys and are counted as the same calls", async () => {
    const watching = await watch(node.port, "k");

    await post(node.port, PUT, JSON.stringify({ key: base64("k/a"), value: base64("1") }));
    await node.client.put({ key: b("k/b"), value: b("2") });

    const keys = [];
    for (let i = 0; i < 2; i++) {
      const { result } = JSON.parse((await watching.line()) ?? "null") as {
        result: { events: { kv: { key: string } }[] };
      };
      keys.push(...result.events.map(({ kv }) => Buffer.from(kv.key, "base64").toString()));
    }
    expect(keys).toEqual(["k/a", "k/b"]);
    expect((await node.client.range({ key: b("k/a") })).kvs[0]?.value).toEqual(b("1"));
    expect((await node.http("/metrics")).body).toContain(
      '\ngrpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} 2\n',
    );
    watching.outgoing.destroy();
    await waitUntil(
      async () => (await node.http("/metrics")).body.includes("\netcd_debugging_mvcc_watcher_total 0\n"),
      {
        what: "the end of the watch",
        timeoutMs: 5000,
      },
    );
  });

  it("ends its streams when the member stops", async () => {
    const watching = await watch(node.port, "k");

    const stopping = node.drain();

    expect(await watching.line()).toBe('{"error":{"code":14,"message":"the server is shutting down"}}');
    expect(await watching.line()).toBeUndefined();
    await stopping;
  });

  it("keeps gRPC going while many clients misbehave", async () => {
    const slow: RawExchange[] = [];
    for (let i = 0; i < 300; i++) {
      const exchange = new RawExchange(node.port, i % 2 === 0 ? WATCH : PUT);
      exchange.outgoing.on("error", () => {});
      exchange.outgoing.write(i % 3 === 0 ? '{"create_request":{"key":"YQ=="' : '{"x":['.repeat(20));
      slow.push(exchange);
    }
    const large = `{"key":"YQ==","value":"${"A".repeat(4_000_000)}"}`;
    const hostile = [
      "[".repeat(1_000_000),
      "{",
      "hello",
      `{"x":"${"\\u0041".repeat(300_000)}"}`,
      large,
      "{}".repeat(200_000),
    ];
    const answers = Promise.all(hostile.map((body) => post(node.port, PUT, body)));

    const startedMs = performance.now();
    for (let i = 0; i < 50; i++) await node.client.put({ key: b(`g/${i}`), value: b("v") });
    const tookMs = performance.now() - startedMs;

    expect((await answers).map(({ status }) => status)).toEqual([400, 400, 400, 400, 429, 400]);
    // Fifty puts one after the other: a client that held the event loop would be seen by seconds.
    expect(tookMs).toBeLessThan(5000);
    for (const exchange of slow) exchange.outgoing.destroy();
  }, 60_000);
});

describe("the gateway over TLS", () => {
  let authority: TestAuthority;
  let authorityDirectory: TemporaryDirectory;
  let named: IssuedPair;
  let nameless: IssuedPair;

  beforeAll(async () => {
    authorityDirectory = temporaryDirectory("quorate-gateway-ca-");
    authority = await TestAuthority.create(authorityDirectory.path);
    named = await authority.issue("root");
    nameless = await authority.issue("nameless", { commonName: "" });
  });
  afterAll(() => authorityDirectory.remove());

  beforeEach(async () => {
    const [port = 0] = await freePorts(1);
    const url = `https://127.0.0.1:${port}`;
    const pair = await authority.issue("server");
    const files = [
      `--cert-file=${pair.certFile}`,
      `--key-file=${pair.keyFile}`,
      `--trusted-ca-file=${authority.caFile}`,
    ];
    const flags = [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, "--client-cert-auth", ...files];
    node = await TestNode.start(directory.path, flags, port);
  });

  const identity = ({
    certificate,
    key,
  }: IssuedPair): { readonly ca: string; readonly cert: string; readonly key: string } => ({
    ca: authority.certificate,
    cert: certificate,
    key,
  });

  function ask(pair: IssuedPair, path: string, body: string): Promise<readonly [status: number, text: string]> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: node.port, path, method: "POST", agent: false, ...identity(pair) };
      const outgoing = tlsRequest(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve([response.statusCode ?? 0, text]));
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  it("refuses names in certificates once authentication is on, as they would not count", async () => {
    const before = await ask(named, RANGE, '{"key":"YQ=="}');
    for (const [path, body] of [
      ["/v3/auth/user/add", { name: "root", password: "r" }],
      ["/v3/auth/role/add", { name: "root" }],
      ["/v3/auth/user/grant", { user: "root", role: "root" }],
      ["/v3/auth/enable", {}],
    ] as const) {
      expect((await ask(nameless, path, JSON.stringify(body)))[0]).toBe(200);
    }

    expect(before[0]).toBe(200);
    expect(await ask(named, RANGE, '{"key":"YQ=="}')).toEqual([
      400,
      "CommonName of client sending a request against gateway will be ignored and not used as expected\n",
    ]);
    expect((await ask(nameless, RANGE, '{"key":"YQ=="}'))[1]).toBe(
      '{"code":3,"message":"etcdserver: user name is empty"}',
    );
    expect((await ask(named, "/version", ""))[0]).toBe(405);
  });

  it("streams over HTTP/2, which clients choose by themselves", async () => {
    const session = connectHttp2(`https://127.0.0.1:${node.port}`, identity(nameless));
    const open = (path: string): ClientHttp2Stream => {
      const stream = session.request({ ":path": path, ":method": "POST", "content-type": "application/json" });
      stream.setEncoding("utf8");
      return stream;
    };
    const watching = open(WATCH);
    let seen = "";
    watching.on("data", (chunk: string) => {
      seen += chunk;
    });
    watching.write('{"create_request":{"key":"YQ=="}}');
    await waitUntil(() => seen.includes('"created":true'), { what: "the watch", timeoutMs: 5000 });
    const putting = open(PUT);
    putting.end('{"key":"YQ==","value":"YQ=="}');
    let answer = "";
    for await (const chunk of putting) answer += String(chunk);

    expect(JSON.parse(answer)).toMatchObject({ header: { revision: "2" } });
    await waitUntil(() => seen.includes('"value":"YQ=="'), { what: "the event", timeoutMs: 5000 });
    watching.close();
    await waitUntil(
      async () => (await ask(nameless, "/metrics", ""))[1].includes("\netcd_debugging_mvcc_watcher_total 0\n"),
      {
        what: "the end of the watch",
        timeoutMs: 5000,
      },
    );
    session.destroy();
  });
});

describe("requests larger than by default", () => {
  it("are taken as over gRPC where the member is told so", async () => {
    node = await TestNode.start(directory.path, ["--max-request-bytes=60000000"]);
    const value = "A".repeat(40_000_000);

    expect((await post(node.port, PUT, `{"key":"YQ==","value":"${value}"}`)).status).toBe(200);
    const read = await post(node.port, RANGE, '{"key":"YQ=="}');
    expect(read.text.includes(`"value":"${value}"`)).toBe(true);
  }, 60_000);
});

describe("without the gateway", () => {
  it("there is nothing under /v3/", async () => {
    node = await TestNode.start(directory.path, ["--enable-grpc-gateway=false"]);

    expect(await post(node.port, RANGE)).toMatchObject({ status: 404, text: "404 page not found\n" });
    expect((await node.http("/health")).status).toBe(200);
  });

  it("there is nothing at URLs for gRPC, when HTTP has its own", async () => {
    const [port = 0] = await freePorts(1);
    node = await TestNode.start(directory.path, [`--listen-client-http-urls=http://127.0.0.1:${port}`]);

    expect((await post(port, PUT, '{"key":"YQ=="}')).status).toBe(200);
    expect((await post(node.port, PUT, '{"key":"YQ=="}')).status).toBe(404);
    const status = await new Promise((resolve) => {
      plainRequest({ host: "127.0.0.1", port: node.port, path: "/version", agent: false }, (response) =>
        resolve(response.resume().statusCode),
      ).end();
    });
    expect(status).toBe(404);
  });
});
