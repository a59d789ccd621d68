import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { PeerInfo, Services } from "../src/index.ts";
import { GrpcClient } from "./support/grpc-client.ts";
import { until } from "./support/raw-client.ts";
import { echoServices, startServer, type TestServer } from "./support/test-server.ts";

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, "fixtures", name));
const key = fixture("server.key");
const cert = fixture("server.crt");
const clientKey = fixture("client.key");
const clientCert = fixture("client.crt");

describe("TLS", () => {
  let test: TestServer;
  afterEach(() => test.server.close());

  it("serves gRPC, large messages too", async () => {
    test = await startServer({ tls: { key, cert } });
    const client = new GrpcClient(test.port, grpc.credentials.createSsl(cert));
    for (const length of [0, 100, 2_000_000]) {
      const bytes = Buffer.alloc(length, "t");
      const { code, message } = await client.unary("Unary", bytes);
      expect(code).toBe(0);
      expect(message?.equals(bytes)).toBe(true);
    }
    client.close();
  });

  it("negotiates h2 and http/1.1, and serves both", async () => {
    test = await startServer({ tls: { key, cert }, http: (_incoming, response) => response.end("plain") });
    const negotiated = async (ALPNProtocols: string[]): Promise<string | false | null> => {
      const socket = connectTls({ port: test.port, host: "127.0.0.1", ca: cert, ALPNProtocols });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      socket.destroy();
      return socket.alpnProtocol;
    };
    expect(await negotiated(["h2", "http/1.1"])).toBe("h2");
    expect(await negotiated(["http/1.1"])).toBe("http/1.1");

    const overHttp1 = await new Promise((resolve) =>
      get({ port: test.port, host: "127.0.0.1", ca: cert, agent: false }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      }),
    );
    expect(overHttp1).toBe("plain");
    const session = connectHttp2(`https://127.0.0.1:${test.port}`, { ca: cert });
    const stream = session.request({ ":path": "/" });
    let overHttp2 = "";
    for await (const chunk of stream.setEncoding("utf8")) overHttp2 += String(chunk);
    expect(overHttp2).toBe("plain");
    session.close();
    await new Promise((resolve) => session.once("close", resolve));
  });

  it("shows handlers the verified certificate of the client", async () => {
    const peers: PeerInfo[] = [];
    const services: Services = {
      "test.Echo": {
        Unary: {
          kind: "unary",
          handler: (c, m) => {
            const { certificate, certificateCommonName, remoteAddress, remotePort } = c.peer;
            peers.push({ certificate, certificateCommonName, remoteAddress, remotePort });
            c.respond(m);
          },
        },
      },
    };
    const tls = { key, cert, ca: clientCert, requestCert: true, rejectUnauthorized: true };
    test = await startServer({ services, tls });
    const client = new GrpcClient(test.port, grpc.credentials.createSsl(cert, clientKey, clientCert));
    expect((await client.unary("Unary")).code).toBe(0);
    client.close();
    expect(peers[0]?.certificate).toEqual({ commonName: "alice", subjectAltName: "DNS:alice.test" });
    expect(peers[0]?.certificateCommonName).toBe("alice");
    expect(peers[0]?.remoteAddress).toBe("127.0.0.1");

    const stranger = new GrpcClient(test.port, grpc.credentials.createSsl(cert));
    expect((await stranger.unary("Unary", undefined, undefined, { deadline: Date.now() + 2000 })).code).not.toBe(0);
    stranger.close();
    expect(peers).toHaveLength(1);
  });

  it("gives a handshake only so long, and goes on serving (GHSA-6vch-q96h-7gc3)", async () => {
    test = await startServer({
      services: echoServices(),
      tls: { key, cert },
      limits: { tlsHandshakeTimeoutMs: 100 },
    });
    const closed: number[] = [];
    for (let i = 0; i < 100; i++) {
      const socket = connect(test.port, "127.0.0.1");
      socket.on("close", () => closed.push(i));
      socket.on("error", () => undefined);
      if (i % 2 === 0) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    }
    const client = new GrpcClient(test.port, grpc.credentials.createSsl(cert));
    for (let i = 0; i < 20; i++) expect((await client.unary("Unary")).code).toBe(0);
    await until(() => closed.length === 100, 1_000_000);
    expect((await client.unary("Unary")).code).toBe(0);
    expect(test.observed.abuses.filter((kind) => kind === "tls-handshake")).toHaveLength(100);
    client.close();
  });

  it("on a port without it is closed at once", async () => {
    test = await startServer();
    const socket = connectTls({ port: test.port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("close", resolve));
    expect(test.observed.abuses).toEqual(["tls-on-plain-port"]);
  });

  it("shows each connection the certificate of its time, and lets those before go on", async () => {
    const [first, second] = [
      { key, cert },
      { key: clientKey, cert: clientCert },
    ];
    let current = first;
    test = await startServer({ tls: { ...first, renew: () => current } });
    const before = new GrpcClient(test.port, grpc.credentials.createSsl(cert));
    expect((await before.unary("Unary")).code).toBe(0);
    expect(await shownBy(test.port)).toBe("localhost");

    current = second;
    expect(await shownBy(test.port)).toBe("alice");
    expect((await before.unary("Unary")).code).toBe(0);
    current = first;
    expect(await shownBy(test.port)).toBe("localhost");
    before.close();
  });

  it("serves nobody whom `verify` refuses, and says why", async () => {
    const seen: string[] = [];
    test = await startServer({
      tls: {
        key,
        cert,
        ca: clientCert,
        requestCert: true,
        rejectUnauthorized: true,
        verify: (socket) => {
          seen.push(String(socket.getPeerCertificate().subject.CN));
          return "not today";
        },
      },
    });
    const client = new GrpcClient(test.port, grpc.credentials.createSsl(cert, clientKey, clientCert));
    const { code } = await client.unary("Unary", undefined, undefined, { deadline: Date.now() + 2000 });
    client.close();

    expect(code).not.toBe(0);
    expect(test.observed.started).toEqual([]);
    expect([seen[0], test.observed.abuses[0], test.observed.reasons[0]]).toEqual([
      "alice",
      "tls-certificate",
      "not today",
    ]);
  });

  it("says what is wrong with a handshake", async () => {
    const tls = { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true };
    test = await startServer({ tls });
    const closed = async (socket: Socket): Promise<void> => {
      socket.on("error", () => undefined);
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
    };
    const plain = connect(test.port, "127.0.0.1");
    plain.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    await closed(plain);
    await closed(connectTls({ port: test.port, host: "127.0.0.1", ca: cert }));
    await closed(connectTls({ port: test.port, host: "127.0.0.1", ca: cert, key: clientKey, cert: clientCert }));

    expect(test.observed.abuses).toEqual(["tls-handshake", "tls-handshake", "tls-handshake"]);
    expect(test.observed.reasons).toEqual([
      "http request",
      "peer did not return a certificate",
      expect.stringMatching(/^client certificate not accepted: [A-Z_]+$/),
    ]);
  });

  it("shares a port with plain text where it is told to", async () => {
    test = await startServer({ http: (_incoming, response) => response.end("plain") });
    const { port } = await test.server.listen({ host: "127.0.0.1", port: 0, tls: { key, cert }, plainToo: true });
    const [secure, open] = [new GrpcClient(port, grpc.credentials.createSsl(cert)), new GrpcClient(port)];
    const bytes = Buffer.alloc(300_000, "m");

    expect((await secure.unary("Unary", bytes)).message?.equals(bytes)).toBe(true);
    expect((await open.unary("Unary", bytes)).message?.equals(bytes)).toBe(true);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("plain");
    expect(test.observed.abuses).toEqual([]);
    secure.close();
    open.close();
  });

  it("is spoken over a unix socket as well", async () => {
    test = await startServer();
    const directory = mkdtempSync(join(tmpdir(), "quorate-grpc-"));
    const path = join(directory, "s");
    await test.server.listenOnPath(path, { tls: { key, cert } });
    const negotiated = await new Promise((resolve, reject) => {
      const socket = connectTls({ path, ca: cert, servername: "localhost", ALPNProtocols: ["h2"] }, () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect(negotiated).toBe("h2");
    await expect(test.server.listenOnPath(path)).rejects.toMatchObject({ code: "EADDRINUSE" });
    rmSync(directory, { recursive: true });
  });

  it("gives up the oldest of too many handshakes, so that an honest one gets through", async () => {
    test = await startServer({ tls: { key, cert }, limits: { maxPendingHandshakes: 10 } });
    const mute: Socket[] = [];
    for (let i = 0; i < 50; i++) {
      const socket = connect(test.port, "127.0.0.1");
      socket.on("error", () => undefined);
      mute.push(socket);
    }
    await until(() => mute.filter((socket) => socket.destroyed).length === 40, 1_000_000);
    const client = new GrpcClient(test.port, grpc.credentials.createSsl(cert));
    expect((await client.unary("Unary")).code).toBe(0);
    expect((await client.unary("Unary")).code).toBe(0);
    client.close();

    expect(test.observed.abuses.filter((kind) => kind === "too-many-handshakes").length).toBeGreaterThanOrEqual(41);
    for (const socket of mute) socket.destroy();
  });

  it("begins only so many handshakes in a turn, and all of them in the end", async () => {
    let turn = 0;
    let counting = true;
    const tick = (): void => {
      turn++;
      if (counting) setImmediate(tick);
    };
    const begun = new Map<number, number>();
    const renew = (): typeof first => {
      begun.set(turn, (begun.get(turn) ?? 0) + 1);
      return first;
    };
    const first = { key, cert };
    test = await startServer({ tls: { ...first, renew }, limits: { maxHandshakesPerTurn: 3 } });
    const hello = await clientHello();
    const sockets = await Promise.all(Array.from({ length: 60 }, () => connected(test.port)));
    // The runtime accepts one connection a turn, so all are accepted then.
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    const answers = sockets.map((socket) => once(socket, "data"));
    tick();
    for (const socket of sockets) socket.write(hello);
    const answered = (await Promise.all(answers)) as [Buffer][];
    counting = false;
    for (const socket of sockets) socket.destroy();

    // A record of the handshake each.
    expect(answered.every(([bytes]) => bytes[0] === 0x16)).toBe(true);
    expect([...begun.values()].reduce((sum, count) => sum + count)).toBe(60);
    expect(Math.max(...begun.values())).toBe(3);
  });

  it("lets a request over HTTP/2 know who sent it, as one over HTTP/1.1 does", async () => {
    const seen: unknown[] = [];
    const tls = { key, cert, ca: clientCert, requestCert: true, rejectUnauthorized: true };
    test = await startServer({
      tls,
      http: (incoming, response) => {
        const socket = incoming.socket as TLSSocket;
        seen.push([socket.encrypted, socket.authorized, socket.getPeerCertificate().subject.CN]);
        response.end();
      },
    });
    const own = { ca: cert, key: clientKey, cert: clientCert };
    await new Promise((resolve) =>
      get({ port: test.port, host: "127.0.0.1", ...own, agent: false }, (response) => resolve(response.resume())),
    );
    const session = connectHttp2(`https://127.0.0.1:${test.port}`, own);
    const stream = session.request({ ":path": "/" });
    stream.resume();
    await new Promise((resolve) => stream.once("close", resolve));
    session.close();

    expect(seen).toEqual([
      [true, true, "alice"],
      [true, true, "alice"],
    ]);
  });
});

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** What a client begins its handshake with. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = connectTls({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  const [socket] = (await once(listener, "connection")) as [Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return bytes;
}

/** Common name of the certificate that a new connection is shown. */
function shownBy(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
