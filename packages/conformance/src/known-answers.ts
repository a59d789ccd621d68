import { EtcdNode, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message, type Outcome } from "./etcd-api.ts";
import { Checks, type SuiteReport } from "./suite-report.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const A = bytes("a");

/**
 * Answers of etcd 3.7 that no differential test can ask for: the request ends the process of a real etcd at hand, or the
 * releases at hand answer otherwise. Only for a server whose Status says 3.7 or newer.
 */
export async function knownAnswersSuite(target: readonly string[]): Promise<SuiteReport> {
  const checks = new Checks();
  await using node = await EtcdNode.start({ program: target });
  using api = new EtcdApi(node.endpoint);
  await api.ready();
  const { version } = (await api.must("Maintenance/Status", {})) as { version: string };
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major * 100 + minor < 307) throw new Error(`these answers are those of 3.7, the server says ${version}`);
  for (let i = 0; i < 3; i++) await api.must("KV/Put", { key: bytes(`r/${i}`), value: bytes(`v${i}`) });
  await checks.run("sort options", () => sortOptions(checks, api));
  await checks.run("keys only", () => keysOnly(checks, api));
  await checks.run("watches from negative revisions", () => negativeWatch(checks, api));
  await checks.run("range streams", () => rangeStreams(checks, api));
  // From here on a real 3.7.1 ends with a panic.
  await checks.run("keeping a value that the same transaction deletes", () => ignoreAfterDelete(checks, api));
  await checks.run("unknown alarm action", () => unknownAlarm(checks, api));
  checks.equal("the process", node.process.exit, undefined);
  return { suite: "known answers", figure: `${checks.count} checks`, failures: checks.failures };
}

async function sortOptions(checks: Checks, api: EtcdApi): Promise<void> {
  const refused = "3 etcdserver: invalid sort option";
  checks.equal("sort order", status(await api.call("KV/Range", { key: A, sort_order: 3 })), refused);
  checks.equal("sort target", status(await api.call("KV/Range", { key: A, sort_target: 5 })), refused);
  checks.equal("negative", status(await api.call("KV/Range", { key: A, sort_order: -1 })), refused);
  const nested = { success: [{ request_txn: { failure: [{ request_range: { key: A, sort_target: 77 } }] } }] };
  checks.equal("in a transaction", status(await api.call("KV/Txn", nested)), refused);
  checks.equal(
    "an empty key comes first",
    status(await api.call("KV/Range", { sort_order: 9 })),
    "3 etcdserver: key is not provided",
  );
}

async function keysOnly(checks: Checks, api: EtcdApi): Promise<void> {
  await api.must("Lease/LeaseGrant", { ID: "9", TTL: "1000" });
  await api.must("KV/Put", { key: bytes("leased"), value: A, lease: "9" });
  const read = async (options: Message): Promise<unknown> => {
    const range = await api.must("KV/Range", { key: bytes("leased"), keys_only: true, ...options });
    const [kv] = range["kvs"] as readonly { lease: string; value: Buffer }[];
    return [kv?.lease, kv?.value.length];
  };
  checks.equal("no lease", await read({}), ["0", 0]);
  checks.equal("a lease when sorted by value", await read({ sort_target: 4, sort_order: 1 }), ["9", 0]);
}

async function unknownAlarm(checks: Checks, api: EtcdApi): Promise<void> {
  await api.call("Maintenance/Alarm", { action: 9, alarm: 1 }, 8000);
  checks.that("still serving", (await api.call("KV/Range", { key: A })).ok);
}

/** Real etcd ends with a panic; anything goes here but that, and half of the transaction. */
async function ignoreAfterDelete(checks: Checks, api: EtcdApi): Promise<void> {
  await api.must("KV/Put", { key: bytes("keep"), value: A });
  const outcome = await api.call("KV/Txn", {
    success: [
      { request_put: { key: bytes("a-marker"), value: A } },
      { request_delete_range: { key: bytes("keep"), range_end: Buffer.from([0]) } },
      { request_put: { key: bytes("keep"), ignore_value: true } },
    ],
  });
  const marker = await api.must("KV/Range", { key: bytes("a-marker") });
  const kept = await api.must("KV/Range", { key: bytes("keep") });
  const applied = marker["count"] === "1";
  checks.equal("all or nothing", outcome.ok, applied);
  checks.equal("the key is there", kept["count"], "1");
}

async function negativeWatch(checks: Checks, api: EtcdApi): Promise<void> {
  const stream = api.duplex("Watch/Watch");
  const answers: Message[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (answer: Message) => answers.push(answer));
  stream.write({ create_request: { key: A, start_revision: "-1" } });
  await waitUntil(() => answers.length > 0, { what: "an answer to a watch from -1", timeoutMs: 5000 });
  stream.cancel();
  const { created, canceled, watch_id, cancel_reason, compact_revision } = answers[0] as Readonly<
    Record<string, unknown>
  >;
  const told = [created, canceled, watch_id, cancel_reason, compact_revision];
  checks.equal("refused", told, [true, true, "-1", "etcdserver: mvcc: required revision has been compacted", "0"]);
}

async function rangeStreams(checks: Checks, api: EtcdApi): Promise<void> {
  for (let i = 0; i < 50; i++)
    await api.must("KV/Put", { key: bytes(`s/${String(i).padStart(2, "0")}`), value: bytes("v") });
  const range = { key: bytes("s/"), range_end: bytes("s0") };
  for (const options of [
    {},
    { limit: 7 },
    { keys_only: true },
    { count_only: true },
    { revision: "20" },
    { serializable: true },
  ]) {
    const name = JSON.stringify(options);
    const whole = await api.must("KV/Range", { ...range, ...options });
    const parts = await readStream(api, { ...range, ...options });
    const last = parts.at(-1) ?? {};
    checks.equal(
      `keys ${name}`,
      parts.flatMap((part) => part["kvs"]),
      whole["kvs"],
    );
    checks.equal(`last ${name}`, [last["count"], last["more"]], [whole["count"], whole["more"]]);
    const early = parts.slice(0, -1).map((part) => [part["header"], part["count"], part["more"]]);
    checks.equal(
      `early ${name}`,
      early,
      early.map(() => [null, "0", false]),
    );
  }
  const sorted = await readStream(api, { ...range, sort_order: 2 }).catch((error: Error) => error.message);
  checks.equal("sorted", sorted, "12 UNIMPLEMENTED: RangeStream does not support custom sort orders");
  const filtered = await readStream(api, { ...range, min_mod_revision: "3" }).catch((error: Error) => error.message);
  checks.equal("filtered", filtered, "12 UNIMPLEMENTED: RangeStream does not support revision filters");
}

function readStream(api: EtcdApi, request: Message): Promise<readonly Message[]> {
  return new Promise((resolve, reject) => {
    const parts: Message[] = [];
    const stream = api.serverStream("KV/RangeStream", request);
    stream.on("data", (part: Message) => parts.push(part["range_response"] as Message));
    stream.on("error", reject);
    stream.on("end", () => resolve(parts));
  });
}

function status(outcome: Outcome): string {
  return outcome.ok ? "accepted" : `${outcome.code} ${outcome.message}`;
}
