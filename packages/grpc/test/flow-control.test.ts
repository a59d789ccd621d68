import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { StreamCall } from "../src/index.ts";
import { collect, GrpcClient } from "./support/grpc-client.ts";
import {
  call,
  data,
  END_STREAM,
  frame,
  headers,
  message,
  RawClient,
  requestFields,
  settings,
  T,
  turn,
  u32,
  until,
  windowUpdate,
} from "./support/raw-client.ts";
import { echoServices, startServer, type TestServer } from "./support/test-server.ts";

/** Flow control in both directions, and that it reaches the handlers. */
describe("flow control", () => {
  let test: TestServer;
  const calls: StreamCall[] = [];
  const received: number[] = [];

  beforeEach(async () => {
    calls.length = 0;
    received.length = 0;
    test = await startServer({
      services: {
        ...echoServices(),
        "test.Manual": {
          Bidi: {
            kind: "bidi",
            handler: (c) => {
              c.onMessage = (m) => received.push(m.length);
              c.onHalfClose = () => c.end();
              calls.push(c);
            },
          },
        },
      },
    });
  });
  afterEach(() => test.server.close());

  const dataBytes = (client: RawClient, id: number): number =>
    client.frames.filter((f) => f.type === T.DATA && f.id === id).reduce((sum, f) => sum + f.payload.length, 0);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await turn();
  };

  it("sends no more than the stream's window, and the rest when it opens", async () => {
    const client = await RawClient.open(test.port, [4, 1000]);
    client.send(call(1, "/test.Echo/Sized", u32(5000)));
    await settle();
    expect(dataBytes(client, 1)).toBe(1000);
    client.send(windowUpdate(1, 1500));
    await settle();
    expect(dataBytes(client, 1)).toBe(2500);
    client.send(windowUpdate(1, 10_000));
    expect((await client.response(1)).body).toHaveLength(5005);
    client.close();
  });

  it("sends no more than the connection's window over all streams", async () => {
    const client = await RawClient.open(test.port, [4, 1_000_000]);
    client.send(...[1, 3, 5].map((id) => call(id, "/test.Echo/Sized", u32(40_000))));
    await settle();
    expect(dataBytes(client, 1) + dataBytes(client, 3) + dataBytes(client, 5)).toBe(65_535);
    client.send(windowUpdate(0, 1_000_000));
    for (const id of [1, 3, 5]) expect((await client.response(id)).body).toHaveLength(40_005);
    client.close();
  });

  it("follows a changed initial window, below zero too", async () => {
    const client = await RawClient.open(test.port, [4, 1000]);
    client.send(call(1, "/test.Echo/Sized", u32(3000)));
    await settle();
    client.send(settings([4, 100]));
    await settle();
    client.send(windowUpdate(1, 900));
    await settle();
    expect(dataBytes(client, 1)).toBe(1000);
    client.send(settings([4, 2000]));
    await settle();
    expect(dataBytes(client, 1)).toBe(2900);
    client.send(settings([4, 65_535]));
    expect((await client.response(1)).body).toHaveLength(3005);
    client.close();
  });

  it("lets bulk streams take turns, in frames of 16 KiB at most, and small answers go first", async () => {
    const client = await RawClient.open(test.port, [4, 0x7fff_ffff]);
    client.send(windowUpdate(0, 0x7000_0000));
    client.send(...[1, 3, 5].map((id) => call(id, "/test.Echo/Sized", u32(1_000_000))), call(7));
    for (const id of [1, 3, 5, 7]) await client.response(id);
    const frames = client.frames.filter((f) => f.type === T.DATA);
    expect(Math.max(...frames.map((f) => f.payload.length))).toBeLessThanOrEqual(16_384);
    expect(frames[0]?.id).toBe(7);
    const firstTwelve = frames.slice(1, 13).map((f) => f.id);
    expect(firstTwelve).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5]);
    client.close();
  });

  it("answers a small call while another connection's bulk is stuck", async () => {
    const stuck = await RawClient.open(test.port, [4, 0x7fff_ffff]);
    stuck.send(windowUpdate(0, 0x7000_0000));
    stuck.socket.pause();
    stuck.send(call(1, "/test.Echo/Sized", u32(50_000_000)));
    await settle();
    const other = await RawClient.open(test.port);
    other.send(call(1));
    expect((await other.response(1)).fields.get("grpc-status")).toBe("0");
    stuck.close();
    other.close();
  });

  it("tells a handler to pause and when to go on", async () => {
    const client = await RawClient.open(test.port, [4, 0]);
    client.send(headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    const stream = calls[0] as StreamCall;
    let drains = 0;
    stream.onDrain = () => drains++;
    const chunk = Buffer.alloc(50_000, "c");
    let sent = 0;
    do sent++;
    while (stream.send(chunk));
    expect(stream.writable).toBe(false);
    // 256 KiB is the mark above which it should pause.
    expect(sent).toBe(6);
    expect(stream.bufferedBytes).toBe(sent * 50_005);
    await settle();
    expect(drains).toBe(0);
    client.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
    await until(() => drains === 1);
    expect(stream.writable).toBe(true);
    stream.end();
    expect((await client.response(1)).body).toHaveLength(sent * 50_005);
    client.close();
  });

  it("sends messages in parts whole, one behind the other, where they go out at once", async () => {
    const client = await RawClient.open(test.port, [4, 10_000_000]);
    client.send(windowUpdate(0, 10_000_000), headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    const stream = calls[0] as StreamCall;
    // The headers go out in a turn of their own, so that the first message begins a buffer; several buffers are filled in one turn.
    stream.sendParts([Buffer.alloc(1, "a")], 1);
    await settle();
    const sizes = Array.from({ length: 40 }, (_, i) => 9000 + i);
    for (const size of sizes) stream.sendParts([Buffer.alloc(100, "b"), Buffer.alloc(size - 100, "c")], size);
    stream.end();
    const { body } = await client.response(1);
    let at = 6;
    for (const size of sizes) {
      const end = at + 5 + size;
      expect(body.readUInt32BE(at + 1)).toBe(size);
      expect(body.subarray(at + 5, end).equals(Buffer.alloc(size, "c").fill("b", 0, 100))).toBe(true);
      at = end;
    }
    expect(body.length).toBe(at);
    client.close();
  });

  it("gives borrowed bytes back once it does not look at them any more", async () => {
    const client = await RawClient.open(test.port, [4, 0]);
    client.send(headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    const stream = calls[0] as StreamCall;
    const memory = Buffer.alloc(40_000, "a");
    let taken = 0;
    const lend = (): void => void stream.sendBorrowed([memory], memory.length, () => taken++);
    lend();
    lend();
    await settle();
    // Windows are shut: all of it waits, and is still looked at.
    expect([taken, stream.bufferedBytes]).toEqual([0, 80_010]);
    client.send(windowUpdate(0, 1_000_000), windowUpdate(1, 80_010));
    await until(() => taken === 2);
    memory.fill("b");
    expect(stream.bufferedBytes).toBe(0);
    // What goes out at once is not looked at afterwards.
    client.send(windowUpdate(1, 20_000));
    await settle();
    stream.sendBorrowed([memory.subarray(0, 10)], 10, () => taken++);
    expect(taken).toBe(3);
    memory.fill("c");
    stream.end();
    const { body } = await client.response(1);
    const messages = Buffer.from(body)
      .toString("latin1")
      .replace(/\0....|[^abc]/gs, "");
    expect([body.length, messages]).toEqual([80_025, "a".repeat(80_000) + "b".repeat(10)]);
    client.close();
  });

  it("forgets what it was lent when the call ends before", async () => {
    const client = await RawClient.open(test.port, [4, 0]);
    client.send(headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    let taken = 0;
    (calls[0] as StreamCall).sendBorrowed([Buffer.alloc(40_000)], 40_000, () => taken++);
    client.send(frame(T.RST_STREAM, 0, 1, u32(8)), headers(3, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 2);
    client.send(windowUpdate(0, 1_000_000), windowUpdate(3, 1_000_000));
    (calls[1] as StreamCall).send(Buffer.alloc(20_000));
    (calls[1] as StreamCall).end();
    await client.response(3);
    expect(taken).toBe(0);
    client.close();
  });

  it("grants no credit to a paused stream, and delivers in order when it goes on", async () => {
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    const stream = calls[0] as StreamCall;
    stream.pause(true);
    for (let i = 0; i < 12; i++) client.send(data(1, message(Buffer.alloc(15_000 + i)), 0));
    client.send(frame(T.DATA, END_STREAM, 1));
    await settle();
    expect(received).toEqual([]);
    expect(client.frames.filter((f) => f.type === T.WINDOW_UPDATE && f.id === 1)).toEqual([]);
    stream.pause(false);
    expect(received).toEqual(Array.from({ length: 12 }, (_, i) => 15_000 + i));
    expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
    client.close();
  });

  it("can be paused from within a message, at any message", async () => {
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields("/test.Manual/Bidi")));
    await until(() => calls.length === 1);
    const stream = calls[0] as StreamCall;
    stream.onMessage = (m) => {
      received.push(m.length);
      stream.pause(true);
    };
    client.send(data(1, Buffer.concat(Array.from({ length: 5 }, (_, i) => message(Buffer.alloc(i)))), END_STREAM));
    for (let i = 1; i <= 5; i++) {
      await until(() => received.length === i);
      await settle();
      expect(received).toHaveLength(i);
      stream.pause(false);
    }
    expect(received).toEqual([0, 1, 2, 3, 4]);
    expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
    client.close();
  });

  it("returns credit in big steps as data is used", async () => {
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields("/test.Echo/Count")));
    const chunk = message(Buffer.alloc(16_000));
    for (let i = 0; i < 400; i++) {
      client.send(data(1, chunk, 0));
      if (i % 8 === 0) await turn();
    }
    client.send(frame(T.DATA, END_STREAM, 1));
    expect((await client.response(1)).body.subarray(5).toString()).toBe("400:6400000");
    const grants = client.frames.filter((f) => f.type === T.WINDOW_UPDATE && f.id === 1);
    expect(grants.length).toBeGreaterThan(10);
    expect(grants.length).toBeLessThan(60);
    client.close();
  });

  it("carries 100 large requests at once on one connection", async () => {
    const client = new GrpcClient(test.port);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) => client.unary("Unary", Buffer.alloc(1_000_000, i))),
    );
    outcomes.forEach(({ code, message: answer }, i) => {
      expect(code).toBe(0);
      expect(answer?.equals(Buffer.alloc(1_000_000, i))).toBe(true);
    });
    client.close();
  });

  it("streams much both ways at once", async () => {
    const client = new GrpcClient(test.port);
    const chat = client.bidi("Chat");
    const done = collect(chat);
    for (let i = 0; i < 200; i++) chat.write(Buffer.alloc(50_000, i));
    chat.end();
    const { messages, code } = await done;
    expect(code).toBe(0);
    expect(messages).toHaveLength(200);
    messages.forEach((m, i) => expect(m.equals(Buffer.alloc(50_000, i))).toBe(true));
    client.close();
  });
});
