import { connect } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { DEFAULT_LIMITS, type GrpcLimits } from "../src/index.ts";
import { resolveLimits } from "../src/limits.ts";
import {
  ACK,
  block,
  call,
  data,
  E,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  message,
  PREFACE,
  RawClient,
  requestFields,
  settings,
  T,
  turn,
  u32,
  until,
} from "./support/raw-client.ts";
import { startServer, type TestServer } from "./support/test-server.ts";

/** The limits of the set-up of connections and of the resources a peer controls, each run into. */

async function limited(limits: Partial<GrpcLimits>, run: (test: TestServer) => Promise<void>): Promise<void> {
  const test = await startServer({ fakeTime: true, limits });
  try {
    await run(test);
  } finally {
    await test.server.close();
  }
}

describe("setting a connection up", () => {
  it("needs the preface within its time", () =>
    limited({}, async (test) => {
      const silent = new RawClient(test.port);
      const slow = new RawClient(test.port);
      slow.send(PREFACE.subarray(0, 20));
      await until(() => !silent.socket.connecting && !slow.socket.connecting);
      for (let i = 0; i < 5; i++) await turn();
      test.advance(9_900);
      expect(silent.closed || slow.closed).toBe(false);
      test.advance(400);
      await Promise.all([silent.waitClosed(), slow.waitClosed()]);
      expect(test.observed.abuses).toEqual(["preface-timeout", "preface-timeout"]);
    }));

  it("needs SETTINGS within its time", () =>
    limited({}, async (test) => {
      const client = new RawClient(test.port);
      client.send(PREFACE);
      await client.waitType(T.SETTINGS);
      test.advance(10_300);
      expect(await client.goAwayCode()).toBe(E.PROTOCOL_ERROR);
    }));

  it("needs our SETTINGS acknowledged within their time", () =>
    limited({}, async (test) => {
      const client = new RawClient(test.port);
      client.send(PREFACE, settings());
      await client.wait((f) => f.type === T.SETTINGS && f.flags === ACK);
      test.advance(10_300);
      expect(await client.goAwayCode()).toBe(E.SETTINGS_TIMEOUT);
    }));

  it("closes connections above their number at once, and serves the others", () =>
    limited({ maxConnections: 2 }, async (test) => {
      const first = await RawClient.open(test.port);
      const second = await RawClient.open(test.port);
      const third = new RawClient(test.port);
      await third.waitClosed();
      expect(test.observed.abuses).toEqual(["too-many-connections"]);
      first.close();
      await until(() => test.observed.connections === 1);
      await until(() => first.closed);
      second.send(call(1));
      expect((await second.response(1)).fields.get("grpc-status")).toBe("0");
      second.close();
    }));

  it("sends the limits it has in its own SETTINGS", () =>
    limited({ maxConcurrentStreams: 77, streamReceiveWindowBytes: 100_000, maxHeaderListBytes: 9999 }, async (test) => {
      const client = await RawClient.open(test.port);
      const { payload } = await client.waitType(T.SETTINGS);
      const entries = Array.from({ length: payload.length / 6 }, (_, i) => [
        payload.readUInt16BE(i * 6),
        payload.readUInt32BE(i * 6 + 2),
      ]);
      expect(entries).toEqual([
        [4, 100_000],
        [6, 9999],
        [3, 77],
      ]);
      client.close();
    }));
});

describe("what a peer may use", () => {
  it("handles no more frames of a connection in a turn than its share", () =>
    limited({ maxFramesPerTurn: 8, maxNewStreamsPerTurn: 4 }, async (test) => {
      const client = await RawClient.open(test.port);
      const ended: number[] = [];
      client.send(...Array.from({ length: 40 }, (_, i) => call(1 + 2 * i)));
      await until(() => {
        ended.push(test.observed.ended.length);
        return test.observed.ended.length === 40;
      });
      const steps = ended.map((count, i) => count - (ended[i - 1] ?? 0));
      expect(Math.max(...steps)).toBeLessThanOrEqual(4);
      client.close();
    }));

  it.each([
    ["too large", [["x-large", "v".repeat(70_000)]]],
    ["of too many fields", Array.from({ length: 130 }, () => ["x", "y"])],
  ] as [string, [string, string][]][])(
    "resets a request with a header list %s, and keeps the table right",
    (_title, extra) =>
      limited({}, async (test) => {
        const client = await RawClient.open(test.port);
        const long = block([...requestFields(), ...extra, ["x-last", "kept"]], true);
        for (let at = 0; at < long.length; at += 16_384) {
          const last = at + 16_384 >= long.length;
          const type = at === 0 ? T.HEADERS : T.CONTINUATION;
          client.send(frame(type, (last ? END_HEADERS : 0) | END_STREAM, 1, long.subarray(at, at + 16_384)));
        }
        expect(await client.resetCode(1)).toBe(E.ENHANCE_YOUR_CALM);
        // x-last is the newest entry of the table.
        client.send(
          frame(T.HEADERS, END_HEADERS, 3, Buffer.concat([block(requestFields()), Buffer.from([0x80 | 62])])),
        );
        client.send(data(3, message(Buffer.from("x"))));
        expect((await client.response(3)).fields.get("grpc-status")).toBe("0");
        client.close();
      }),
  );

  it("ends a connection whose header block is too long on the wire", () =>
    limited({ maxHeaderBlockBytes: 20_000 }, async (test) => {
      const client = await RawClient.open(test.port);
      client.send(frame(T.HEADERS, 0, 1, Buffer.alloc(16_000)), frame(T.CONTINUATION, 0, 1, Buffer.alloc(16_000)));
      expect(await client.goAwayCode()).toBe(E.ENHANCE_YOUR_CALM);
      expect(test.observed.abuses).toEqual(["header-block-too-long"]);
    }));

  it.each([
    ["a header block", (client: RawClient) => client.send(headers(1, requestFields(), 0)), 5_300, "slow-headers"],
    ["a frame", (client: RawClient) => client.send(headers(1, requestFields()).subarray(0, 12)), 30_300, "slow-frame"],
  ])("gives %s only so long to complete", (_title, begin, afterMs, kind) =>
    limited({}, async (test) => {
      const client = await RawClient.open(test.port);
      begin(client);
      for (let i = 0; i < 5; i++) await turn();
      test.advance(afterMs - 600);
      expect(client.closed).toBe(false);
      test.advance(600);
      expect(await client.goAwayCode()).toBe(E.ENHANCE_YOUR_CALM);
      expect(test.observed.abuses).toEqual([kind]);
    }),
  );

  it("refuses calls above their number, and takes them again afterwards", () =>
    limited({ maxOpenStreamsPerConnection: 3 }, async (test) => {
      const client = await RawClient.open(test.port);
      client.send(...[1, 3, 5].map((id) => headers(id, requestFields("/test.Echo/Chat"))), call(7));
      expect(await client.resetCode(7)).toBe(E.REFUSED_STREAM);
      client.send(frame(T.DATA, END_STREAM, 1));
      await client.response(1);
      client.send(call(9));
      expect((await client.response(9)).fields.get("grpc-status")).toBe("0");
      client.close();
    }));

  it("lets no request body grow beyond what unfinished messages may take together", () =>
    limited({ maxUnfinishedBytesPerConnection: 100_000 }, async (test) => {
      const client = await RawClient.open(test.port);
      for (let id = 1; id < 21; id += 2)
        client.send(headers(id, requestFields()), data(id, message(Buffer.alloc(15_000), 0, 1_000_000), 0));
      const refused = await client.wait((f) => f.type === T.HEADERS && (f.flags & END_STREAM) !== 0);
      expect((await client.response(refused.id)).fields.get("grpc-status")).toBe("8");
      expect(client.frames.filter((f) => f.type === T.HEADERS).length).toBeLessThanOrEqual(4);
      client.close();
    }));

  it("counts more data than its window as an error", () =>
    limited({ streamReceiveWindowBytes: 20_000, connectionReceiveWindowBytes: 65_535 }, async (test) => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields("/test.Echo/Never")));
      client.send(data(1, message(Buffer.alloc(9_000), 0, 19_000), 0), data(1, Buffer.alloc(12_000), 0));
      expect(await client.resetCode(1)).toBe(E.FLOW_CONTROL_ERROR);
      const other = await RawClient.open(test.port);
      other.send(
        ...Array.from({ length: 5 }, (_, i) =>
          Buffer.concat([
            headers(1 + 2 * i, requestFields()),
            data(1 + 2 * i, message(Buffer.alloc(16_000), 0, 900_000), 0),
          ]),
        ),
      );
      expect(await other.goAwayCode()).toBe(E.FLOW_CONTROL_ERROR);
      client.close();
    }));

  it("closes a connection whose socket takes nothing for a minute", () =>
    limited({}, async (test) => {
      const client = await RawClient.open(test.port, [4, 0x7fff_ffff]);
      client.send(frame(T.WINDOW_UPDATE, 0, 0, u32(0x7000_0000)));
      client.socket.pause();
      for (let i = 0; i < 12; i++) client.send(call(1 + 2 * i, "/test.Echo/Sized", u32(2_000_000)));
      for (let i = 0; i < 200; i++) await turn();
      test.advance(61_000);
      await until(() => test.observed.connections === 0);
      expect(test.observed.abuses).toContain("write-stall");
      client.close();
    }));

  it("resets a stream whose reader grants no window for a minute", () =>
    limited({}, async (test) => {
      const client = await RawClient.open(test.port);
      client.send(call(1, "/test.Echo/Sized", u32(200_000)));
      await client.waitType(T.DATA, 1);
      for (let i = 0; i < 20; i++) await turn();
      test.advance(61_000);
      expect(await client.resetCode(1)).toBe(E.CANCEL);
      expect(test.observed.abuses).toContain("stalled-stream");
      client.close();
    }));

  it("pings by the rules are answered for ever, too many end the connection", () =>
    limited({}, async (test) => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields("/test.Echo/Chat")));
      const ping = async (): Promise<void> => {
        const before = client.frames.length;
        client.send(frame(T.PING, 0, 0, Buffer.alloc(8)));
        await until(() => client.frames.length > before);
      };
      for (let i = 0; i < 20; i++) {
        await ping();
        test.advance(5_000);
      }
      // Two are forgiven, a message from us wipes the slate.
      for (let i = 0; i < 2; i++) await ping();
      client.send(data(1, message(Buffer.from("x")), 0));
      await client.waitType(T.DATA, 1);
      for (let i = 0; i < 3; i++) await ping();
      client.send(frame(T.PING, 0, 0, Buffer.alloc(8)));
      expect(await client.goAwayCode()).toBe(E.ENHANCE_YOUR_CALM);
    }));
});

describe("the limits themselves", () => {
  it("are checked for sense", () => {
    expect(resolveLimits(undefined)).toEqual(DEFAULT_LIMITS);
    expect(() => resolveLimits({ maxConnections: Number.NaN })).toThrow("non-negative");
    expect(() => resolveLimits({ streamReceiveWindowBytes: 2 ** 31 })).toThrow("stream window");
    expect(() => resolveLimits({ connectionReceiveWindowBytes: 1 })).toThrow("cannot shrink");
    expect(() => resolveLimits({ maxFramesPerTurn: 0 })).toThrow("a frame a turn");
  });

  it("leave a port usable after a listener failed", async () => {
    const test = await startServer();
    await expect(test.server.listen({ host: "127.0.0.1", port: test.port })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
    const socket = connect(test.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.destroy();
    await test.server.close();
  });
});
