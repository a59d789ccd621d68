import { describe, expect, it } from "@jest/globals";
import { Status } from "../src/index.ts";
import { GrpcClient } from "./support/grpc-client.ts";
import {
  ACK,
  call,
  data,
  E,
  frame,
  headers,
  message,
  RawClient,
  requestFields,
  T,
  turn,
  until,
} from "./support/raw-client.ts";
import { startServer } from "./support/test-server.ts";

/** How connections end: drained, aged, silent, closed. */
describe("draining", () => {
  it("announces, waits for the ping, refuses new calls, finishes unary ones, ends streams", async () => {
    const answers: (() => void)[] = [];
    const cancelled: string[] = [];
    const test = await startServer({
      fakeTime: true,
      services: {
        "test.Echo": {
          Unary: { kind: "unary", handler: (c, m) => void answers.push(() => c.respond(m.slice())) },
          Chat: { kind: "bidi", handler: (c) => void (c.onCancel = () => cancelled.push(c.path)) },
        },
      },
    });
    const client = await RawClient.open(test.port);
    client.send(call(1), headers(3, requestFields("/test.Echo/Chat")));
    await until(() => answers.length === 1 && test.observed.started.length === 2);
    let drained = false;
    const draining = test.server.drain(60_000).then(() => {
      drained = true;
    });

    const first = await client.waitType(T.GOAWAY);
    expect([first.payload.readUInt32BE(0), first.payload.readUInt32BE(4)]).toEqual([0x7fff_ffff, E.NO_ERROR]);
    // A call that was on its way is still taken.
    client.send(call(5));
    await until(() => answers.length === 2);
    const ping = await client.wait((f) => f.type === T.PING && f.flags === 0);
    client.send(frame(T.PING, ACK, 0, ping.payload), call(7));
    const second = await client.wait((f) => f.type === T.GOAWAY && f !== first);
    expect(second.payload.readUInt32BE(0)).toBe(5);
    expect(await client.resetCode(7)).toBe(E.REFUSED_STREAM);

    const ended = await client.response(3);
    expect(ended.fields.get("grpc-status")).toBe("14");
    expect(ended.fields.get("grpc-message")).toBe("the server is shutting down");
    expect(cancelled).toEqual(["/test.Echo/Chat"]);
    expect(drained).toBe(false);
    for (const answer of answers) answer();
    expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
    expect((await client.response(5)).fields.get("grpc-status")).toBe("0");
    await draining;
    await client.waitClosed();
  });

  it("does not wait longer for the ping, nor for calls, than it should", async () => {
    const test = await startServer({ fakeTime: true });
    const client = await RawClient.open(test.port);
    client.send(call(1, "/test.Echo/Never"));
    await until(() => test.observed.started.length === 1);
    const draining = test.server.drain(20_000);
    await client.waitType(T.GOAWAY);
    test.advance(5_300);
    await until(() => client.frames.filter((f) => f.type === T.GOAWAY).length === 2);
    expect(client.closed).toBe(false);
    test.advance(15_000);
    await draining;
    await client.waitClosed();
    expect(test.observed.ended).toEqual([["/test.Echo/Never", Status.CANCELLED]]);
  });

  it("is at once done without connections, and takes no more", async () => {
    const test = await startServer();
    await test.server.drain(1000);
    const client = new RawClient(test.port);
    await client.waitClosed();
    expect(client.frames).toEqual([]);
    await test.server.close();
  });

  it("lets grpc-js finish its call and connect elsewhere", async () => {
    const test = await startServer();
    const client = new GrpcClient(test.port);
    await client.unary("Unary");
    const calls = Promise.all(Array.from({ length: 50 }, () => client.unary("Unary", Buffer.alloc(1000))));
    await turn();
    const drained = test.server.drain(5000);
    for (const { code } of await calls) expect([Status.OK, Status.UNAVAILABLE]).toContain(code);
    await drained;
    client.close();
  });
});

describe("time", () => {
  it("ends a connection that has reached its age, leaving calls their grace", async () => {
    const test = await startServer({
      fakeTime: true,
      limits: { maxConnectionAgeMs: 100_000, maxConnectionAgeGraceMs: 10_000 },
    });
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields("/test.Echo/Chat")));
    await until(() => test.observed.started.length === 1);
    test.advance(89_000);
    expect(client.frames.some((f) => f.type === T.GOAWAY)).toBe(false);
    test.advance(22_000);
    const goAway = await client.waitType(T.GOAWAY);
    expect(goAway.payload.subarray(8).toString()).toBe("max_age");
    const ping = await client.wait((f) => f.type === T.PING && f.flags === 0);
    client.send(frame(T.PING, ACK, 0, ping.payload), data(1, message(Buffer.from("still here")), 0));
    await client.waitType(T.DATA, 1);
    await until(() => client.frames.filter((f) => f.type === T.GOAWAY).length === 2);
    test.advance(10_500);
    await client.waitClosed();
    await test.server.close();
  });

  it("pings a silent peer, and gives it up when it does not answer", async () => {
    const test = await startServer({
      fakeTime: true,
      limits: { keepaliveIntervalMs: 10_000, keepaliveTimeoutMs: 3_000 },
    });
    const client = await RawClient.open(test.port);
    const pings = (): number => client.frames.filter((f) => f.type === T.PING && f.flags === 0).length;
    test.advance(10_300);
    const ping = await client.waitType(T.PING);
    client.send(frame(T.PING, ACK, 0, ping.payload));
    for (let i = 0; i < 10; i++) await turn();
    test.advance(9_000);
    expect(pings()).toBe(1);
    test.advance(1_500);
    await until(() => pings() === 2);
    test.advance(3_300);
    await client.waitClosed();
    await until(() => test.observed.connections === 0);
    await test.server.close();
  });

  it("of a server without connections needs no timer", async () => {
    let timers = 0;
    const test = await startServer({
      startTimer: () => {
        timers++;
        return () => timers--;
      },
    });
    expect(timers).toBe(0);
    const client = await RawClient.open(test.port);
    expect(timers).toBe(1);
    client.close();
    await until(() => test.observed.connections === 0);
    await test.server.close();
    expect(timers).toBe(0);
  });
});

describe("closing", () => {
  it("cancels what is in progress and frees the port", async () => {
    const test = await startServer();
    const client = new GrpcClient(test.port);
    const pending = client.unary("Never");
    await until(() => test.observed.started.length === 1);
    await test.server.close();
    expect((await pending).code).toBe(Status.UNAVAILABLE);
    client.close();
    expect(test.observed.connections).toBe(0);
    await test.server.close();
  });

  it("by the client in the middle of everything leaves nothing behind", async () => {
    const test = await startServer();
    for (let cut = 1; cut < 120; cut += 7) {
      const client = await RawClient.open(test.port);
      client.send(Buffer.concat([call(1, "/test.Echo/Never"), call(3)]).subarray(0, cut));
      client.socket.end();
      await client.waitClosed();
    }
    await until(() => test.observed.connections === 0);
    expect(test.observed.started.length).toBe(test.observed.ended.length);
    await test.server.close();
  });
});
