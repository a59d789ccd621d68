import * as grpc from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Status } from "../src/index.ts";
import { collect, GrpcClient } from "./support/grpc-client.ts";
import { startServer, type TestServer } from "./support/test-server.ts";

/** The four kinds of call, their statuses and metadata, as an independent client sees them. */
describe("calls from grpc-js", () => {
  let test: TestServer;
  let client: GrpcClient;

  beforeEach(async () => {
    test = await startServer();
    client = new GrpcClient(test.port);
  });
  afterEach(async () => {
    client.close();
    await test.server.close();
  });

  it("answers a unary call with the bytes it was sent", async () => {
    const { code, message } = await client.unary("Unary", Buffer.from("hello"));
    expect(code).toBe(Status.OK);
    expect(message?.toString()).toBe("hello");
  });

  it("answers an empty message with an empty message", async () => {
    const { code, message } = await client.unary("Unary");
    expect(code).toBe(Status.OK);
    expect(message).toHaveLength(0);
  });

  it.each([1, 24, 25, 16_378, 16_379, 16_380, 65_531, 70_000, 1_000_000, 3_000_000])(
    "carries %i bytes both ways",
    async (length) => {
      const bytes = Buffer.alloc(length, "0123456789abcdef");
      const { code, message } = await client.unary("Unary", bytes);
      expect(code).toBe(Status.OK);
      expect(message?.equals(bytes)).toBe(true);
    },
  );

  it("joins the parts of a response", async () => {
    for (const length of [3, 9000, 100_000]) {
      const bytes = Buffer.alloc(length, "xyz");
      const { message } = await client.unary("Twice", bytes);
      expect(message?.equals(Buffer.concat([bytes, bytes]))).toBe(true);
    }
  });

  it("answers many calls at once, each its own", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, (_, i) => client.unary("Unary", Buffer.from(`call ${i}`))),
    );
    outcomes.forEach(({ message }, i) => expect(message?.toString()).toBe(`call ${i}`));
    expect(test.observed.ended).toHaveLength(500);
    expect(test.observed.abuses).toEqual([]);
  });

  it("streams from the server", async () => {
    const { messages, code } = await collect(client.serverStream("Repeat", Buffer.from("again")));
    expect(messages.map(String)).toEqual(["again", "again", "again"]);
    expect(code).toBe(Status.OK);
  });

  it("streams from the client", async () => {
    const answer = await new Promise((resolve, reject) => {
      const call = client.clientStream("Count", (error, response) =>
        error ? reject(error) : resolve(String(response)),
      );
      for (let i = 0; i < 100; i++) call.write(Buffer.alloc(1000));
      call.end();
    });
    expect(answer).toBe("100:100000");
  });

  it("streams both ways", async () => {
    const call = client.bidi("Chat");
    const done = collect(call);
    for (let i = 0; i < 50; i++) call.write(Buffer.from(`line ${i}`));
    call.end();
    const { messages, code } = await done;
    expect(messages.map(String)).toEqual(Array.from({ length: 50 }, (_, i) => `line ${i}`));
    expect(code).toBe(Status.OK);
  });

  it("carries status, message and trailers of a failure", async () => {
    const { code, details, trailers } = await client.unary("Fails");
    expect(code).toBe(Status.FAILED_PRECONDITION);
    expect(details).toBe("naïve 100% ✓\n");
    expect(trailers.get("x-reason")).toEqual(["because"]);
  });

  it.each([
    ["/test.Nothing/Unary", "unknown service test.Nothing"],
    ["/test.Echo/Nothing", "unknown method Nothing for service test.Echo"],
    ["/bare", 'malformed method name: "/bare"'],
  ])("says what is unknown about %s", async (path, details) => {
    const outcome = await client.unary(path);
    expect(outcome).toMatchObject({ code: Status.UNIMPLEMENTED, details });
  });

  it("turns what a handler throws into INTERNAL for that call only", async () => {
    const [thrown, other] = await Promise.all([client.unary("Throws"), client.unary("Unary", Buffer.from("x"))]);
    expect(thrown).toMatchObject({ code: Status.INTERNAL, details: "internal error" });
    expect(other.code).toBe(Status.OK);
    expect(test.observed.handlerErrors.map(String)).toEqual(["Error: boom"]);
  });

  it("does not send parts that are not as long as they should be", async () => {
    const { server, port, observed } = await startServer({
      services: {
        "test.Echo": {
          Unary: {
            kind: "unary",
            handler: (call, message) => call.respondParts([message.slice()], message.length + 1),
          },
        },
      },
    });
    const other = new GrpcClient(port);
    expect((await other.unary("Unary", Buffer.from("abc"))).code).toBe(Status.INTERNAL);
    expect(String(observed.handlerErrors[0])).toContain("as long as its length says");
    other.close();
    await server.close();
  });

  it("refuses a message above the limit by its prefix alone", async () => {
    const { code, details } = await client.unary("Unary", Buffer.alloc(5_000_000));
    expect(code).toBe(Status.RESOURCE_EXHAUSTED);
    expect(details).toBe("grpc: received message larger than max (5000000 vs. 4194304)");
  });

  it("reports each call to the observer", async () => {
    await client.unary("Unary");
    await client.unary("Fails");
    expect(test.observed.started).toEqual(["/test.Echo/Unary", "/test.Echo/Fails"]);
    expect(test.observed.ended).toEqual([
      ["/test.Echo/Unary", Status.OK],
      ["/test.Echo/Fails", Status.FAILED_PRECONDITION],
    ]);
  });
});

describe("metadata", () => {
  it("arrives, text and binary, and is sent back in headers and trailers", async () => {
    const test = await startServer({
      services: {
        "test.Echo": {
          Unary: {
            kind: "unary",
            handler: (call) => {
              const binary = Buffer.from(call.metadata.get("raw-bin") ?? "", "latin1");
              call.setResponseMetadata([
                ["x-names", [...call.metadata.entries()].map(([name]) => name).join(" ")],
                ["back-bin", binary],
              ]);
              call.fail(Status.ABORTED, call.metadata.getAll("x-list").join("|"), [["tail-bin", binary]]);
            },
          },
        },
      },
    });
    const client = new GrpcClient(test.port);
    const metadata = new grpc.Metadata();
    metadata.add("x-list", "one");
    metadata.add("x-list", "two");
    metadata.set("raw-bin", Buffer.from([0, 255, 10]));
    const outcome = await client.unary("Unary", new Uint8Array(0), metadata);
    expect(outcome.code).toBe(Status.ABORTED);
    expect(["one|two", "one, two"]).toContain(outcome.details);
    expect(outcome.metadata.get("x-names")[0]).toContain("x-list");
    expect(String(outcome.metadata.get("x-names")[0]).split(" ")).not.toContain("te");
    expect(outcome.metadata.get("back-bin")).toEqual([Buffer.from([0, 255, 10])]);
    expect(outcome.trailers.get("tail-bin")).toEqual([Buffer.from([0, 255, 10])]);
    client.close();
    await test.server.close();
  });
});
