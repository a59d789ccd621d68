import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { GrpcClient } from "./support/grpc-client.ts";
import { call, RawClient, until } from "./support/raw-client.ts";
import { startServer, type TestServer } from "./support/test-server.ts";

/** Everything that is not gRPC on the same port. */
describe("HTTP on the gRPC port", () => {
  let test: TestServer;
  afterEach(() => test.server.close());

  const echo = (incoming: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      response.writeHead(201, { "x-version": incoming.httpVersion, "x-host": incoming.headers.host ?? "" });
      response.end(
        `${incoming.method} ${incoming.url} ${Buffer.concat(chunks).toString()} ${incoming.socket.remoteAddress}`,
      );
    });
  };

  it("reaches the HTTP server, beside gRPC", async () => {
    test = await startServer({ http: echo });
    const answer = await fetch(`http://127.0.0.1:${test.port}/health?x=1`, { method: "POST", body: "body" });
    expect([answer.status, await answer.text()]).toEqual([201, "POST /health?x=1 body 127.0.0.1"]);
    const client = new GrpcClient(test.port);
    expect((await client.unary("Unary")).code).toBe(0);
    client.close();
  });

  it("keeps connections alive for more requests", async () => {
    test = await startServer({ http: createServer(echo) });
    const socket = connect(test.port, "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    // In pieces, so that the first is too short to tell.
    for (const piece of [
      "P",
      "UT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok",
      "GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    ]) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => text.includes("GET /b"));
    expect(text).toContain("PUT /a ok");
    socket.destroy();
  });

  it("passes upgrades on", async () => {
    const http = createServer();
    http.on("upgrade", (_incoming, socket) =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw bytes"),
    );
    test = await startServer({ http });
    const text = await new Promise<string>((resolve) => {
      const outgoing = request({
        port: test.port,
        host: "127.0.0.1",
        headers: { connection: "upgrade", upgrade: "x" },
      });
      outgoing.on("upgrade", (_response, socket, head) => {
        let all = head.toString();
        socket.on("data", (chunk: Buffer) => {
          all += chunk.toString();
        });
        socket.on("end", () => resolve(all));
        socket.resume();
      });
      outgoing.end();
    });
    expect(text).toBe("raw bytes");
  });

  it("is 404 without one", async () => {
    test = await startServer();
    const answer = await fetch(`http://127.0.0.1:${test.port}/metrics`);
    expect(answer.status).toBe(404);
  });

  it("over HTTP/2 reaches the same server", async () => {
    test = await startServer({ http: echo });
    const session = connectHttp2(`http://127.0.0.1:${test.port}`);
    const stream = session.request({ ":method": "POST", ":path": "/v3/kv/range", "content-type": "application/json" });
    const fields = new Promise<Record<string, unknown>>((resolve) => stream.on("response", resolve));
    stream.end('{"key":"YQ=="}');
    let text = "";
    for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
    expect(text).toBe('POST /v3/kv/range {"key":"YQ=="} 127.0.0.1');
    expect(await fields).toMatchObject({ ":status": 201, "x-version": "1.1", "x-host": `127.0.0.1:${test.port}` });
    session.close();
  });

  it("over HTTP/2 carries large bodies both ways, under flow control", async () => {
    test = await startServer({
      http: (incoming, response) => {
        let bytes = 0;
        incoming.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        incoming.on("end", () => response.end(Buffer.alloc(bytes, "z")));
      },
    });
    const session = connectHttp2(`http://127.0.0.1:${test.port}`);
    const stream = session.request({ ":method": "PUT", ":path": "/" });
    stream.end(Buffer.alloc(3_000_000));
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(3_000_000);
    const head = session.request({ ":method": "GET", ":path": "/" });
    head.end();
    expect(await new Promise((resolve) => head.on("response", (fields) => resolve(fields[":status"])))).toBe(200);
    session.close();
    await new Promise((resolve) => session.once("close", resolve));
  });

  it("over HTTP/2 ends when the handler destroys it, and when the client resets it", async () => {
    let closed = 0;
    test = await startServer({
      http: (incoming, response) => {
        response.on("close", () => closed++);
        if (incoming.url === "/destroy") incoming.socket.destroy();
        else response.write("beginning");
      },
    });
    const session = connectHttp2(`http://127.0.0.1:${test.port}`);
    const destroyed = session.request({ ":path": "/destroy" });
    const code = await new Promise((resolve) => {
      destroyed.on("error", () => undefined);
      destroyed.on("close", () => resolve(destroyed.rstCode));
    });
    expect(code).toBe(2);
    const waiting = session.request({ ":path": "/wait" });
    await new Promise((resolve) => waiting.once("data", resolve));
    waiting.close(8);
    await until(() => closed === 2);
    session.close();
    await new Promise((resolve) => session.once("close", resolve));
  });

  it("gives the headers of a request only so long", async () => {
    test = await startServer({ limits: { http1HeaderTimeoutMs: 60 }, http: echo });
    const slow = connect(test.port, "127.0.0.1");
    slow.write("GET /slow HTTP/1.1\r\nHost: ");
    slow.resume();
    const other = await RawClient.open(test.port);
    other.send(call(1));
    expect((await other.response(1)).fields.get("grpc-status")).toBe("0");
    await new Promise((resolve) => slow.once("close", resolve));
    other.close();
  });
});
