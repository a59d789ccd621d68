import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseTimeout } from "../src/hpack/field.ts";
import { Status } from "../src/index.ts";
import {
  call,
  data,
  E,
  END_HEADERS,
  END_STREAM,
  type Fields,
  frame,
  headers,
  message,
  RawClient,
  requestFields,
  reset,
  T,
  u32,
  until,
} from "./support/raw-client.ts";
import { echoServices, startServer, type TestServer } from "./support/test-server.ts";

/** What gRPC asks of a server beyond HTTP/2. */
describe("gRPC over HTTP/2", () => {
  let test: TestServer;
  const cancelled: string[] = [];
  beforeAll(async () => {
    const services = {
      ...echoServices(),
      "test.Cancel": {
        Unary: {
          kind: "unary" as const,
          handler: (c: { onCancel?: (() => void) | undefined }) => void (c.onCancel = () => cancelled.push("unary")),
        },
        Bidi: {
          kind: "bidi" as const,
          handler: (c: { onCancel?: (() => void) | undefined }) => void (c.onCancel = () => cancelled.push("bidi")),
        },
      },
    };
    test = await startServer({ services, fakeTime: true, limits: { maxReceiveMessageBytes: 1000 } });
  });
  afterAll(() => test.server.close());

  async function answer(...bytes: Uint8Array[]): Promise<Map<string, string>> {
    const client = await RawClient.open(test.port);
    client.send(...bytes);
    const { fields } = await client.response(1);
    client.close();
    return fields;
  }

  const change = (name: string, value: string): Fields =>
    requestFields().map(([n, v]): [string, string] => [n, n === name ? value : v]);
  const unary = (extra: Fields, body: Uint8Array = message(Buffer.from("x"))): Buffer =>
    Buffer.concat([headers(1, requestFields(undefined, extra)), data(1, body)]);

  describe("requests", () => {
    it.each([
      ["GET instead of POST", "405", "13", headers(1, change(":method", "GET"))],
      ["no gRPC content type", "415", "3", headers(1, change("content-type", "application/json"))],
      ["a content type that only begins like it", "415", "3", headers(1, change("content-type", "application/grpcx"))],
      [
        "two hosts",
        "400",
        "13",
        headers(
          1,
          requestFields(undefined, [
            ["host", "a"],
            ["host", "b"],
          ]),
        ),
      ],
      ["an unknown encoding", "200", "12", unary([["grpc-encoding", "snappy"]])],
      ["a malformed timeout", "200", "13", unary([["grpc-timeout", "5 s"]])],
      [
        "two timeouts",
        "200",
        "13",
        unary([
          ["grpc-timeout", "5S"],
          ["grpc-timeout", "6S"],
        ]),
      ],
      ["a timeout of zero", "200", "4", unary([["grpc-timeout", "0n"]])],
      ["an unexpected payload format", "200", "13", unary([], message(Buffer.from("x"), 2))],
      ["compression without an encoding", "200", "13", unary([], message(Buffer.from("x"), 1))],
      ["compression with identity", "200", "13", unary([["grpc-encoding", "identity"]], message(Buffer.from("x"), 1))],
      ["gzip that is none", "200", "13", unary([["grpc-encoding", "gzip"]], message(Buffer.from("x"), 1))],
      ["no message", "200", "13", headers(1, requestFields(), END_HEADERS | END_STREAM)],
      ["no message in an empty frame", "200", "13", unary([], Buffer.alloc(0))],
      ["half a prefix", "200", "13", unary([], Buffer.alloc(3))],
      ["half a message", "200", "13", unary([], message(Buffer.from("x"), 0, 2))],
      ["two messages", "200", "13", unary([], Buffer.concat([message(Buffer.from("x")), message(Buffer.from("y"))]))],
      ["a message that is too large", "200", "8", unary([], message(Buffer.from("x"), 0, 1001))],
      [
        "a message that is too large once inflated",
        "200",
        "8",
        unary([["grpc-encoding", "gzip"]], message(gzipSync(Buffer.alloc(1001)), 1)),
      ],
    ])("refuses %s", async (_title, httpStatus, status, bytes) => {
      const fields = await answer(bytes);
      expect([fields.get(":status"), fields.get("grpc-status")]).toEqual([httpStatus, status]);
      expect(fields.get("content-type")).toBe("application/grpc");
    });

    it.each([
      ["a content type with a subtype", unary([]), change("content-type", "application/grpc+proto")],
      ["a content type with a parameter", unary([]), change("content-type", "application/grpc;charset=utf-8")],
      ["unknown grpc- fields", unary([]), requestFields(undefined, [["grpc-new-thing", "?"]])],
      ["no te field", unary([]), requestFields().filter(([name]) => name !== "te")],
    ])("accepts %s", async (_title, _bytes, fields) => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, fields), data(1, message(Buffer.from("x"))));
      expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
      client.close();
    });

    it("accepts gzip and identity", async () => {
      const client = await RawClient.open(test.port);
      const gzip = requestFields(undefined, [["grpc-encoding", "gzip"]]);
      client.send(headers(1, gzip), data(1, message(gzipSync(Buffer.from("squeezed")), 1)));
      client.send(headers(3, gzip), data(3, message(Buffer.from("plain"))));
      expect((await client.response(1)).body.subarray(5).toString()).toBe("squeezed");
      expect((await client.response(3)).body.subarray(5).toString()).toBe("plain");
      client.close();
    });

    it("says which encodings it accepts when it refuses one", async () => {
      const fields = await answer(unary([["grpc-encoding", "snappy"]]));
      expect(fields.get("grpc-message")).toBe('grpc: Decompressor is not installed for grpc-encoding "snappy"');
      expect(fields.get("grpc-accept-encoding")).toBe("identity,gzip");
    });

    it("checks the prefix before the message is sent", async () => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields()), data(1, message(Buffer.alloc(0), 0, 0xffff_ffff), 0));
      const { fields } = await client.response(1);
      expect(fields.get("grpc-message")).toBe("grpc: received message larger than max (4294967295 vs. 1000)");
      // We ended first: the client is told to stop sending, without an error.
      expect(await client.resetCode(1)).toBe(E.NO_ERROR);
      // What it had sent meanwhile is ignored.
      client.send(data(1, Buffer.alloc(100), 0), call(3));
      expect((await client.response(3)).fields.get("grpc-status")).toBe("0");
      client.close();
    });
  });

  describe("answers", () => {
    it("are Trailers-Only when nothing but a status is sent", async () => {
      const client = await RawClient.open(test.port);
      client.send(call(1, "/test.Echo/Fails"));
      const { fields, headerFrames } = await client.response(1);
      expect(headerFrames).toBe(1);
      expect(fields.get("grpc-message")).toBe("na%C3%AFve 100%25 %E2%9C%93%0A");
      client.close();
    });

    it("are headers, message and trailers otherwise", async () => {
      const client = await RawClient.open(test.port);
      client.send(call(1));
      const { fields, headerFrames } = await client.response(1);
      expect(headerFrames).toBe(2);
      expect(fields.get(":status")).toBe("200");
      client.close();
    });

    it("leave in one write for all calls of a turn", async () => {
      const client = await RawClient.open(test.port);
      let chunks = 0;
      client.socket.on("data", () => chunks++);
      client.send(...Array.from({ length: 30 }, (_, i) => call(1 + 2 * i)));
      await client.response(59);
      expect(chunks).toBe(1);
      client.close();
    });

    it("continue long trailers in CONTINUATION frames", async () => {
      const long = await startServer({
        services: {
          "test.Echo": { Unary: { kind: "unary", handler: (c) => c.fail(Status.ABORTED, "m".repeat(40_000)) } },
        },
      });
      const client = await RawClient.open(long.port);
      client.send(call(1));
      await client.wait((f) => f.type === T.CONTINUATION && (f.flags & END_HEADERS) !== 0);
      const lengths = client.frames.filter((f) => f.id === 1).map((f) => f.payload.length);
      expect(lengths.slice(0, 2)).toEqual([16_384, 16_384]);
      client.close();
      await long.server.close();
    });

    it("refuse to be longer than the limit", async () => {
      const small = await startServer({ limits: { maxSendMessageBytes: 10 } });
      const client = await RawClient.open(small.port);
      client.send(
        call(1, "/test.Echo/Sized", u32(11)),
        call(3, undefined, Buffer.alloc(11)),
        call(5, undefined, Buffer.alloc(10)),
      );
      for (const id of [1, 3]) {
        const { fields } = await client.response(id);
        expect(fields.get("grpc-status")).toBe("8");
        expect(fields.get("grpc-message")).toBe("grpc: trying to send message larger than max (11 vs. 10)");
      }
      expect((await client.response(5)).fields.get("grpc-status")).toBe("0");
      client.close();
      await small.server.close();
    });
  });

  describe("deadlines and cancellation", () => {
    it.each([
      ["/test.Cancel/Unary", "unary"],
      ["/test.Cancel/Bidi", "bidi"],
    ])("ends %s when its deadline runs out", async (path, kind) => {
      cancelled.length = 0;
      const client = await RawClient.open(test.port);
      client.send(
        headers(1, requestFields(path, [["grpc-timeout", "250m"]])),
        data(1, message(Buffer.from("x")), kind === "unary" ? END_STREAM : 0),
      );
      await until(() => test.observed.started.at(-1) === path);
      test.advance(249);
      expect(cancelled).toEqual([]);
      test.advance(30);
      expect(cancelled).toEqual([kind]);
      expect(await client.resetCode(1)).toBe(E.CANCEL);
      expect(test.observed.ended.at(-1)).toEqual([path, Status.DEADLINE_EXCEEDED]);
      client.close();
    });

    it("tells the handler when the client resets, and when it goes", async () => {
      cancelled.length = 0;
      const client = await RawClient.open(test.port);
      client.send(call(1, "/test.Cancel/Unary"), headers(3, requestFields("/test.Cancel/Bidi")), reset(1));
      await until(() => cancelled.length === 1);
      client.close();
      await until(() => cancelled.length === 2);
      expect(cancelled).toEqual(["unary", "bidi"]);
      expect(test.observed.ended.slice(-2)).toEqual([
        ["/test.Cancel/Unary", Status.CANCELLED],
        ["/test.Cancel/Bidi", Status.CANCELLED],
      ]);
    });

    it("ends a request whose message does not come", async () => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields()), data(1, message(Buffer.from("x"), 0, 9), 0), call(3));
      await client.response(3);
      test.advance(29_000);
      test.advance(1100);
      const { fields } = await client.response(1);
      expect(fields.get("grpc-status")).toBe("4");
      expect(test.observed.abuses).toContain("slow-request");
      client.close();
    });

    it("ends a stream whose client half-closes and whose handler does not care", async () => {
      const client = await RawClient.open(test.port);
      client.send(headers(1, requestFields("/test.Cancel/Bidi"), END_HEADERS | END_STREAM));
      expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
      client.close();
    });

    it("reads every unit of grpc-timeout", () => {
      expect(["1H", "1M", "1S", "1m", "1000u", "1n", "99999999H"].map(parseTimeout)).toEqual([
        3_600_000, 60_000, 1000, 1, 1, 1, 359_999_996_400_000,
      ]);
      for (const bad of ["", "1", "S", "-1S", "123456789S", "1s", " 1S", "1.5S"]) expect(parseTimeout(bad)).toBeNaN();
    });
  });

  it("keeps two answers of one handler from reaching two calls", async () => {
    const twice = await startServer({
      services: {
        "test.Echo": {
          Unary: {
            kind: "unary",
            handler: (c, m) => {
              c.respond(m);
              c.fail(Status.INTERNAL, "again");
              c.respond(m);
            },
          },
        },
      },
    });
    const client = await RawClient.open(twice.port);
    client.send(...[1, 3, 5, 7].map((id) => call(id)));
    for (const id of [1, 3, 5, 7]) expect((await client.response(id)).fields.get("grpc-status")).toBe("0");
    expect(client.frames.filter((f) => f.type === T.HEADERS)).toHaveLength(8);
    client.close();
    await twice.server.close();
  });

  it("ignores what arrives in frames that say nothing", async () => {
    const client = await RawClient.open(test.port);
    client.send(headers(1, requestFields()), frame(T.DATA, 0, 1), data(1, message(Buffer.from("x"))));
    expect((await client.response(1)).fields.get("grpc-status")).toBe("0");
    client.close();
  });
});
