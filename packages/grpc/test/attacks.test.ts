import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { withBystander } from "./support/bystander.ts";
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
  reset,
  settings,
  T,
  turn,
  u32,
  until,
  windowUpdate,
} from "./support/raw-client.ts";
import { startServer, type TestServer } from "./support/test-server.ts";

/**
 * The published attacks on HTTP/2 and gRPC servers, each driven from a raw socket while a second client keeps being served
 * and memory is watched (see `withBystander`).
 */
describe("a server under attack", () => {
  let test: TestServer;

  beforeEach(async () => {
    test = await startServer();
  });
  afterEach(async () => {
    await test.server.close();
    expect(test.observed.connections).toBe(0);
  });

  /** Sends pieces until the server has closed the connection, and returns its GOAWAY code. */
  async function flood(client: RawClient, piece: (round: number) => Uint8Array, rounds = 5000): Promise<number> {
    for (let round = 0; round < rounds && !client.closed; round++) {
      client.send(piece(round));
      await turn();
    }
    client.socket.end();
    return client.goAwayCode();
  }

  const many = (count: number, one: (i: number) => Uint8Array): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, i) => one(i)));

  it("ends data dribble (CVE-2019-9511)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port, [4, 1]);
      client.send(call(1, "/test.Echo/Sized", u32(1_000_000)));
      const code = await flood(client, () => many(4, () => windowUpdate(1, 1)));
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("data-dribble");
  });

  it("ends a ping flood (CVE-2019-9512)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      const code = await flood(client, () => many(50, () => frame(T.PING, 0, 0, Buffer.alloc(8))));
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
      const goAway = client.frames.findLast((f) => f.type === T.GOAWAY);
      expect(goAway?.payload.subarray(8).toString()).toBe("too_many_pings");
    });
  });

  it("ends a priority loop (CVE-2019-9513)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      const swap = (i: number): Uint8Array =>
        frame(T.PRIORITY, 0, 1 + 2 * (i % 100), Buffer.concat([u32(3 + 2 * (i % 99)), Buffer.from([i % 256])]));
      expect(await flood(client, () => many(100, swap))).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("priority-flood");
  });

  it("ends a flood of requests that make it reset (CVE-2019-9514)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      let id = 1;
      const code = await flood(client, () =>
        many(30, () => {
          id += 2;
          return headers(id, [[":method", "POST"]]);
        }),
      );
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("provoked-resets");
  });

  it("answers a settings flood no faster than its answers are read (CVE-2019-9515)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.socket.pause();
      for (let round = 0; round < 300; round++) {
        client.send(many(500, () => settings()));
        await turn();
      }
      // The server stopped reading: most of 1.35 MB is still on this side, in the kernel or here.
      client.socket.resume();
      await until(() => client.socket.writableLength === 0);
      client.close();
    });
  });

  it("holds nothing for empty header fields (CVE-2019-9516)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      const zeros: [string, string][] = Array.from({ length: 4000 }, () => ["", ""]);
      const wide = block(zeros, true);
      let id = 1;
      const code = await flood(client, () => {
        id += 2;
        return frame(T.HEADERS, END_HEADERS | END_STREAM, id, wide);
      });
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("header-list");
  });

  it("bounds what waits for a client that does not read (CVE-2019-9517)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port, [4, 0x7fff_ffff]);
      client.send(windowUpdate(0, 0x7000_0000));
      client.socket.pause();
      for (let i = 0; i < 300; i++) {
        client.send(call(1 + 2 * i, "/test.Echo/Sized", u32(1_000_000)));
        await turn();
      }
      // 300 MB were asked for; withBystander checks that they are not held.
      for (let i = 0; i < 100; i++) await turn();
      client.close();
    });
  });

  it("bounds what waits for a client that grants no window", async () => {
    await test.server.close();
    test = await startServer({ limits: { connectionHardBufferBytes: 20_000_000 } });
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port, [4, 0]);
      for (let i = 0; i < 300; i++) {
        client.send(call(1 + 2 * i, "/test.Echo/Sized", u32(1_000_000)));
        await turn();
      }
      await client.wait((f) => f.type === T.RST_STREAM && f.payload.readUInt32BE(0) === E.REFUSED_STREAM);
      client.close();
    });
  });

  it.each([
    ["DATA", (id: number) => frame(T.DATA, 0, id)],
    ["padded DATA", (id: number) => frame(T.DATA, 8, id, Buffer.alloc(201, 200).fill(0, 1))],
  ])("ends a flood of empty %s frames (CVE-2019-9518)", async (_name, empty) => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields("/test.Echo/Chat")));
      expect(await flood(client, () => many(20, () => empty(1)))).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("empty-frames");
  });

  it("ends a flood of empty CONTINUATION frames (CVE-2019-9518)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.send(frame(T.HEADERS, 0, 1));
      expect(await flood(client, () => frame(T.CONTINUATION, 0, 1))).toBe(E.ENHANCE_YOUR_CALM);
    });
  });

  it("refuses a SETTINGS frame with thousands of entries (CVE-2020-11080)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.send(settings(...Array.from({ length: 2400 }, (): [number, number] => [9, 1])));
      expect(await client.goAwayCode()).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("many-settings");
  });

  it("does not unfold an HPACK bomb (CVE-2016-1544)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      const seed = block([["x-bomb", "b".repeat(4000)]], true);
      client.send(frame(T.HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(requestFields()), seed])));
      const bomb = Buffer.alloc(16_000, 0x80 | 62);
      let id = 1;
      const code = await flood(client, () => {
        id += 2;
        return frame(T.HEADERS, END_HEADERS | END_STREAM, id, bomb);
      });
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
    });
  });

  it.each([
    ["a string longer than its block", Buffer.from([0x40, 0x7f, 0xff, 0xff, 0xff, 0x07, 0x61])],
    ["an endless integer", Buffer.concat([Buffer.from([0xff]), Buffer.alloc(10_000, 0x80)])],
  ])("rejects %s at once (CVE-2023-33953)", async (_name, bytes) => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.send(frame(T.HEADERS, END_HEADERS, 1, bytes));
      expect(await client.goAwayCode()).toBe(E.COMPRESSION_ERROR);
    });
  });

  it("ends rapid resets (CVE-2023-44487)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      let id = -1;
      const code = await flood(client, () =>
        many(50, () => {
          id += 2;
          return Buffer.concat([headers(id, requestFields("/test.Echo/Never")), reset(id)]);
        }),
      );
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
      expect(id).toBeLessThan(10_000);
    });
    expect(test.observed.abuses).toContain("rapid-reset");
  });

  it("counts a reset call against the limit until its handler is done (CVE-2023-39325)", async () => {
    await test.server.close();
    test = await startServer({ limits: { maxOpenStreamsPerConnection: 10 } });
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      for (let id = 1; id < 21; id += 2) client.send(call(id, "/test.Echo/Never"), reset(id));
      client.send(call(21));
      expect(await client.resetCode(21)).toBe(E.REFUSED_STREAM);
      client.close();
    });
  });

  it("ends a CONTINUATION flood (CVE-2023-45288, CVE-2024-27316, CVE-2024-27983, CVE-2024-28182)", async () => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      client.send(frame(T.HEADERS, 0, 1, block(requestFields())));
      const more = block([["x-more", "y".repeat(8000)]], true);
      expect(await flood(client, () => frame(T.CONTINUATION, 0, 1, more))).toBe(E.ENHANCE_YOUR_CALM);
      expect(test.observed.abuses).toContain("header-block-too-many-continuations");
    });
  });

  it.each([
    ["a zero window update", (id: number) => windowUpdate(id, 0)],
    ["a window overflow", (id: number) => windowUpdate(id, 0x7fff_ffff)],
    ["data behind the end", (id: number) => data(id, message(Buffer.from("x")))],
    ["headers behind the end", (id: number) => headers(id, requestFields(), END_HEADERS | END_STREAM)],
  ])("ends a flood of resets provoked by %s (MadeYouReset, CVE-2025-8671)", async (_name, provoke) => {
    await withBystander(test, async () => {
      const client = await RawClient.open(test.port);
      let id = -1;
      const code = await flood(client, () =>
        many(40, () => {
          id += 2;
          return Buffer.concat([call(id, "/test.Echo/Never"), provoke(id)]);
        }),
      );
      expect(code).toBe(E.ENHANCE_YOUR_CALM);
    });
    expect(test.observed.abuses).toContain("provoked-resets");
  });

  it("does not take a path without its slash for the method (CVE-2026-33186)", async () => {
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields("test.Echo/Unary")), data(1, message(Buffer.from("x"))));
    const { fields } = await client.response(1);
    expect(fields.get("grpc-status")).toBe("12");
    expect(fields.get("grpc-message")).toBe('malformed method name: "test.Echo/Unary"');
    client.close();
  });

  it("keeps serving while connections say nothing, or half of something", async () => {
    await withBystander(test, async () => {
      const idle = Array.from({ length: 200 }, () => new RawClient(test.port));
      idle.forEach((client, i) => client.send(PREFACE.subarray(0, i % PREFACE.length)));
      await until(() => idle.every((client) => !client.socket.connecting));
      idle.forEach((client) => client.close());
    });
  });

  it("survives noise of every length", async () => {
    await withBystander(test, async () => {
      for (let i = 0; i < 200; i++) {
        const client = new RawClient(test.port);
        const noise = Buffer.from(Array.from({ length: i * 7 }, (_, j) => (i * 31 + j * j * 17) % 256));
        client.send(PREFACE, settings(), frame(T.SETTINGS, ACK, 0), noise);
        client.socket.end();
        await client.waitClosed();
      }
    });
  });
});
