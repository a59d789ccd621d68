import { EtcdNode, LeakCheck, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";
import { Checks, type SuiteReport } from "../suite-report.ts";

const EVENT_TIMEOUT_MS = 20_000;
const bytes = (text: string): Buffer => Buffer.from(text);
const ALL = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

/** What a plain gRPC client asks of the transport: many calls at once, large messages, deadlines, cancels, health. */
export async function grpcJsSuite(target: readonly string[]): Promise<SuiteReport> {
  const checks = new Checks();
  const leaks = new LeakCheck();
  {
    await using node = await EtcdNode.start({ program: target });
    using api = new EtcdApi(node.endpoint);
    await checks.run("calls side by side", () => manyCalls(checks, api));
    await checks.run("large messages", () => largeMessages(checks, api));
    await checks.run("fragments of large events", () => fragments(checks, api));
    await checks.run("deadlines and cancels", () => deadlines(checks, api, node));
    await checks.run("watch streams", () => watchStreams(checks, api));
    await checks.run("keep-alive streams", () => keepAlives(checks, api));
    await checks.run("health", () => health(checks, api));
    await checks.run("unknown things", () => unknown(checks, api));
  }
  await checks.run("leaks", async () => {
    await waitUntil(() => leaks.check().every((leak) => !leak.startsWith("TCP")), {
      what: "the client's sockets to close",
      timeoutMs: 5000,
      detail: () => leaks.check().join("; "),
    });
  });
  return { suite: "@grpc/grpc-js", figure: `${checks.count} checks`, failures: checks.failures };
}

async function manyCalls(checks: Checks, api: EtcdApi): Promise<void> {
  const indexes = Array.from({ length: 1000 }, (_, i) => i);
  const puts = await Promise.all(
    indexes.map((i) => api.must("KV/Put", { key: bytes(`many/${i}`), value: bytes(`value ${i}`) })),
  );
  const revisions = new Set(puts.map((put) => (put["header"] as Message)["revision"]));
  checks.equal("every put has a revision of its own", revisions.size, 1000);
  const gets = await Promise.all(indexes.map((i) => api.must("KV/Range", { key: bytes(`many/${i}`) })));
  const right = gets.every((get, i) => firstValue(get).equals(bytes(`value ${i}`)));
  checks.that("every get has the value of its own key", right);
}

async function largeMessages(checks: Checks, api: EtcdApi): Promise<void> {
  const value = Buffer.alloc(1_400_000, "x");
  for (let i = 0; i < 20; i++) await api.must("KV/Put", { key: bytes(`large/${i}`), value });
  const all = await api.must("KV/Range", { key: bytes("large/"), range_end: bytes("large0") });
  const kvs = all["kvs"] as readonly { value: Buffer }[];
  checks.equal(
    "28 MB in one answer",
    kvs.map((kv) => kv.value.length),
    Array.from({ length: 20 }, () => 1_400_000),
  );
  checks.that(
    "unchanged",
    kvs.every((kv) => kv.value.equals(value)),
  );
  const empty = await api.must("KV/Put", { key: bytes("empty"), value: Buffer.alloc(0) });
  checks.that("an empty value", empty["header"] !== null);
  const longKey = Buffer.alloc(100_000, 0xfe);
  await api.must("KV/Put", { key: longKey, value: bytes("v") });
  checks.equal("a long key", firstValue(await api.must("KV/Range", { key: longKey })).toString(), "v");
}

/** Twenty events of 1.4 MB each, told again in pieces that a client with a small receive limit could take. */
async function fragments(checks: Checks, api: EtcdApi): Promise<void> {
  const stream = api.duplex("Watch/Watch");
  const events: string[] = [];
  let open = false;
  stream.on("error", () => undefined);
  stream.on("data", (response: Message) => {
    for (const event of response["events"] as readonly { kv: { key: Buffer } }[]) events.push(event.kv.key.toString());
    open = response["fragment"] === true;
  });
  stream.write({
    create_request: { key: bytes("large/"), range_end: bytes("large0"), start_revision: "1", fragment: true },
  });
  await waitUntil(() => events.length >= 20 && !open, { what: "20 large events", timeoutMs: EVENT_TIMEOUT_MS });
  stream.cancel();
  checks.equal(
    "large events in order",
    events,
    Array.from({ length: 20 }, (_, i) => `large/${i}`),
  );
}

async function deadlines(checks: Checks, api: EtcdApi, node: EtcdNode): Promise<void> {
  node.process.send("SIGSTOP");
  const late = await api.call("KV/Range", { key: bytes("x") }, 200);
  node.process.send("SIGCONT");
  checks.equal("deadline", late.ok ? "answered" : late.code, 4);
  checks.that("served again after it", (await api.call("KV/Range", ALL)).ok);
  const streams = Array.from({ length: 50 }, () => api.duplex("Watch/Watch"));
  for (const stream of streams) {
    stream.on("error", () => undefined);
    stream.write({ create_request: { ...ALL } });
  }
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once("data", resolve))));
  for (const stream of streams) stream.cancel();
  checks.that("served after 50 cancelled streams", (await api.call("KV/Put", { key: bytes("x") })).ok);
}

async function watchStreams(checks: Checks, api: EtcdApi): Promise<void> {
  const stream = api.duplex("Watch/Watch");
  const events: string[] = [];
  let created = 0;
  stream.on("error", () => undefined);
  stream.on("data", (response: Message) => {
    if (response["created"] === true) created += 1;
    for (const event of response["events"] as readonly { kv: { key: Buffer } }[]) {
      events.push(`${String(response["watch_id"])} ${event.kv.key.toString()}`);
    }
  });
  for (let i = 0; i < 100; i++) stream.write({ create_request: { key: bytes(`watched/${i}`) } });
  await waitUntil(() => created === 100, { what: "100 watchers", timeoutMs: EVENT_TIMEOUT_MS });
  await Promise.all(Array.from({ length: 100 }, (_, i) => api.must("KV/Put", { key: bytes(`watched/${i}`) })));
  await waitUntil(() => events.length >= 100, { what: "100 events", timeoutMs: EVENT_TIMEOUT_MS });
  checks.equal(
    "each watcher has its own event",
    [...events].sort(),
    Array.from({ length: 100 }, (_, i) => `${i} watched/${i}`).sort(),
  );
  stream.cancel();
}

async function keepAlives(checks: Checks, api: EtcdApi): Promise<void> {
  await api.must("Lease/LeaseGrant", { ID: "77", TTL: "30" });
  const stream = api.duplex("Lease/LeaseKeepAlive");
  const answers: string[] = [];
  let ended = false;
  stream.on("error", () => undefined);
  stream.on("end", () => {
    ended = true;
  });
  stream.on("data", (response: Message) => answers.push(`${String(response["ID"])} ${String(response["TTL"])}`));
  for (let i = 0; i < 20; i++) stream.write({ ID: i % 2 === 0 ? "77" : "78" });
  await waitUntil(() => answers.length === 20, { what: "20 renewals", timeoutMs: EVENT_TIMEOUT_MS });
  checks.equal(
    "answers in order",
    answers,
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? "77 30" : "78 0")),
  );
  stream.end();
  await waitUntil(() => ended, { what: "the end of a half-closed keep-alive stream", timeoutMs: EVENT_TIMEOUT_MS });
}

async function health(checks: Checks, api: EtcdApi): Promise<void> {
  const serving = await api.raw("/grpc.health.v1.Health/Check", Buffer.alloc(0));
  const status = serving.ok ? (serving.response["bytes"] as Buffer).toString("hex") : serving.message;
  checks.equal("health", status, "0801");
  const other = await api.raw("/grpc.health.v1.Health/Check", Buffer.from([0x0a, 0x01, 0x78]));
  checks.equal("health of an unknown service", other.ok ? "ok" : `${other.code} ${other.message}`, "5 unknown service");
}

async function unknown(checks: Checks, api: EtcdApi): Promise<void> {
  const method = await api.raw("/etcdserverpb.KV/Nothing", Buffer.alloc(0));
  const text = method.ok ? "ok" : `${method.code} ${method.message}`;
  checks.equal("unknown method", text, "12 unknown method Nothing for service etcdserverpb.KV");
  const malformed = await api.raw("/etcdserverpb.KV/Put", Buffer.from([0xff]));
  checks.equal("malformed message", malformed.ok ? "ok" : malformed.code, 13);
  checks.that("still serving", (await api.call("KV/Range", ALL)).ok);
}

function firstValue(range: Message): Buffer {
  return (range["kvs"] as readonly { value: Buffer }[])[0]?.value ?? Buffer.alloc(0);
}
