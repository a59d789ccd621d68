import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { type LogFields, type Logger, NO_LOGGER, SeededPrng } from "@quorate/base";
import { Writer } from "@quorate/protocol";
import { createMessage, type Message, MessageType } from "@quorate/raft";
import { LeakCheck, waitUntil } from "@quorate/testkit";
import { EntryBlocks } from "../../src/node/peer/entry-blocks.ts";
import { writeMessage } from "../../src/node/peer/raft-message.ts";
import { TestTransport, zeros } from "./support/test-transport.ts";

/**
 * One healthy pair of members, and next to it everything a broken or hostile peer can do to one of them. After each test the
 * pair still talks; at the end nothing is open.
 */
const [A, B, EVIL, GONE] = [1n, 2n, 0xe1n, 0x90n];
const CLUSTER = 0xabcn;
const HEADERS = {
  "X-Server-From": "2",
  "X-Server-Version": "3.5.30",
  "X-Min-Cluster-Version": "3.0.0",
  "X-Etcd-Cluster-ID": "abc",
  "X-Raft-To": "1",
};
/** Made in a hook, as the runner's timer for a hook is open there too. */
let leaks: LeakCheck;
/** Of the connections to read from which `a` has seen go. */
const lost: LogFields[] = [];
const logger: Logger = {
  ...NO_LOGGER,
  warn: (message, fields = {}) => void (message.startsWith("lost TCP streaming") && lost.push(fields)),
  child: () => logger,
};
let a: TestTransport;
let b: TestTransport;

beforeAll(async () => {
  leaks = new LeakCheck();
  a = await TestTransport.start({ id: A, clusterId: CLUSTER, logger });
  b = await TestTransport.start({ id: B, clusterId: CLUSTER });
  a.removed.add(GONE);
  a.join(b);
});

afterEach(async () => {
  a.transport.removePeer(EVIL);
  await theyTalk();
});

afterAll(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
  await waitUntil(() => leaks.check().length === 0, {
    what: "everything to be closed",
    timeoutMs: 5000,
    detail: () => leaks.check().join(),
  });
});

let token = 0;

async function theyTalk(): Promise<void> {
  const index = ++token;
  const has = (test: TestTransport): boolean => test.received.some((message) => message.index === index);
  a.transport.send([createMessage({ type: MessageType.HeartbeatResp, from: A, to: B, term: 1, index })]);
  b.transport.send([createMessage({ type: MessageType.HeartbeatResp, from: B, to: A, term: 1, index })]);
  await waitUntil(() => has(a) && has(b), { what: "the healthy pair to talk", timeoutMs: 2000 });
}

function encoded(message: Partial<Message> & { readonly type: number }): Uint8Array {
  const writer = new Writer();
  const whole = createMessage(message);
  writeMessage(writer, whole, new EntryBlocks().fields(whole.entries));
  return writer.finish();
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(
  path: string,
  init: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
  } = {},
): Promise<Answer> {
  const { method = "GET", headers = HEADERS, body } = init;
  const response = await fetch(a.url + path, {
    method,
    headers: { ...headers, connection: "close" },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

function post(path: string, body: Uint8Array, headers: Readonly<Record<string, string>> = HEADERS): Promise<Answer> {
  return ask(path, { method: "POST", headers, body });
}

/** A socket to `a` that gives no word of its errors. */
function rawSocket(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  return socket;
}

function framed(length: number | bigint, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = Buffer.alloc(8 + rest.length);
  bytes.writeBigUInt64BE(BigInt(length));
  bytes.set(rest, 8);
  return bytes;
}

interface Impostor extends AsyncDisposable {
  readonly url: string;
  /** Paths asked for, without probes. */
  readonly requests: string[];
}

/** Something that listens where a peer is expected. */
async function impostor(handler: (response: ServerResponse, path: string) => void): Promise<Impostor> {
  const requests: string[] = [];
  const server: Server = createHttpServer((request, response) => {
    if (request.url !== "/raft/probing") requests.push(request.url ?? "");
    response.on("error", () => {});
    handler(response, request.url ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

describe("requests that are refused", () => {
  const append = encoded({ type: MessageType.App, from: B, to: A, term: 1, logTerm: 1, index: 1 });
  const snap = (over: Partial<Message> = {}): Uint8Array => {
    const confState = { voters: [A], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    const snapshot = { index: 5, term: 1, confState, data: new Uint8Array(0) };
    const message = encoded({ type: MessageType.Snap, from: B, to: A, term: 1, snapshot, ...over });
    return framed(message.length, message);
  };

  it("name the version and the cluster in etcd's words", async () => {
    for (const path of ["/raft", "/raft/snapshot"]) {
      expect(await post(path, append, {})).toEqual({ status: 412, text: "incompatible version\n" });
      expect(await post(path, append, { ...HEADERS, "X-Server-Version": "nonsense" })).toEqual({
        status: 412,
        text: "incompatible version\n",
      });
      expect(await post(path, append, { ...HEADERS, "X-Min-Cluster-Version": "3.8.0" })).toEqual({
        status: 412,
        text: "incompatible version\n",
      });
      expect(await post(path, append, { ...HEADERS, "X-Etcd-Cluster-ID": "abd" })).toEqual({
        status: 412,
        text: "cluster ID mismatch\n",
      });
    }
    expect(await ask("/raft/stream/message/2", { headers: {} })).toEqual({
      status: 412,
      text: "incompatible version\n",
    });
  });

  it("for streams are told apart, in etcd's order", async () => {
    const texts: readonly (readonly [string, Readonly<Record<string, string>>, number, string])[] = [
      ["/raft/stream/nothing/2", HEADERS, 404, "invalid path\n"],
      ["/raft/stream/message/", HEADERS, 404, "invalid from\n"],
      ["/raft/stream/message/xyz", HEADERS, 404, "invalid from\n"],
      [`/raft/stream/message/${GONE.toString(16)}`, HEADERS, 410, "removed member\n"],
      ["/raft/stream/message/77", HEADERS, 404, "error sender not found\n"],
      ["/raft/stream/msgapp/2", { ...HEADERS, "X-Raft-To": "3" }, 412, "to field mismatch\n"],
    ];
    for (const [path, headers, status, text] of texts)
      expect({ path, ...(await ask(path, { headers })) }).toEqual({ path, status, text });
  });

  it("say 403, which ends an etcd member, to removed members alone", async () => {
    const removed = `{"message":"cannot process message from removed member"}`;
    const from = encoded({ type: MessageType.Vote, from: GONE, to: A, term: 1 });
    expect(await post("/raft", from)).toEqual({ status: 403, text: removed });
    expect(await post("/raft/snapshot", snap({ from: GONE }))).toEqual({ status: 403, text: removed });
    const astray = encoded({ type: MessageType.Vote, from: B, to: 9n, term: 1 });
    expect(await post("/raft", astray)).toEqual({ status: 412, text: "to field mismatch\n" });
    expect(await post("/raft/snapshot", snap({ to: 9n }))).toEqual({ status: 412, text: "to field mismatch\n" });
  });

  it("are those with a body that is not what the path takes", async () => {
    const before = a.received.length;
    const prng = new SeededPrng(3);
    for (let i = 0; i < 60; i++) {
      const bytes = Uint8Array.from({ length: 1 + prng.below(200) }, () => prng.below(256));
      for (const path of ["/raft", "/raft/snapshot", "/leases", "/leases/internal"]) {
        const { status } = await post(path, bytes);
        // Some bytes are messages, but none is one from a member to us.
        expect({ path, i, refused: status >= 400 && status !== 403 }).toEqual({ path, i, refused: true });
      }
    }
    expect(await post("/raft", snap().subarray(8))).toEqual({ status: 400, text: "snapshot without a database\n" });
    expect(await post("/raft/snapshot", framed(append.length, append))).toEqual({
      status: 400,
      text: "wrong raft message type\n",
    });
    expect((await post("/raft/snapshot", framed(2n ** 63n))).status).toBe(400);
    expect((await post("/raft/snapshot", snap().subarray(0, 20))).status).toBe(400);
    expect(a.received.slice(before).filter(({ index }) => index !== token)).toEqual([]);
    expect(a.snapshots).toEqual([]);
  }, 30_000);

  it("are no HTTP at all", async () => {
    const prng = new SeededPrng(4);
    const sockets = Array.from({ length: 50 }, () => {
      const socket = rawSocket(a.port);
      socket.resume();
      socket.write(Uint8Array.from({ length: 1 + prng.below(3000) }, () => prng.below(256)));
      socket.write("POST /raft HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
      return socket;
    });
    await waitUntil(() => sockets.every((socket) => socket.destroyed), {
      what: "the sockets to be closed",
      timeoutMs: 10_000,
    });
  }, 15_000);
});

describe("a peer that is none", () => {
  it("answers streams with garbage, over and over, and is dialled at its pace", async () => {
    const answers: readonly Uint8Array[] = [
      Uint8Array.of(3),
      framed(512 * 1024 * 1024 + 1),
      framed(3, Uint8Array.of(0xff, 0xff, 0xff)),
      Buffer.concat([Uint8Array.of(1), framed(1), framed(2 ** 40)]),
      Buffer.concat([Uint8Array.of(2), framed(2, Uint8Array.of(0x0a, 0xff))]),
    ];
    let turn = 0;
    await using evil = await impostor((response) => {
      response.setHeader("X-Server-Version", "3.5.30");
      response.write(answers[turn++ % answers.length]);
    });
    const before = a.received.length;
    a.transport.addPeer(EVIL, [evil.url]);
    const startedAt = performance.now();
    await waitUntil(() => evil.requests.length >= 20, { what: "twenty dials", timeoutMs: 10_000 });
    // Two streams, one attempt in 100 ms each.
    expect(performance.now() - startedAt).toBeGreaterThan(850);
    expect(a.received.length).toBe(before);
    expect(new Set(evil.requests)).toEqual(new Set(["/raft/stream/message/1", "/raft/stream/msgapp/1"]));
    a.transport.removePeer(EVIL);
  }, 15_000);

  it("is of a release without such streams, refuses, or says that we are gone", async () => {
    const heads: readonly (readonly [number, string | undefined, string])[] = [
      [200, undefined, ""],
      [200, "nonsense", ""],
      [500, "3.5.30", "x".repeat(100_000)],
      [410, "3.5.30", "removed member"],
      [403, "3.5.30", `{"message":"cannot process message to mismatch member"}`],
    ];
    for (const [status, version, text] of heads) {
      await using evil = await impostor((response, path) => {
        if (version !== undefined) response.setHeader("X-Server-Version", version);
        response.statusCode = status;
        response.end(path.startsWith("/raft/stream") || status === 403 ? text : "");
      });
      const before = a.timesRemoved;
      a.transport.addPeer(EVIL, [evil.url]);
      a.transport.send([createMessage({ type: MessageType.HeartbeatResp, from: A, to: EVIL, term: 1 })]);
      await waitUntil(() => evil.requests.length >= 4, { what: "dials", timeoutMs: 5000 });
      await waitUntil(() => status !== 410 || a.timesRemoved > before, {
        what: "word of our removal",
        timeoutMs: 2000,
      });
      expect({ status, removed: a.timesRemoved > before }).toEqual({ status, removed: status === 410 });
      a.transport.removePeer(EVIL);
    }
  }, 30_000);

  it("accepts and says nothing, neither at once nor later: both time out, and are tried again", async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => {
      socket.on("error", () => {});
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    await using silent = await impostor((response) => {
      response.setHeader("X-Server-Version", "3.5.30");
      response.flushHeaders();
    });
    const { port } = mute.address() as { port: number };
    a.transport.addPeer(EVIL, [`http://127.0.0.1:${port}`]);
    b.transport.addPeer(EVIL, [silent.url]);
    await waitUntil(() => sockets.length >= 4 && silent.requests.length >= 4, {
      what: "second dials",
      timeoutMs: 10_000,
    });
    a.transport.removePeer(EVIL);
    b.transport.removePeer(EVIL);
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => mute.close(() => resolve()));
  }, 15_000);
});

describe("connections that cost", () => {
  it("a peer that does not read loses what it does not take, and then its connection; its other stream goes on", async () => {
    a.transport.addPeer(EVIL, ["http://127.0.0.1:1"]);
    const open = (kind: string): Socket => {
      const socket = rawSocket(a.port);
      const head = Object.entries({ ...HEADERS, "X-Server-From": "e1" }).map(
        ([name, value]) => `${name}: ${value}\r\n`,
      );
      socket.write(`GET /raft/stream/${kind}/e1 HTTP/1.1\r\nHost: x\r\n${head.join("")}\r\n`);
      return socket;
    };
    const bulk = open("msgapp");
    const general = open("message");
    let heard = 0;
    general.on("data", (chunk) => (heard += chunk.length));
    await waitUntil(() => heard > 0 && a.transport.activeSince(EVIL) !== undefined, {
      what: "the streams",
      timeoutMs: 5000,
    });

    lost.length = 0;
    const memory = process.memoryUsage().rss;
    const data = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 300; i++) {
      const entries = [{ term: 1, index: i + 1, type: 0, data }];
      a.transport.send([
        createMessage({ type: MessageType.App, from: A, to: EVIL, term: 1, logTerm: 1, index: i, entries }),
      ]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitUntil(() => a.unreachable.includes(EVIL), { what: "word that messages were dropped", timeoutMs: 2000 });
    expect(process.memoryUsage().rss - memory).toBeLessThan(250 * 1024 * 1024);

    const before = heard;
    a.transport.send([createMessage({ type: MessageType.Heartbeat, from: A, to: EVIL, term: 1 })]);
    await waitUntil(() => heard > before, { what: "a heartbeat past the bulk", timeoutMs: 1000 });
    const isGone = (): boolean => lost.some((fields) => fields["stream-writer-type"] === "msgapp");
    await waitUntil(isGone, { what: "the end of the slow connection", timeoutMs: 12_000 });
    expect(lost).toHaveLength(1);
    bulk.destroy();
    general.destroy();
  }, 30_000);

  it("a storm of connections that say nothing, or little by little, ends by itself", async () => {
    const sockets = Array.from({ length: 300 }, () => rawSocket(a.port));
    const drip = setInterval(() => {
      for (const socket of sockets.slice(0, 20))
        if (socket.writable) socket.write("GET /raft/probing HTTP/1.1\r\nX: y".slice(0, 3));
    }, 500);
    for (const socket of sockets) socket.resume();
    await theyTalk();
    await waitUntil(() => sockets.every((socket) => socket.destroyed), {
      what: "the sockets to be closed",
      timeoutMs: 15_000,
    });
    clearInterval(drip);
  }, 25_000);
});

describe("snapshots", () => {
  const confState = { voters: [A], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const snap = (to: bigint): Message =>
    createMessage({
      type: MessageType.Snap,
      from: A,
      to,
      term: 1,
      snapshot: { index: 5, term: 1, confState, data: new Uint8Array(0) },
    });
  const outcome = async (to: bigint): Promise<string> => {
    await waitUntil(() => a.sent.some(({ id }) => id === to), { what: "an outcome", timeoutMs: 15_000 });
    const all = a.sent.splice(0);
    expect(all).toHaveLength(1);
    return all[0]?.outcome ?? "";
  };

  it("fail when nobody is known, when nobody listens, when refused, and when the source fails", async () => {
    a.transport.sendSnapshot(snap(0x55n), zeros(10));
    expect(await outcome(0x55n)).toBe("failed");

    a.transport.addPeer(EVIL, ["http://127.0.0.1:1"]);
    const unread = zeros(2 ** 40);
    a.transport.sendSnapshot(snap(EVIL), unread);
    expect(await outcome(EVIL)).toBe("failed");
    expect(unread.destroyed).toBe(true);
    a.transport.removePeer(EVIL);

    await using evil = await impostor((response) => {
      response.statusCode = 412;
      response.end("cluster ID mismatch\n");
    });
    a.transport.addPeer(EVIL, [evil.url]);
    const refused = zeros(2 ** 40);
    a.transport.sendSnapshot(snap(EVIL), refused);
    expect(await outcome(EVIL)).toBe("failed");
    expect(refused.destroyed).toBe(true);
    a.transport.removePeer(EVIL);

    const broken = zeros(2 ** 40);
    setTimeout(() => broken.destroy(new Error("disk failed")), 50);
    const before = b.snapshots.length;
    a.transport.sendSnapshot(snap(B), broken);
    expect(await outcome(B)).toBe("failed");
    expect(b.snapshots.length).toBe(before);
  }, 30_000);

  it("fail when the receiver does not take them", async () => {
    let asked = 0;
    await using c = await TestTransport.start({
      id: EVIL,
      clusterId: CLUSTER,
      over: {
        onSnapshot: (_message, body) => {
          asked++;
          body.destroy();
          return Promise.reject(new Error("no space left on device"));
        },
      },
    });
    a.transport.addPeer(EVIL, [c.url]);
    a.transport.sendSnapshot(snap(EVIL), zeros(2 ** 40));
    expect(await outcome(EVIL)).toBe("failed");
    expect(asked).toBe(1);
  }, 20_000);

  it("are given up when one side stands still", async () => {
    const stuck = zeros(0);
    stuck._read = () => {};
    a.transport.sendSnapshot(snap(B), stuck);
    expect(await outcome(B)).toBe("failed");
    expect(stuck.destroyed).toBe(true);
  }, 20_000);
});
