import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { utf8Bytes, utf8Text } from "@quorate/base";
import { METHODS } from "@quorate/protocol";
import { EtcdNode, freePorts, temporaryDirectory } from "@quorate/testkit";
import { EtcdClient, GrpcStatus, isEtcdError, RPC } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

const b = utf8Bytes;

describe("RPC", () => {
  it("has every method of the contracts, with its messages", () => {
    const table = Object.values(RPC).flatMap((service) => Object.values(service) as { readonly path: string }[]);

    expect(table.map((method) => method.path).toSorted()).toEqual(METHODS.map((method) => method.path).toSorted());
    for (const { path, kind, request, response } of METHODS) {
      expect(table.find((method) => method.path === path)).toMatchObject({ kind, request, response });
    }
  });
});

describe("a client without a server", () => {
  it("says which endpoints it could not reach and why, and that nothing was sent", async () => {
    const [port = 0, other = 0] = await freePorts(2);
    const endpoints = [`127.0.0.1:${port}`, `http://127.0.0.1:${other}`];
    await using client = new EtcdClient({ endpoints, dialTimeoutMs: 150 });

    const error: unknown = await client.unary(RPC.KV.Put, { key: b("a") }).catch((reason: unknown) => reason);

    expect(isEtcdError(error, "unreachable") && error).toMatchObject({
      grpcCode: GrpcStatus.UNAVAILABLE,
      mayHaveApplied: false,
      message:
        `no endpoint could be reached in 150 ms: 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}, ` +
        `http://127.0.0.1:${other}: connect ECONNREFUSED 127.0.0.1:${other}`,
    });
  });

  it("ends a wait at the deadline of the call, at its signal and when it is closed", async () => {
    const [port = 0] = await freePorts(1);
    const client = new EtcdClient({ endpoints: [`127.0.0.1:${port}`], dialTimeoutMs: 60_000 });

    await expect(client.unary(RPC.KV.Range, {}, { deadlineMs: 50 })).rejects.toMatchObject({
      code: "deadlineExceeded",
      mayHaveApplied: false,
    });
    const signal = AbortSignal.timeout(20);
    await expect(client.unary(RPC.KV.Range, {}, { signal })).rejects.toMatchObject({ code: "aborted" });
    const waiting = client.unary(RPC.KV.Range, {});
    await client.close();
    await expect(waiting).rejects.toMatchObject({ code: "closed" });
    await expect(client.unary(RPC.KV.Range, {})).rejects.toMatchObject({ code: "closed" });
  });

  it("refuses wrong options by name", () => {
    expect(() => new EtcdClient({ endpoints: [] })).toThrow(new TypeError("endpoints is empty"));
    expect(() => new EtcdClient({ endpoints: "ftp://a:1" })).toThrow(/scheme is none of http, https, unix and unixs/);
    expect(() => new EtcdClient({ endpoints: "http://a:1/path" })).toThrow(/is no host:port/);
    expect(() => new EtcdClient({ dialTimeoutMs: 0 })).toThrow("dialTimeoutMs is 0, not above 0");
    expect(() => new EtcdClient({ token: "t", user: { name: "n", password: "p" } })).toThrow(/exclude each other/);
    expect(() => new EtcdClient({ endpoints: "https://a:1", tls: { cert: "x" } })).toThrow(/go together/);
    expect(() => new EtcdClient({ endpoints: "https://a:1", tls: { ca: "x" } })).not.toThrow();
    expect(() => new EtcdClient({ endpoints: "https://a:1", tls: { cert: "x", key: "y" } })).toThrow(
      /the TLS material cannot be used/,
    );
  });
});

withServers("calls", ({ program }) => {
  let node: EtcdNode;
  let client: EtcdClient;
  beforeAll(async () => {
    node = await EtcdNode.start({ program, medium: "memory" });
    client = new EtcdClient({ endpoints: [node.endpoint] });
  }, 30_000);
  afterAll(async () => {
    await client.close();
    await node.close();
  });

  it("carries messages over", async () => {
    const { header } = await client.unary(RPC.KV.Put, { key: b("k"), value: b("v"), prevKv: true });
    const { kvs, count } = await client.unary(RPC.KV.Range, { key: b("k") });

    expect(kvs.map((kv) => [utf8Text(kv.key), utf8Text(kv.value), kv.modRevision])).toEqual([
      ["k", "v", header?.revision],
    ]);
    expect(count).toBe(1);
  });

  it("gives errors of the server by name, in its words, with its endpoint", async () => {
    await expect(client.unary(RPC.KV.Put, {})).rejects.toMatchObject({
      name: "EtcdError",
      code: "emptyKey",
      grpcCode: GrpcStatus.INVALID_ARGUMENT,
      message: "etcdserver: key is not provided",
      endpoint: node.endpoint,
      mayHaveApplied: false,
    });
    await expect(client.unary(RPC.Lease.LeaseRevoke, { id: 77n })).rejects.toMatchObject({ code: "leaseNotFound" });
  });

  it("refuses a request beyond its own limit before it is sent", async () => {
    await using small = new EtcdClient({ endpoints: [node.endpoint], sendSizeBytesMax: 100 });

    await expect(small.unary(RPC.KV.Put, { key: b("k"), value: new Uint8Array(200) })).rejects.toMatchObject({
      code: "messageTooLarge",
      message: "trying to send message larger than max (206 vs. 100)",
      mayHaveApplied: false,
    });
  });

  it("streams both ways, cancels, and ends with the signal", async () => {
    await using stream = await client.stream(RPC.Watch.Watch);
    await stream.write({ createRequest: RPC.Watch.Watch.request.create().createRequest });
    await stream.write({ createRequest: watchOf("w") });
    const created = await stream[Symbol.asyncIterator]().next();
    expect(created.value).toMatchObject({ created: true, canceled: false });

    const controller = new AbortController();
    const other = await client.stream(RPC.Watch.Watch, { signal: controller.signal });
    const reading = (async () => {
      for await (const response of other) void response;
    })();
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
    await expect(other.write({ createRequest: watchOf("w") })).rejects.toMatchObject({ code: "aborted" });
  });

  it("ends calls and streams under way when it is closed", async () => {
    const own = new EtcdClient({ endpoints: [node.endpoint] });
    const lock = { name: b("lock"), lease: (await client.unary(RPC.Lease.LeaseGrant, { ttl: 60 })).id };
    await client.unary(RPC.Lock.Lock, lock);
    const lease = (await client.unary(RPC.Lease.LeaseGrant, { ttl: 60 })).id;
    const waiting = own.unary(RPC.Lock.Lock, { ...lock, lease });
    const stream = await own.stream(RPC.Watch.Watch);
    await stream.write({ createRequest: watchOf("w") });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const next = iterator.next();

    await own.close();

    await expect(waiting).rejects.toMatchObject({ code: "closed", mayHaveApplied: true });
    await expect(next).rejects.toMatchObject({ code: "closed" });
  });

  it("takes one signal for many calls", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const { signal } = new AbortController();

    await Promise.all(Array.from({ length: 30 }, () => client.unary(RPC.KV.Range, { key: b("k") }, { signal })));

    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("streams the answers to one request, and ends the call by leaving the loop", async () => {
    const states: number[] = [];
    for await (const { status } of await client.stream(RPC.Health.Watch, { service: "" })) {
      states.push(status);
      break;
    }
    expect(states).toEqual([1]);
  });
});

function watchOf(key: string) {
  return {
    key: b(key),
    rangeEnd: new Uint8Array(0),
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0n,
    fragment: false,
  };
}

withServers("a socket", ({ name, program }) => {
  it("is an endpoint", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    const [client = 0, peer = 0, socket = 0] = await freePorts(3);
    // etcd up to 3.5 wants the form of an address, which it takes for the name of a file in its working directory.
    const relative = `localhost:${socket}`;
    const url = name === "quorate" ? `unix://${directory.path}/client.sock` : `unix://${relative}`;
    const flags = [`--listen-client-urls=http://127.0.0.1:${client},${url}`];
    await using node = await EtcdNode.prepare({ program, medium: "memory", flags }, { client, peer });
    try {
      await node.restart();
      await using bySocket = new EtcdClient({ endpoints: [url] });

      await bySocket.unary(RPC.KV.Put, { key: b("k") });

      expect((await bySocket.unary(RPC.KV.Range, { key: b("k") })).count).toBe(1);
    } finally {
      rmSync(relative, { force: true });
    }
  });
});
