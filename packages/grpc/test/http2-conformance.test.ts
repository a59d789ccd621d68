import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  ACK,
  block,
  call,
  data,
  E,
  END_HEADERS,
  END_STREAM,
  type Fields,
  frame,
  headers,
  message,
  PADDED,
  PREFACE,
  RawClient,
  requestFields,
  reset,
  settings,
  T,
  u32,
  WITH_PRIORITY,
  windowUpdate,
} from "./support/raw-client.ts";
import { startServer, type TestServer } from "./support/test-server.ts";

/** The rules of RFC 9113 and 7541 that a peer can break, one by one, and what must follow (h2spec's list). */
describe("HTTP/2", () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startServer({ limits: { maxConcurrentStreams: 100 } });
  });
  afterAll(() => test.server.close());

  const CHAT = "/test.Echo/Chat";
  const NEVER = "/test.Echo/Never";

  describe("errors of the connection", () => {
    const cases: [title: string, code: number, ...bytes: Uint8Array[]][] = [
      ["a frame longer than 16,384 bytes", E.FRAME_SIZE_ERROR, frame(T.DATA, 0, 1, Buffer.alloc(16_385))],
      [
        "an interrupted header block",
        E.PROTOCOL_ERROR,
        headers(1, requestFields(), 0),
        frame(T.PRIORITY, 0, 3, Buffer.alloc(5)),
      ],
      [
        "a header block continued by another stream",
        E.PROTOCOL_ERROR,
        headers(1, requestFields(), 0),
        frame(T.CONTINUATION, END_HEADERS, 3),
      ],
      ["DATA within a header block", E.PROTOCOL_ERROR, headers(1, requestFields(), 0), data(1, Buffer.alloc(1))],
      ["CONTINUATION without a header block", E.PROTOCOL_ERROR, frame(T.CONTINUATION, END_HEADERS, 1)],
      ["DATA on stream 0", E.PROTOCOL_ERROR, data(0, Buffer.alloc(1))],
      ["HEADERS on stream 0", E.PROTOCOL_ERROR, headers(0, requestFields())],
      ["PRIORITY on stream 0", E.PROTOCOL_ERROR, frame(T.PRIORITY, 0, 0, Buffer.alloc(5))],
      ["RST_STREAM on stream 0", E.PROTOCOL_ERROR, reset(0)],
      ["SETTINGS on a stream", E.PROTOCOL_ERROR, frame(T.SETTINGS, 0, 1)],
      ["PING on a stream", E.PROTOCOL_ERROR, frame(T.PING, 0, 1, Buffer.alloc(8))],
      ["GOAWAY on a stream", E.PROTOCOL_ERROR, frame(T.GOAWAY, 0, 1, Buffer.alloc(8))],
      ["PUSH_PROMISE from a client", E.PROTOCOL_ERROR, frame(T.PUSH_PROMISE, END_HEADERS, 1, u32(2))],
      ["DATA on an idle stream", E.PROTOCOL_ERROR, data(1, Buffer.alloc(1))],
      ["RST_STREAM on an idle stream", E.PROTOCOL_ERROR, reset(1)],
      ["WINDOW_UPDATE on an idle stream", E.PROTOCOL_ERROR, windowUpdate(1, 1)],
      ["an even stream ID", E.PROTOCOL_ERROR, headers(2, requestFields())],
      ["a stream ID that goes back", E.PROTOCOL_ERROR, call(5), call(3)],
      ["a short PRIORITY", E.FRAME_SIZE_ERROR, frame(T.PRIORITY, 0, 1, Buffer.alloc(4))],
      [
        "a stream that depends on itself",
        E.PROTOCOL_ERROR,
        frame(T.PRIORITY, 0, 1, Buffer.concat([u32(1), Buffer.alloc(1)])),
      ],
      ["a short RST_STREAM", E.FRAME_SIZE_ERROR, call(1, NEVER), frame(T.RST_STREAM, 0, 1, Buffer.alloc(3))],
      ["a short PING", E.FRAME_SIZE_ERROR, frame(T.PING, 0, 0, Buffer.alloc(6))],
      ["a short WINDOW_UPDATE", E.FRAME_SIZE_ERROR, frame(T.WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
      ["a short GOAWAY", E.FRAME_SIZE_ERROR, frame(T.GOAWAY, 0, 0, Buffer.alloc(7))],
      ["SETTINGS of odd length", E.FRAME_SIZE_ERROR, frame(T.SETTINGS, 0, 0, Buffer.alloc(3))],
      ["an acknowledgement with settings", E.FRAME_SIZE_ERROR, frame(T.SETTINGS, ACK, 0, Buffer.alloc(6))],
      ["ENABLE_PUSH of 2", E.PROTOCOL_ERROR, settings([2, 2])],
      ["INITIAL_WINDOW_SIZE above 2^31-1", E.FLOW_CONTROL_ERROR, settings([4, 0x8000_0000])],
      ["MAX_FRAME_SIZE below 16,384", E.PROTOCOL_ERROR, settings([5, 16_383])],
      ["MAX_FRAME_SIZE above 2^24-1", E.PROTOCOL_ERROR, settings([5, 0x100_0000])],
      [
        "a window overflow by SETTINGS",
        E.FLOW_CONTROL_ERROR,
        call(1, NEVER),
        windowUpdate(1, 0x7fff_0000),
        settings([4, 0x7fff_ffff]),
      ],
      ["a zero WINDOW_UPDATE", E.PROTOCOL_ERROR, windowUpdate(0, 0)],
      ["a connection window overflow", E.FLOW_CONTROL_ERROR, windowUpdate(0, 0x7fff_ffff)],
      [
        "padding longer than the DATA",
        E.PROTOCOL_ERROR,
        headers(1, requestFields()),
        frame(T.DATA, PADDED, 1, Buffer.from([5, 0, 0])),
      ],
      [
        "padding longer than the HEADERS",
        E.PROTOCOL_ERROR,
        frame(T.HEADERS, PADDED | END_HEADERS, 1, Buffer.from([200, 0x82])),
      ],
      [
        "HEADERS too short for its priority",
        E.PROTOCOL_ERROR,
        frame(T.HEADERS, WITH_PRIORITY | END_HEADERS, 1, Buffer.alloc(4)),
      ],
      ["an HPACK index out of range", E.COMPRESSION_ERROR, frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x80 | 70]))],
      ["HPACK index 0", E.COMPRESSION_ERROR, frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x80]))],
      [
        "a table size above the setting",
        E.COMPRESSION_ERROR,
        frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x3f, 0xe2, 0x1f])),
      ],
      [
        "a table size update behind a field",
        E.COMPRESSION_ERROR,
        frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x82, 0x20])),
      ],
      [
        "Huffman padding of a whole byte",
        E.COMPRESSION_ERROR,
        frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x40, 1, 0x61, 0x82, 0x1f, 0xff])),
      ],
      [
        "Huffman padding of zeros",
        E.COMPRESSION_ERROR,
        frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x40, 1, 0x61, 0x81, 0x18])),
      ],
      [
        "the Huffman end-of-string code",
        E.COMPRESSION_ERROR,
        frame(T.HEADERS, END_HEADERS, 1, Buffer.from([0x40, 1, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff])),
      ],
    ];
    it.each(cases)("%s", async (_title, code, ...bytes) => {
      const client = await RawClient.open(test.port);
      client.send(...bytes);
      expect(await client.goAwayCode()).toBe(code);
    });

    it("frames on a stream both sides have closed", async () => {
      for (const late of [data(1, Buffer.alloc(1)), headers(1, requestFields())]) {
        const client = await RawClient.open(test.port);
        client.send(call(1));
        await client.response(1);
        client.send(late);
        expect(await client.goAwayCode()).toBe(E.STREAM_CLOSED);
      }
    });

    it("a first frame that is not SETTINGS", async () => {
      const client = new RawClient(test.port);
      client.send(PREFACE, frame(T.PING, 0, 0, Buffer.alloc(8)));
      expect(await client.goAwayCode()).toBe(E.PROTOCOL_ERROR);
    });

    it("a preface that is none closes without an answer", async () => {
      const client = new RawClient(test.port);
      client.send(Buffer.from("INVALID CONNECTION PREFACE\r\n\r\n"));
      await client.waitClosed();
      expect(client.frames).toEqual([]);
    });
  });

  describe("errors of a stream", () => {
    const without = (name: string): Fields => requestFields().filter(([n]) => n !== name);
    const cases: [title: string, code: number, ...bytes: Uint8Array[]][] = [
      ["DATA behind END_STREAM", E.STREAM_CLOSED, call(1, NEVER), data(1, Buffer.alloc(1))],
      ["HEADERS behind END_STREAM", E.STREAM_CLOSED, call(1, NEVER), headers(1, requestFields())],
      ["DATA behind RST_STREAM", E.STREAM_CLOSED, headers(1, requestFields(CHAT)), reset(1), data(1, Buffer.alloc(1))],
      [
        "HEADERS behind RST_STREAM",
        E.STREAM_CLOSED,
        headers(1, requestFields(CHAT)),
        reset(1),
        headers(1, requestFields()),
      ],
      ["a zero WINDOW_UPDATE", E.PROTOCOL_ERROR, call(1, NEVER), windowUpdate(1, 0)],
      ["a window overflow", E.FLOW_CONTROL_ERROR, call(1, NEVER), windowUpdate(1, 0x7fff_ffff)],
      ["trailers without END_STREAM", E.PROTOCOL_ERROR, headers(1, requestFields(CHAT)), headers(1, [["x", "y"]])],
      [
        "a pseudo-header in trailers",
        E.PROTOCOL_ERROR,
        headers(1, requestFields(CHAT)),
        headers(1, [[":path", "/"]], END_HEADERS | END_STREAM),
      ],
      ["an upper-case name", E.PROTOCOL_ERROR, headers(1, requestFields(CHAT, [["X-Test", "y"]]))],
      ["a line break in a value", E.PROTOCOL_ERROR, headers(1, requestFields(CHAT, [["x-test", "a\r\nb"]]))],
      ["an unknown pseudo-header", E.PROTOCOL_ERROR, headers(1, [[":test", "ok"], ...requestFields()])],
      ["a response pseudo-header", E.PROTOCOL_ERROR, headers(1, [[":status", "200"], ...requestFields()])],
      ["a pseudo-header behind a field", E.PROTOCOL_ERROR, headers(1, [["x", "y"], ...requestFields()])],
      ["a connection header", E.PROTOCOL_ERROR, headers(1, requestFields(CHAT, [["connection", "keep-alive"]]))],
      ["te other than trailers", E.PROTOCOL_ERROR, headers(1, [...without("te"), ["te", "gzip"]])],
      ["an empty path", E.PROTOCOL_ERROR, headers(1, requestFields(""))],
      ["no method", E.PROTOCOL_ERROR, headers(1, without(":method"))],
      ["no scheme", E.PROTOCOL_ERROR, headers(1, without(":scheme"))],
      ["no path", E.PROTOCOL_ERROR, headers(1, without(":path"))],
      ["two methods", E.PROTOCOL_ERROR, headers(1, [[":method", "POST"], ...requestFields()])],
      ["two paths", E.PROTOCOL_ERROR, headers(1, [[":path", "/"], ...requestFields()])],
      [
        "HEADERS that depends on itself",
        E.PROTOCOL_ERROR,
        frame(
          T.HEADERS,
          WITH_PRIORITY | END_HEADERS,
          1,
          Buffer.concat([u32(1), Buffer.alloc(1), block(requestFields())]),
        ),
      ],
      [
        "content-length above the data",
        E.PROTOCOL_ERROR,
        headers(1, requestFields(CHAT, [["content-length", "9"]])),
        data(1, message(Buffer.from("xyz"))),
      ],
      [
        "content-length below the data",
        E.PROTOCOL_ERROR,
        headers(1, requestFields(CHAT, [["content-length", "7"]])),
        data(1, message(Buffer.from("xyz"))),
      ],
    ];
    it.each(cases)("%s", async (_title, code, ...bytes) => {
      const client = await RawClient.open(test.port);
      client.send(...bytes);
      expect(await client.resetCode(1)).toBe(code);
      // The connection and its compression state live on.
      client.send(call(99));
      expect((await client.response(99)).fields.get("grpc-status")).toBe("0");
      client.close();
    });

    it("a stream above the limit is refused, which is safe to retry", async () => {
      const client = await RawClient.open(test.port);
      for (let id = 1; id < 201; id += 2) client.send(call(id, NEVER));
      client.send(call(201));
      expect(await client.resetCode(201)).toBe(E.REFUSED_STREAM);
      client.send(reset(1), reset(3));
      client.close();
    });
  });

  describe("what is allowed", () => {
    const cases: [title: string, ...bytes: Uint8Array[]][] = [
      ["unknown frame types", frame(0xee, 0xff, 0, Buffer.alloc(10)), frame(0xef, 0, 1)],
      ["unknown settings", settings([99, 7])],
      ["undefined flags", frame(T.PING, 0xfe, 0, Buffer.alloc(8))],
      ["a reserved bit in the stream ID", frame(T.PING, 0, 0x8000_0000, Buffer.alloc(8))],
      ["PRIORITY on an idle stream", frame(T.PRIORITY, 0, 7, Buffer.alloc(5))],
      ["GOAWAY", frame(T.GOAWAY, 0, 0, Buffer.alloc(8))],
    ];
    it.each(cases)("%s", async (_title, ...bytes) => {
      const client = await RawClient.open(test.port);
      client.send(...bytes, call(9));
      expect((await client.response(9)).fields.get("grpc-status")).toBe("0");
      client.close();
    });

    it("padding, priorities, continuations and trailers of a request", async () => {
      const client = await RawClient.open(test.port);
      const fields = block(requestFields());
      const padded = Buffer.concat([
        Buffer.from([4]),
        u32(0),
        Buffer.from([1]),
        fields.subarray(0, 20),
        Buffer.alloc(4),
      ]);
      client.send(
        frame(T.HEADERS, PADDED | WITH_PRIORITY, 1, padded),
        frame(T.CONTINUATION, 0, 1, fields.subarray(20, 30)),
        frame(T.CONTINUATION, END_HEADERS, 1, fields.subarray(30)),
        frame(T.DATA, PADDED, 1, Buffer.concat([Buffer.from([3]), message(Buffer.from("hi")), Buffer.alloc(3)])),
        headers(1, [["x-trailer", "y"]], END_HEADERS | END_STREAM),
      );
      const { fields: answer, body } = await client.response(1);
      expect(answer.get("grpc-status")).toBe("0");
      expect(body.toString("latin1")).toBe("\0\0\0\0\x02hi");
      client.close();
    });

    it("input cut anywhere", async () => {
      const client = await RawClient.open(test.port);
      const whole = Buffer.concat([
        headers(1, requestFields("/test.Echo/Count")),
        frame(T.DATA, PADDED, 1, Buffer.concat([Buffer.from([3]), message(Buffer.from("hello")), Buffer.alloc(3)])),
        data(1, message(Buffer.alloc(0)), 0),
        data(1, message(Buffer.from("bye"))),
      ]);
      for (const byte of whole) {
        client.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await client.response(1)).body.subarray(5).toString()).toBe("3:8");
      client.close();
    });

    it("PING is answered with its own bytes", async () => {
      const client = await RawClient.open(test.port);
      client.send(frame(T.PING, 0, 0, Buffer.from("12345678")));
      const pong = await client.wait((f) => f.type === T.PING && f.flags === ACK);
      expect(pong.payload.toString()).toBe("12345678");
      client.close();
    });

    it("fields from the dynamic table, through evictions and table size updates", async () => {
      const client = await RawClient.open(test.port);
      let id = 1;
      for (const value of ["a".repeat(3000), "b".repeat(3000), "c"]) {
        const fields = block([...requestFields(), ["x-value", value]], true);
        client.send(frame(T.HEADERS, END_HEADERS, id, fields), data(id, message(Buffer.from(value))));
        id += 2;
      }
      // All eight fields of the last request, oldest first in the block.
      const again = Buffer.from([68, 67, 66, 65, 64, 63, 62].map((index) => 0x80 | index));
      client.send(frame(T.HEADERS, END_HEADERS, 7, again), data(7, message(Buffer.from("again"))));
      expect((await client.response(7)).body.subarray(5).toString()).toBe("again");
      const shrunk = Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), block(requestFields())]);
      client.send(frame(T.HEADERS, END_HEADERS, 9, shrunk), data(9, message(Buffer.from("shrunk"))));
      expect((await client.response(9)).body.subarray(5).toString()).toBe("shrunk");
      client.send(frame(T.HEADERS, END_HEADERS, 11, again));
      expect(await client.goAwayCode()).toBe(E.COMPRESSION_ERROR);
    });
  });
});
