import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
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
            const { certificate, remoteAddress, remotePort } = c.peer;
            peers.push({ certificate, remoteAddress, remotePort });
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
    expect(test.observed.abuses).toEqual(["unknown-protocol"]);
  });
});
