/** The JSON gateway by WebSocket, as etcd's grpc-websocket-proxy serves it; a real 3.7.1 was asked the same by hand. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type TemporaryDirectory, temporaryDirectory, waitUntil, withTimeout } from "@quorate/testkit";
import { WebSocket } from "ws";
import { post } from "../http/raw-exchange.ts";
import { b } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const WATCH = "/v3/watch";
const CREATE = '{"create_request":{"key":"YQ=="}}';

let directory: TemporaryDirectory;
let node: TestNode;
let open: Session[];

/** A WebSocket and what it was told. */
class Session {
  readonly socket: WebSocket;
  readonly messages: string[] = [];
  /** Code of its closure, or the HTTP status that it was refused with. */
  readonly end: Promise<number>;
  readonly #opened: Promise<unknown>;

  constructor(path: string, protocols: string[] = [], headers: Readonly<Record<string, string>> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${node.port}${path}`, protocols, { headers });
    this.socket.on("message", (data: Buffer) => this.messages.push(data.toString()));
    this.socket.on("error", () => {});
    this.#opened = new Promise((resolve) => this.socket.on("open", resolve));
    this.end = new Promise((resolve) => {
      this.socket.on("close", resolve);
      this.socket.on("unexpected-response", (_request, response) => resolve(response.resume().statusCode ?? 0));
    });
    open.push(this);
  }

  async send(...messages: readonly string[]): Promise<void> {
    await withTimeout(this.#opened, { what: "an open socket", timeoutMs: 5000 });
    for (const message of messages) this.socket.send(message);
  }

  /** The next message. */
  async next(): Promise<unknown> {
    await waitUntil(() => this.messages.length > 0, { what: "a message", timeoutMs: 5000 });
    return JSON.parse(this.messages.shift() ?? "null");
  }

  closure(): Promise<number> {
    return withTimeout(this.end, { what: "the end of the socket", timeoutMs: 5000 });
  }
}

async function start(...flags: readonly string[]): Promise<void> {
  node = await TestNode.start(directory.path, flags);
}

async function untilNoWatchers(): Promise<void> {
  await waitUntil(async () => (await node.http("/metrics")).body.includes("\netcd_debugging_mvcc_watcher_total 0\n"), {
    what: "the end of the watches",
    timeoutMs: 5000,
  });
}

beforeEach(() => {
  directory = temporaryDirectory("quorate-websockets-", "memory");
  open = [];
});
afterEach(async () => {
  for (const { socket } of open) socket.terminate();
  await node.stop();
  directory.remove();
  expect(node.fatal).toEqual([]);
});

describe("a WebSocket", () => {
  it("carries a request a message and an answer a message", async () => {
    await start();
    const session = new Session(WATCH);

    await session.send(CREATE, '{"create_request":{"key":"Yg==","watch_id":"7"}}');
    expect(await session.next()).toMatchObject({ result: { created: true } });
    expect(await session.next()).toMatchObject({ result: { created: true, watch_id: "7" } });
    await node.client.put({ key: b("b"), value: b("1") });
    expect(await session.next()).toMatchObject({ result: { watch_id: "7", events: [{ kv: { key: "Yg==" } }] } });
    session.socket.close();

    await session.closure();
    await untilNoWatchers();
  });

  it("of a method with one answer is closed behind it", async () => {
    await start();
    await node.client.put({ key: b("a"), value: b("1") });
    const session = new Session("/v3beta/kv/range");

    await session.send('{"key":"YQ=="}');

    expect(await session.next()).toMatchObject({ kvs: [{ key: "YQ==", value: "MQ==" }] });
    expect(await session.closure()).toBe(1000);
  });

  it("brings long answers in one message", async () => {
    await start();
    for (let i = 0; i < 4; i++) await node.client.put({ key: b(`l/${i}`), value: new Uint8Array(1_000_000) });
    const session = new Session("/v3/kv/range");

    await session.send('{"key":"AA==","range_end":"AA=="}');

    const { kvs } = (await session.next()) as { kvs: unknown[] };
    expect(kvs).toHaveLength(4);
    expect(await session.closure()).toBe(1000);
  });

  it.each([
    ["/v3/none", "{}", { code: 5, message: "Not Found" }],
    ["/v3/kv/range", "oops", { code: 3, message: "invalid character 'o' looking for beginning of value" }],
    [
      WATCH,
      "oops",
      { error: { code: 3, message: "Failed to decode request: invalid character 'o' looking for beginning of value" } },
    ],
  ])("to %s that is sent %s is told what is wrong", async (path, message, answer) => {
    await start();
    const session = new Session(path);

    await session.send(message);

    expect(await session.next()).toEqual(answer);
    expect(await session.closure()).toBe(1000);
  });

  it("has its token in the protocol or in a cookie", async () => {
    await start();
    for (const [path, body] of [
      ["user/add", { name: "root", password: "r" }],
      ["role/add", { name: "root" }],
      ["user/grant", { user: "root", role: "root" }],
      ["enable", {}],
    ] as const) {
      expect((await post(node.port, `/v3/auth/${path}`, JSON.stringify(body))).status).toBe(200);
    }
    const login = await post(node.port, "/v3/auth/authenticate", '{"name":"root","password":"r"}');
    const { token } = JSON.parse(login.text) as { token: string };
    const asks = [
      new Session("/v3/kv/range", ["Bearer", token]),
      new Session("/v3/kv/range", [], { cookie: `a=b; token=${token}` }),
      new Session("/v3/kv/range"),
    ];

    for (const session of asks) await session.send('{"key":"YQ=="}');

    expect(await asks[0]?.next()).toMatchObject({ header: { revision: "1" } });
    expect(asks[0]?.socket.protocol).toBe("Bearer");
    expect(await asks[1]?.next()).toMatchObject({ header: { revision: "1" } });
    expect(await asks[2]?.next()).toEqual({ code: 3, message: "etcdserver: user name is empty" });
  });

  it("is not opened for hosts that are not listed, nor elsewhere than under /v3/", async () => {
    await start("--host-whitelist=127.0.0.1");

    expect(await new Session(WATCH, [], { host: "evil.example" }).closure()).toBe(421);
    expect(await new Session("/health").closure()).toBe(200);
    expect(await new Session("/v3/kv//range").closure()).toBe(307);
  });

  it("is closed when a message is too long, and by a member that stops", async () => {
    await start();
    const long = new Session(WATCH);
    await long.send("x".repeat(5_000_000));
    expect(await long.closure()).toBe(1009);
    const session = new Session(WATCH);
    await session.send(CREATE);
    await session.next();

    const stopping = node.drain();

    expect(await session.next()).toEqual({ error: { code: 14, message: "the server is shutting down" } });
    expect(await session.closure()).toBe(1000);
    await stopping;
  });

  it("that is not read is given no more until it is, and ends with its client", async () => {
    await start();
    const session = new Session(WATCH);
    await session.send(CREATE);
    await session.next();
    session.socket.pause();

    const value = new Uint8Array(1_000_000);
    let revision = 1;
    for (let i = 0; i < 60; i++) revision = (await node.client.put({ key: b("a"), value })).header?.revision ?? 0;
    const slow = "\netcd_debugging_mvcc_slow_watcher_total 1\n";
    await waitUntil(async () => (await node.http("/metrics")).body.includes(slow), {
      what: "a watcher that is behind",
      timeoutMs: 10_000,
    });
    session.socket.resume();

    for (let seen = 1; seen < revision; ) {
      const { result } = (await session.next()) as { result: { events: { kv: { mod_revision: string } }[] } };
      for (const { kv } of result.events) expect(Number(kv.mod_revision)).toBe(++seen);
    }
    session.socket.terminate();
    await untilNoWatchers();
  }, 60_000);
});

describe("a request that asks for another protocol", () => {
  it("is served as if it had not, with its body", async () => {
    await start();
    const body = '{"key":"YQ==","value":"YQ=="}';
    const head = `POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n`;
    const socket = connect(node.port, "127.0.0.1");
    let answers = "";
    socket.on("data", (chunk) => {
      answers += chunk.toString();
    });

    // Twice on one connection, and the second body apart from its head.
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    await waitUntil(() => answers.includes('"revision":"2"'), { what: "the first answer", timeoutMs: 5000 });
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n`);
    socket.write(body.slice(0, 5));
    await node.client.range({ key: b("a") });
    socket.write(body.slice(5));
    await waitUntil(() => answers.includes('"revision":"3"'), { what: "the second answer", timeoutMs: 5000 });

    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    socket.destroy();
  });
});
