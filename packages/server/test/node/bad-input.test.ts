import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPutRequest, encodePutRequest } from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { b, type EtcdClient, refusal } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const INTERNAL = 13;
const UNIMPLEMENTED = 12;
const RESOURCE_EXHAUSTED = 8;
const PREFIX = "grpc: error unmarshalling request: ";
/** Field 1 with a length that runs over the end. */
const MALFORMED = Uint8Array.of(0x0a, 0xff);

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-bad-input-", "memory");
  node = await TestNode.start(directory.path);
  client = node.client;
});

afterAll(async () => {
  expect(node.fatal).toEqual([]);
  await node.stop();
  directory.remove();
});

describe("bad input", () => {
  it("that is no message is INTERNAL, to every method", async () => {
    const methods = [
      ...["Range", "Put", "DeleteRange", "Txn", "Compact"].map((name) => `KV/${name}`),
      ...["LeaseGrant", "LeaseRevoke", "LeaseTimeToLive", "LeaseLeases"].map((name) => `Lease/${name}`),
      ...["MemberAdd", "MemberRemove", "MemberUpdate", "MemberList", "MemberPromote"].map((name) => `Cluster/${name}`),
      ...["Alarm", "Status", "Defragment", "Hash", "HashKV", "MoveLeader"].map((name) => `Maintenance/${name}`),
      "/grpc.health.v1.Health/Check",
    ];
    for (const method of methods) {
      const { code, details } = await refusal(client.raw(method, MALFORMED));
      expect([method, code, details.slice(0, PREFIX.length)]).toEqual([method, INTERNAL, PREFIX]);
    }
    for (const path of ["Watch/Watch", "Lease/LeaseKeepAlive"]) {
      const stream = client.bidiStream(path);
      stream.send(MALFORMED);
      const { code, details } = await stream.ended();
      expect([code, details.startsWith("grpc: failed to unmarshal the received message: ")]).toEqual([INTERNAL, true]);
    }
    expect((await client.serverStream("KV/RangeStream", MALFORMED).ended()).code).toBe(INTERNAL);
  });

  it("of random bytes never ends anything but its call", async () => {
    let seed = 12_345;
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 8;
    };
    const methods = ["KV/Range", "KV/Txn", "Lease/LeaseRevoke", "Maintenance/Alarm", "Cluster/MemberAdd"];
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 500; i++) {
      const message = Uint8Array.from({ length: random() % 40 }, () => random() & 0xff);
      calls.push(refusal(client.raw(methods[i % methods.length] as string, message)));
    }
    await Promise.all(calls);

    expect((await client.put({ key: b("alive") })).header?.memberId).toBe(3319814642761637952n);
    expect(node.fatal).toEqual([]);
  });

  it("for nobody is UNIMPLEMENTED", async () => {
    expect(await refusal(client.raw("KV/Nope"))).toEqual({
      code: UNIMPLEMENTED,
      details: "unknown method Nope for service etcdserverpb.KV",
    });
    expect(await refusal(client.raw("/a.B/C"))).toEqual({ code: UNIMPLEMENTED, details: "unknown service a.B" });
  });

  it("that is too large is refused by the server, and beyond that by the transport", async () => {
    const put = (bytes: number): Uint8Array =>
      encodePutRequest(createPutRequest({ key: b("large"), value: new Uint8Array(bytes) }));
    expect(await refusal(client.raw("KV/Put", put(1_572_864)))).toEqual({
      code: 3,
      details: "etcdserver: request is too large",
    });
    const message = put(2_097_152);
    expect(await refusal(client.raw("KV/Put", message))).toEqual({
      code: RESOURCE_EXHAUSTED,
      details: `grpc: received message larger than max (${message.length} vs. 2097152)`,
    });
    expect((await client.put({ key: b("large"), value: new Uint8Array(1_500_000) })).header?.revision).toBeGreaterThan(
      1,
    );
  });

  it("refused a thousand times behind a request that waits does no harm", async () => {
    const waiting = client.put({ key: b("waits") });
    const refused = Array.from({ length: 1000 }, () =>
      refusal(client.put({ key: b("r"), ignoreValue: true, value: b("v") })),
    );
    const after = client.put({ key: b("after") });

    const revision = (await waiting).header?.revision ?? 0;
    expect((await after).header?.revision).toBe(revision + 1);
    for (const one of refused) expect((await one).code).toBe(3);
  });

  it("of half a frame, or of no protocol at all, costs its own connection alone", async () => {
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (const bytes of [`${preface}\0\0\x40\0\0`, "\x16\x03\x01garbage\r\n\r\n"]) {
      const socket = connect(node.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.end(bytes);
      socket.resume();
      await new Promise((resolve) => socket.on("close", resolve));
    }

    expect((await client.range({ key: b("alive") })).count).toBe(1);
  });
});
