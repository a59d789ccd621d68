import { EtcdNode, waitUntil } from "@quorate/testkit";
import { Etcd3, EtcdLockFailedError, type IKeyValue, type Watcher } from "etcd3";
import { Checks, type SuiteReport } from "../suite-report.ts";

const EVENT_TIMEOUT_MS = 10_000;

interface Wait {
  readonly duration: number;
  next(): Wait;
}

/** Watchers reconnect after this; the default grows to half a minute, and its timers outlive the client. */
const SHORT_WAIT: Wait = { duration: 100, next: () => SHORT_WAIT };

/** What users of the npm package etcd3 do, against the server under test. */
export async function etcd3Suite(target: readonly string[]): Promise<SuiteReport> {
  const checks = new Checks();
  await using node = await EtcdNode.start({ program: target });
  const client = new Etcd3({ hosts: `http://${node.endpoint}`, faultHandling: { watchBackoff: SHORT_WAIT } });
  try {
    await checks.run("keys and ranges", () => keysAndRanges(checks, client));
    await checks.run("transactions", () => transactions(checks, client));
    await checks.run("software transactional memory", () => memory(checks, client));
    await checks.run("leases", () => leases(checks, client));
    await checks.run("locks", () => locks(checks, client));
    await checks.run("watchers", () => watchers(checks, client));
    await checks.run("election", () => election(checks, client));
    await checks.run("maintenance", () => maintenance(checks, client));
    await checks.run("watchers over a restart", () => watchOverRestart(checks, client, node));
  } finally {
    client.close();
  }
  return { suite: "npm etcd3", figure: `${checks.count} checks`, failures: checks.failures };
}

async function keysAndRanges(checks: Checks, client: Etcd3): Promise<void> {
  await client.put("n/1").value("one");
  await client.put("n/2").value(2);
  await client.put("n/3").value(Buffer.from([0, 255]));

  checks.equal("get string", await client.get("n/1").string(), "one");
  checks.equal("get number", await client.get("n/2").number(), 2);
  checks.equal("get buffer", (await client.get("n/3").buffer())?.toString("hex"), "00ff");
  checks.equal("get nothing", await client.get("n/4").string(), null);
  checks.equal("exists", [await client.get("n/1").exists(), await client.get("n/9").exists()], [true, false]);
  checks.equal("all keys", await client.getAll().prefix("n/").keys(), ["n/1", "n/2", "n/3"]);
  checks.equal("count", await client.getAll().prefix("n/").count(), 3);
  checks.equal("sorted", await client.getAll().prefix("n/").sort("Key", "Descend").limit(2).keys(), ["n/3", "n/2"]);
  const previous = await client.put("n/1").value("uno").getPrevious();
  checks.equal("previous value", previous?.value.toString(), "one");
  const touched = await client.put("n/1").touch();
  checks.that("touch bumps the revision", Number(touched.header.revision) > 4);
  checks.equal("value after touch", await client.get("n/1").string(), "uno");
  const deleted = await client.delete().prefix("n/").getPrevious();
  checks.equal(
    "deleted",
    deleted.map((kv) => kv.key.toString()),
    ["n/1", "n/2", "n/3"],
  );
  const space = client.namespace("space/");
  await space.put("k").value("v");
  checks.equal("namespace", [await client.get("space/k").string(), await space.get("k").string()], ["v", "v"]);
  await client.delete().all();
  checks.equal("nothing left", await client.getAll().keys(), []);
}

async function transactions(checks: Checks, client: Etcd3): Promise<void> {
  await client.put("t").value("old");
  const won = await client
    .if("t", "Value", "==", "old")
    .then(client.put("t").value("new"))
    .else(client.get("t"))
    .commit();
  const lost = await client
    .if("t", "Value", "==", "old")
    .and("t", "Version", ">", 0)
    .then(client.put("t").value("never"))
    .else(client.get("t"))
    .commit();

  checks.equal("outcomes", [won.succeeded, lost.succeeded], [true, false]);
  checks.equal("value", await client.get("t").string(), "new");
  const kvs = lost.responses[0]?.response_range?.kvs as readonly IKeyValue[] | undefined;
  checks.equal("the else branch reads", kvs?.[0]?.value.toString(), "new");
  const absent = await client.if("absent", "Create", "==", 0).then(client.put("absent").value("x")).commit();
  checks.equal("absent key", absent.succeeded, true);
}

async function memory(checks: Checks, client: Etcd3): Promise<void> {
  await client.put("counter").value(0);
  const increment = (): Promise<unknown> =>
    client.stm({ retries: 200 }).transact(async (tx) => {
      const now = (await tx.get("counter").number()) ?? 0;
      await tx.put("counter").value(now + 1);
    });
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 10; i++) await increment();
    }),
  );
  checks.equal("no increment is lost", await client.get("counter").number(), 80);
}

async function leases(checks: Checks, client: Etcd3): Promise<void> {
  const lease = client.lease(10);
  await lease.put("leased/a").value("1");
  await lease.put("leased/b").value("2");
  const id = await lease.grant();
  checks.that("a lease has an id", id !== "0" && id !== "");
  const renewed = await lease.keepaliveOnce();
  checks.equal("renewed for its time", Number(renewed.TTL), 10);
  const { leases: all } = await client.leaseClient.leaseLeases();
  checks.that(
    "it is listed",
    all.some((one) => String(one.ID) === id),
    all,
  );
  await lease.revoke();
  checks.equal("revoking deletes its keys", await client.getAll().prefix("leased/").keys(), []);

  const short = client.lease(1, { autoKeepAlive: false });
  await short.put("short").value("x");
  await waitUntil(async () => (await client.get("short").string()) === null, {
    what: "the expiry of a lease",
    timeoutMs: EVENT_TIMEOUT_MS,
    everyMs: 100,
  });
  checks.that("an expired lease deletes its key", true);
}

async function locks(checks: Checks, client: Etcd3): Promise<void> {
  const first = await client.lock("resource").ttl(10).acquire();
  const refused = await client
    .lock("resource")
    .acquire()
    .catch((error: unknown) => error);
  checks.that("a held lock is refused", refused instanceof EtcdLockFailedError, String(refused));
  await first.release();
  const value = await client.lock("resource").do(() => Promise.resolve("done"));
  checks.equal("a released lock is given", value, "done");
}

async function watchers(checks: Checks, client: Etcd3): Promise<void> {
  const watcher = await client.watch().prefix("w/").withPreviousKV().create();
  const told: string[] = [];
  record(watcher, told);
  await client.put("w/1").value("a");
  await client.put("w/1").value("b");
  await client.delete().key("w/1");
  await client.put("other").value("c");
  await untilTold(told, 3);
  checks.equal("events", told, ["put w/1 a before none", "put w/1 b before a", "delete w/1 before b"]);
  await watcher.cancel();
  await client.put("w/1").value("after");

  const { header } = await client.put("past").value("1");
  await client.put("past").value("2");
  const replay = await client.watch().key("past").startRevision(header.revision).create();
  const replayed: string[] = [];
  record(replay, replayed);
  await untilTold(replayed, 2);
  checks.equal("history", replayed, ["put past 1 before none", "put past 2 before none"]);
  await replay.cancel();
  checks.equal("a cancelled watcher is silent", told.length, 3);
}

async function election(checks: Checks, client: Etcd3): Promise<void> {
  const ballot = client.election("leader", 5);
  const one = ballot.campaign("one");
  await one.wait();
  const observer = await ballot.observe();
  checks.equal("leader", observer.leader(), "one");
  const two = ballot.campaign("two");
  await one.resign();
  await two.wait();
  await waitUntil(() => observer.leader() === "two", { what: "the next leader", timeoutMs: EVENT_TIMEOUT_MS });
  checks.that("the next in line leads", true);
  await observer.cancel();
  await two.resign();
}

async function maintenance(checks: Checks, client: Etcd3): Promise<void> {
  const status = await client.maintenance.status();
  checks.that("version", /^3\.\d+\.\d+/.test(status.version), status.version);
  const { members } = await client.cluster.memberList({});
  checks.equal(
    "members",
    members.map((member) => member.name),
    ["n1"],
  );
  const alarms = await client.maintenance.alarm({ action: "Get", memberID: 0, alarm: "None" });
  checks.equal("alarms", alarms.alarms, []);
  await client.maintenance.defragment();
  const { header } = await client.put("compacted").value("x");
  await client.kv.compact({ revision: header.revision, physical: true });
  const again = await client.kv.compact({ revision: header.revision }).then(
    () => "accepted",
    (error: Error) => error.message,
  );
  checks.that("a second compaction is refused", again.includes("required revision has been compacted"), again);
}

async function watchOverRestart(checks: Checks, client: Etcd3, node: EtcdNode): Promise<void> {
  const watcher = await client.watch().prefix("restart/").create();
  const told: string[] = [];
  record(watcher, told);
  await client.put("restart/1").value("a");
  await untilTold(told, 1);
  await node.kill();
  await node.restart();
  const put = (): Promise<boolean> =>
    client
      .put("restart/2")
      .value("b")
      .then(
        () => true,
        () => false,
      );
  await waitUntil(put, { what: "a put after the restart", timeoutMs: EVENT_TIMEOUT_MS, everyMs: 100 });
  await untilTold(told, 2);
  checks.equal("events before and after", told, ["put restart/1 a before none", "put restart/2 b before none"]);
  checks.equal("the value survived", await client.get("restart/1").string(), "a");
  await watcher.cancel();
}

function record(watcher: Watcher, told: string[]): void {
  const line = (what: string, kv: IKeyValue, value: string, before?: IKeyValue): string =>
    `${what} ${kv.key.toString()}${value} before ${before?.value?.toString() ?? "none"}`;
  watcher.on("put", (kv, before) => told.push(line("put", kv, ` ${kv.value.toString()}`, before)));
  watcher.on("delete", (kv, before) => told.push(line("delete", kv, "", before)));
}

function untilTold(told: readonly string[], count: number): Promise<void> {
  return waitUntil(() => told.length >= count, {
    what: `${count} events`,
    timeoutMs: EVENT_TIMEOUT_MS,
    detail: () => told.join("\n"),
  });
}
