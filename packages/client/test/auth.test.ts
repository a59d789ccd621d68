import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { EtcdCluster, EtcdNode, temporaryDirectory, withTimeout } from "@quorate/testkit";
import { EtcdClient, prefix, RPC, range, utf8Text } from "../src/index.ts";
import { withServers } from "./support/servers.ts";
import { take } from "./support/taking.ts";

const PASSWORD = "correct horse";

withServers("authentication", ({ name: server, program }) => {
  /** A member with authentication on, a user `root` and a user `app` who may read and write `app/`. */
  async function guarded(flags: readonly string[] = []): Promise<EtcdNode> {
    const node = await EtcdNode.start({ program, medium: "memory", flags: ["--bcrypt-cost=4", ...flags] });
    await using client = new EtcdClient({ endpoints: [node.endpoint] });
    const { auth } = client;
    await auth.addUser("root", PASSWORD);
    await auth.addRole("root");
    await auth.grantRole("root", "root");
    await auth.addUser("app", PASSWORD);
    await auth.addRole("app");
    await auth.grantPermission("app", "readwrite", prefix("app/"));
    await auth.grantRole("app", "app");
    await auth.enable();
    return node;
  }

  function clientOf(node: EtcdNode, name: string, password: string = PASSWORD): EtcdClient {
    return new EtcdClient({ endpoints: [node.endpoint], user: { name, password } });
  }

  it("manages users, roles and permissions", async () => {
    await using node = await guarded();
    await using root = clientOf(node, "root");
    const { auth } = root;

    expect((await auth.users()).users).toEqual(["app", "root"]);
    expect((await auth.user("app")).roles).toEqual(["app"]);
    const [permission] = (await auth.role("app")).perm;
    expect([permission?.permType, utf8Text(permission?.key ?? new Uint8Array(0))]).toEqual([2, "app/"]);
    if (server !== "etcd 3.4") expect((await auth.status()).enabled).toBe(true);

    await auth.revokePermission("app", prefix("app/"));
    await auth.grantPermission("app", "read", range("a", "b"));
    await auth.grantPermission("app", "write", "single");
    expect((await auth.role("app")).perm).toHaveLength(2);
    await auth.revokeRole("app", "app");
    await auth.deleteRole("app");
    await auth.deleteUser("app");
    expect((await auth.roles()).roles).toEqual(["root"]);
    await expect(auth.user("app")).rejects.toMatchObject({ code: "userNotFound" });
    await expect(auth.addUser("root", "x")).rejects.toMatchObject({ code: "userAlreadyExist" });
    await auth.disable();
    if (server !== "etcd 3.4") expect((await auth.status()).enabled).toBe(false);
  }, 30_000);

  it("lets users do what they may, and says what they may not", async () => {
    await using node = await guarded();
    await using app = clientOf(node, "app");
    await using nobody = new EtcdClient({ endpoints: [node.endpoint] });
    await using wrong = clientOf(node, "app", "wrong");

    await app.kv.put("app/a", "1");
    await expect(app.kv.put("other", "1")).rejects.toMatchObject({ code: "permissionDenied", mayHaveApplied: false });
    await expect(take(app.watch("other"), 1)).rejects.toMatchObject({ code: "permissionDenied" });
    await expect(app.auth.users()).rejects.toMatchObject({ code: "permissionDenied" });
    await expect(nobody.kv.get("app/a")).rejects.toMatchObject({ code: "userEmpty" });
    await expect(take(nobody.watch("app/a"), 1)).rejects.toMatchObject({ name: "EtcdError" });
    await expect(wrong.kv.get("app/a")).rejects.toMatchObject({ code: "authFailed" });
    await expect(take(wrong.watch("app/a"), 1)).rejects.toMatchObject({ code: "authFailed" });
  }, 30_000);

  it("renews a token that the server has forgotten, for calls, watches and leases", async () => {
    await using node = await guarded();
    await using app = clientOf(node, "app");
    const { id, ttl } = await app.lease.grant(10);
    await app.kv.put("app/leased", "", { lease: id });
    await using keeper = app.lease.keepAlive(id, { ttlSeconds: ttl });
    await using watcher = app.watch(prefix("app/"));
    await Promise.all([take(keeper, 1), watcher.created]);

    // Tokens of this kind live in the memory of the members.
    await node.kill();
    await node.restart();

    await app.kv.put("app/a", "after");
    expect((await take(watcher.events(), 1)).map(({ kv }) => utf8Text(kv.value))).toEqual(["after"]);
    await take(keeper, 2);
    expect(keeper.signal.aborted).toBe(false);
  }, 60_000);

  it("renews it for streams that only read as well", async () => {
    await using node = await guarded();
    await using root = clientOf(node, "root");
    await root.kv.put("a", "1");
    await node.kill();
    await node.restart();
    await root.unary(RPC.Health.Check, {});

    const values: string[] = [];
    for await (const { value } of root.kv.entries(prefix("a"))) values.push(utf8Text(value));
    await node.kill();
    await node.restart();
    await root.unary(RPC.Health.Check, {});
    await using snapshot = await root.maintenance.snapshot();
    let sizeBytes = 0;
    for await (const piece of snapshot) sizeBytes += piece.length;

    expect(values).toEqual(["1"]);
    expect(sizeBytes % 512).toBe(32);
  }, 60_000);

  it("renews a signed token that a change of users or roles has made old", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const files = { pub: join(directory.path, "pub.pem"), priv: join(directory.path, "priv.pem") };
    writeFileSync(files.pub, publicKey.export({ type: "spki", format: "pem" }));
    writeFileSync(files.priv, privateKey.export({ type: "pkcs1", format: "pem" }));
    const jwt = `--auth-token=jwt,pub-key=${files.pub},priv-key=${files.priv},sign-method=RS256,ttl=10m`;
    await using node = await guarded([jwt]);
    await using root = clientOf(node, "root");
    await using app = clientOf(node, "app");
    await app.kv.put("app/a", "1");
    await using before = app.watch(prefix("app/"));
    await before.created;

    await root.auth.addUser("another", PASSWORD);
    await app.kv.put("app/a", "2");
    await root.auth.addRole("another");
    await using after = app.watch(prefix("app/"));
    await after.created;
    await root.auth.grantPermission("another", "read", "x");
    await app.kv.put("app/a", "3");

    expect((await take(before.events(), 2)).map(({ kv }) => utf8Text(kv.value))).toEqual(["2", "3"]);
    expect((await take(after.events(), 1)).map(({ kv }) => utf8Text(kv.value))).toEqual(["3"]);
  }, 30_000);

  it("follows when the password of a running client changes, and when authentication is turned on and off", async () => {
    await using node = await guarded();
    await using root = clientOf(node, "root");
    await using app = clientOf(node, "app");
    await app.kv.put("app/a", "1");

    await root.auth.changePassword("app", "another");
    await expect(app.kv.put("app/a", "2")).rejects.toMatchObject({ code: "authFailed" });
    await root.auth.changePassword("app", PASSWORD);
    await app.kv.put("app/a", "3");
    await root.auth.disable();
    await app.kv.put("app/a", "4");
    await root.auth.enable();
    await app.kv.put("app/a", "5");
    expect((await app.kv.getOne("app/a"))?.version).toBe(4);
  }, 30_000);

  it("leaves a login to no member that hangs: for longer than the call may take, or while another answers", async () => {
    await using cluster = await EtcdCluster.start({
      members: [{ program }, { program }, { program }],
      medium: "memory",
      flags: ["--bcrypt-cost=4"],
    });
    await using plain = new EtcdClient({ endpoints: cluster.endpoints });
    await plain.auth.addUser("root", PASSWORD);
    await plain.auth.addRole("root");
    await plain.auth.grantRole("root", "root");
    const states = await Promise.all(cluster.endpoints.map((endpoint) => plain.maintenance.status({ endpoint })));
    const follower = states.findIndex(({ header, leader }) => leader !== header.memberId);
    await plain.auth.enable();
    const user = { name: "root", password: PASSWORD };
    await using alone = new EtcdClient({ endpoints: [cluster.endpoints[follower] ?? ""], user });
    await using all = new EtcdClient({ endpoints: cluster.endpoints, user, requestDeadlineMs: 8_000 });
    // Logging in takes no token, so both are connected then, and have none.
    await alone.auth.authenticate("root", PASSWORD);
    await Promise.all(cluster.endpoints.map((endpoint) => all.auth.authenticate("root", PASSWORD, { endpoint })));
    cluster.pause(follower);

    const late = alone.kv.get("k", { serializable: true, deadlineMs: 200 });
    const ended = withTimeout(late, { what: "the end of the call", timeoutMs: 2_000 });
    await expect(ended).rejects.toMatchObject({ code: "deadlineExceeded" });
    // Going round three, one of these begins with the member that hangs.
    for (let turn = 0; turn < 3; turn++) await all.auth.authenticate("root", PASSWORD);
    expect((await all.kv.get("k", { serializable: true })).count).toBe(0);

    cluster.resume(follower);
  }, 60_000);

  it("takes a token from elsewhere and does not renew it", async () => {
    await using node = await guarded();
    await using plain = new EtcdClient({ endpoints: [node.endpoint] });
    const { token } = await plain.auth.authenticate("app", PASSWORD);
    await using client = new EtcdClient({ endpoints: [node.endpoint], token });
    await using bad = new EtcdClient({ endpoints: [node.endpoint], token: "nonsense.1" });

    await client.kv.put("app/a", "1");
    await expect(bad.unary(RPC.KV.Range, { key: new Uint8Array(1) })).rejects.toMatchObject({
      code: "invalidAuthToken",
      message: "etcdserver: invalid auth token",
    });
  }, 30_000);
});
