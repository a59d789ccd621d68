import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createRangeRequest,
  decodeRangeStreamResponse,
  encodeKeyValue,
  encodeRangeRequest,
  type RangeRequest,
  type RangeResponse,
  SortOrder,
  SortTarget,
} from "@quorate/protocol";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { b, type EtcdClient } from "./support/etcd-client.ts";
import type { MessageStream } from "./support/message-stream.ts";
import { TestNode } from "./support/test-node.ts";

const CANCELLED = 1;
const UNIMPLEMENTED = 12;
const KEYS = 100;
const ALL = { key: b("s/"), rangeEnd: b("s0") };

let directory: TemporaryDirectory;
let node: TestNode;
let client: EtcdClient;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-range-stream-", "memory");
  node = await TestNode.start(directory.path);
  client = node.client;
  await Promise.all(
    Array.from({ length: KEYS }, (_, i) =>
      client.put({ key: b(`s/${String(i).padStart(3, "0")}`), value: new Uint8Array(30_000).fill(i) }),
    ),
  );
});

afterAll(async () => {
  await node.stop();
  directory.remove();
});

function open(request: Partial<RangeRequest>): MessageStream {
  return client.serverStream("KV/RangeStream", encodeRangeRequest(createRangeRequest(request)));
}

/** Every chunk of a stream that must end well. */
async function chunksOf(stream: MessageStream): Promise<RangeResponse[]> {
  expect(await stream.ended()).toEqual({ code: 0, details: "" });
  const chunks: RangeResponse[] = [];
  while (stream.waiting > 0) {
    const chunk = decodeRangeStreamResponse(await stream.next()).rangeResponse;
    if (chunk !== undefined) chunks.push(chunk);
  }
  return chunks;
}

/** The keys and values of responses as bytes, which compare far faster than objects. */
function encodedKvs(responses: readonly RangeResponse[]): Buffer {
  return Buffer.concat(responses.flatMap(({ kvs }) => kvs).map(encodeKeyValue));
}

describe("RangeStream", () => {
  it("is the range in growing chunks, the last of which has header and count", async () => {
    const chunks = await chunksOf(open(ALL));
    const whole = await client.range(ALL);

    expect(chunks.map(({ kvs }) => kvs.length)).toEqual([10, 20, 40, 30]);
    expect(encodedKvs(chunks).equals(encodedKvs([whole]))).toBe(true);
    expect(chunks.slice(0, -1).every(({ header, count, more }) => header === undefined && count === 0 && !more)).toBe(
      true,
    );
    expect(chunks.at(-1)).toMatchObject({ header: whole.header, count: KEYS, more: false });
  });

  it("honours limit, keys_only, count_only and an empty range", async () => {
    const limited = await chunksOf(open({ ...ALL, limit: 15 }));
    expect(limited.map(({ kvs, more, count }) => [kvs.length, more, count])).toEqual([
      [10, false, 0],
      [5, true, KEYS],
    ]);
    const keys = await chunksOf(open({ ...ALL, keysOnly: true, serializable: true }));
    expect(keys.flatMap(({ kvs }) => kvs).map(({ value }) => value.length)).toEqual(Array(KEYS).fill(0));
    expect((await chunksOf(open({ ...ALL, countOnly: true }))).map(({ kvs, count }) => [kvs.length, count])).toEqual([
      [0, KEYS],
    ]);
    expect((await chunksOf(open({ key: b("none") }))).map(({ kvs, count }) => [kvs.length, count])).toEqual([[0, 0]]);
  });

  it("reads one revision although others write meanwhile", async () => {
    const stream = open({ ...ALL });
    stream.pause();
    await client.put({ key: b("s/0001"), value: b("new") });
    stream.resume();
    const chunks = await chunksOf(stream);

    const { header, count } = chunks.at(-1) ?? {};
    const then = await client.range({ ...ALL, revision: header?.revision ?? 0, countOnly: true });
    expect([count, chunks.flatMap(({ kvs }) => kvs).length]).toEqual([then.count, then.count]);
  });

  it("refuses what etcd refuses", async () => {
    const refusals = [
      open({}),
      open({ ...ALL, sortOrder: SortOrder.DESCEND }),
      open({ ...ALL, sortOrder: SortOrder.ASCEND, sortTarget: SortTarget.MOD }),
      open({ ...ALL, minModRevision: 1 }),
      open({ ...ALL, revision: 1e9 }),
    ];
    expect(await Promise.all(refusals.map((stream) => stream.ended()))).toEqual([
      { code: 3, details: "etcdserver: key is not provided" },
      { code: UNIMPLEMENTED, details: "RangeStream does not support custom sort orders" },
      { code: UNIMPLEMENTED, details: "RangeStream does not support custom sort orders" },
      { code: UNIMPLEMENTED, details: "RangeStream does not support revision filters" },
      { code: 11, details: "etcdserver: mvcc: required revision is a future revision" },
    ]);
  });

  it("stops reading for a client that has gone", async () => {
    const streams = Array.from({ length: 20 }, () => open(ALL));
    for (const stream of streams.slice(1)) stream.pause();
    await streams[0]?.next();
    for (const stream of streams) stream.cancel();

    for (const stream of streams) expect((await stream.ended()).code).toBe(CANCELLED);
    expect((await client.range({ ...ALL, countOnly: true })).count).toBe(KEYS + 1);
    expect(node.fatal).toEqual([]);
  });
});
