import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  createAuthenticateRequest,
  createAuthUserAddRequest,
  createCompare,
  createLeaseTimeToLiveResponse,
  createPermission,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  createWatchCreateRequest,
  createWatchRequest,
  decodeAuthenticateResponse,
  decodeAuthStatusResponse,
  decodeAuthUserListResponse,
  decodeLeaseKeepAliveResponse,
  decodeWatchResponse,
  encodeAuthDisableRequest,
  encodeAuthEnableRequest,
  encodeAuthenticateRequest,
  encodeAuthRoleAddRequest,
  encodeAuthRoleGrantPermissionRequest,
  encodeAuthStatusRequest,
  encodeAuthUserAddRequest,
  encodeAuthUserChangePasswordRequest,
  encodeAuthUserGrantRoleRequest,
  encodeLeaseKeepAliveRequest,
  encodeMemberAddRequest,
  encodeRangeRequest,
  encodeWatchRequest,
  PermissionType,
  type PutRequest,
  RaftRequestPeek,
  type RequestOp,
} from "@quorate/protocol";
import { RequestKind } from "@quorate/server/core";
import { type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { b, type EtcdClient, type Refusal, refusal } from "../support/etcd-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { TestNode } from "../support/test-node.ts";

const FLAGS = ["--bcrypt-cost=4"];
const DENIED: Refusal = { code: 7, details: "etcdserver: permission denied" };
const NOBODY: Refusal = { code: 3, details: "etcdserver: user name is empty" };
const BAD_TOKEN: Refusal = { code: 16, details: "etcdserver: invalid auth token" };
const OK: Refusal = { code: 0, details: "" };

async function login(client: EtcdClient, name: string, password: string): Promise<string> {
  const request = encodeAuthenticateRequest(createAuthenticateRequest({ name, password }));
  return decodeAuthenticateResponse(await client.raw("Auth/Authenticate", request)).token;
}

/** Users root, pw "rpw", and alice, pw "apw", who reads [a, n) and writes [a, c); then users count. Both tokens. */
async function enable(client: EtcdClient): Promise<{ readonly root: string; readonly alice: string }> {
  for (const [name, password] of [
    ["root", "rpw"],
    ["alice", "apw"],
  ] as const) {
    await client.raw("Auth/UserAdd", encodeAuthUserAddRequest(createAuthUserAddRequest({ name, password })));
  }
  await client.raw("Auth/UserGrantRole", encodeAuthUserGrantRoleRequest({ user: "root", role: "root" }));
  await client.raw("Auth/RoleAdd", encodeAuthRoleAddRequest({ name: "r" }));
  for (const perm of [
    createPermission({ permType: PermissionType.READ, key: b("a"), rangeEnd: b("n") }),
    createPermission({ permType: PermissionType.WRITE, key: b("a"), rangeEnd: b("c") }),
  ]) {
    await client.raw("Auth/RoleGrantPermission", encodeAuthRoleGrantPermissionRequest({ name: "r", perm }));
  }
  await client.raw("Auth/UserGrantRole", encodeAuthUserGrantRoleRequest({ user: "alice", role: "r" }));
  await client.raw("Auth/AuthEnable", encodeAuthEnableRequest({}));
  return { root: await login(client, "root", "rpw"), alice: await login(client, "alice", "apw") };
}

/** What is proposed from now on. */
function entriesOf({ node }: TestNode): readonly Uint8Array[] {
  const { replica } = node.context;
  const propose = replica.propose.bind(replica);
  const entries: Uint8Array[] = [];
  replica.propose = (data, low48, pending) => {
    entries.push(data);
    return propose(data, low48, pending);
  };
  return entries;
}

/** How many transactions there are among entries. */
function txnsIn(entries: readonly Uint8Array[]): number {
  const peek = new RaftRequestPeek();
  return entries.filter((data) => {
    peek.read(data);
    return peek.field === RequestKind.Txn;
  }).length;
}

describe("a member whose users count", () => {
  let directory: TemporaryDirectory;
  let node: TestNode;
  let client: EtcdClient;
  let tokens: { readonly root: string; readonly alice: string };

  beforeEach(async () => {
    directory = temporaryDirectory("quorate-auth-", "memory");
    node = await TestNode.start(directory.path, FLAGS);
    client = node.client;
    tokens = await enable(client);
  });

  afterEach(async () => {
    await node.stop();
    expect(node.fatal).toEqual([]);
    directory.remove();
  });

  /** How a call ends for alice, for nobody and with a token that is none. */
  async function forAll(call: () => Promise<unknown>): Promise<readonly Refusal[]> {
    const ends: Refusal[] = [];
    for (const token of [tokens.alice, undefined, "no token", "abc.1"]) {
      client.token = token;
      ends.push(await refusal(call()));
    }
    return ends;
  }

  const refusedTo = (alice: Refusal): readonly Refusal[] => [alice, NOBODY, BAD_TOKEN, BAD_TOKEN];

  it("tells of itself to anybody, and logs in whoever has the password", async () => {
    const status = decodeAuthStatusResponse(await client.raw("Auth/AuthStatus", encodeAuthStatusRequest({})));
    expect(status).toMatchObject({ enabled: true, authRevision: 8 });
    expect(tokens.alice).toMatch(/^[a-zA-Z]{16}\.\d+$/);
    const failed = { code: 3, details: "etcdserver: authentication failed, invalid user ID or password" };
    expect(await refusal(login(client, "alice", "wrong"))).toEqual(failed);
    expect(await refusal(login(client, "nobody", "apw"))).toEqual(failed);
    const lines = node.log.join("");
    for (const line of [
      "added a user",
      "granted a role to a user",
      "enabled authentication",
      "invalid authentication was requested",
    ]) {
      expect(lines).toContain(line);
    }
    // Neither passwords nor hashes nor tokens.
    expect(lines).not.toMatch(/apw|rpw|wrong|\$2[aby]\$/);
    for (const token of [tokens.alice, tokens.root]) expect(lines).not.toContain(token.slice(0, 16));
  });

  it("is not held up by a user whose hash would take hours to compare", async () => {
    client.token = tokens.root;
    const hash = `$2a$31$${"a".repeat(53)}`;
    const hashedPassword = Buffer.from(hash, "latin1").toString("base64");
    const dear = createAuthUserAddRequest({ name: "dear", password: "any" });
    await client.raw("Auth/UserAdd", encodeAuthUserAddRequest(dear));
    const changed = encodeAuthUserChangePasswordRequest({ name: "dear", password: "", hashedPassword });
    await client.raw("Auth/UserChangePassword", changed);
    client.token = undefined;

    const started = performance.now();
    const refused = refusal(login(client, "dear", "any"));
    expect(await login(client, "alice", "apw")).toMatch(/^[a-zA-Z]{16}\.\d+$/);
    expect((await refused).details).toBe("etcdserver: authentication failed, invalid user ID or password");
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(node.log.join("")).toContain("the hash of a password is of too high a cost to be compared");
  });

  it("looks at permissions for keys", async () => {
    client.token = tokens.root;
    await client.put({ key: b("m"), value: b("1") });
    for (const serializable of [false, true]) {
      expect(await forAll(() => client.range({ key: b("m"), serializable }))).toEqual(refusedTo(OK));
      expect(await forAll(() => client.range({ key: b("m"), rangeEnd: b("o"), serializable }))).toEqual(
        refusedTo(DENIED),
      );
    }
    expect(await forAll(() => client.put({ key: b("b") }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.put({ key: b("m") }))).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.deleteRange({ key: b("b"), rangeEnd: b("c") }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.deleteRange({ key: b("b"), rangeEnd: b("d") }))).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.compact({ revision: 2 }))).toEqual(refusedTo(DENIED));
    // What is wrong with a request is told before what is wrong with its token.
    expect(await refusal(client.put({ key: b("") }))).toMatchObject({ details: "etcdserver: key is not provided" });
  });

  it("looks at permissions for transactions, those of reads alone too", async () => {
    const range = (key: string) => createRequestOp({ requestRange: createRangeRequest({ key: b(key) }) });
    const put = (key: string) => createRequestOp({ requestPut: createPutRequest({ key: b(key) }) });
    expect(await forAll(() => client.txn({ success: [range("a")] }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.txn({ success: [range("a")], failure: [range("z")] }))).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.txn({ success: [put("a")] }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.txn({ compare: [createCompare({ key: b("z") })], success: [put("a")] }))).toEqual(
      refusedTo(DENIED),
    );
  });

  it.each(["3.4.0", "3.5.0", "3.6.0"])(
    "keeps transactions that a user may not make out of the log at cluster version %s",
    async (version) => {
      const range = createRequestOp({ requestRange: createRangeRequest({ key: b("z") }) });
      const put = (fields: Partial<PutRequest>) =>
        createRequestOp({ requestPut: createPutRequest({ key: b("b"), ...fields }) });
      const nested = (inner: RequestOp) => createRequestOp({ requestTxn: createTxnRequest({ success: [inner] }) });
      client.token = tokens.root;
      await client.leaseGrant({ id: 5n, ttl: 600 });
      await client.put({ key: b("z"), lease: 5n });
      const perm = createPermission({ permType: PermissionType.WRITE, key: b("w") });
      await client.raw("Auth/RoleGrantPermission", encodeAuthRoleGrantPermissionRequest({ name: "r", perm }));
      const refused: readonly RequestOp[] = [
        range,
        nested(range),
        nested(nested(put({ key: b("z") }))),
        put({ key: b("z") }),
        put({ key: b("w"), prevKv: true }),
        put({ lease: 5n }),
        createRequestOp({ requestDeleteRange: { key: b("w"), rangeEnd: b(""), prevKv: true } }),
      ];
      const entries = entriesOf(node);
      // The leader would raise it.
      Object.defineProperty(node.node.member.membership, "clusterVersion", { get: () => version });
      client.token = tokens.alice;
      for (const op of refused) {
        expect(await refusal(client.txn({ success: [put({ key: b("a") }), op] }))).toEqual(DENIED);
        expect({ op, proposed: txnsIn(entries) }).toEqual({ op, proposed: 0 });
      }
      expect(await refusal(client.txn({ success: [put({ key: b("a") }), nested(put({}))] }))).toEqual(OK);
      expect(txnsIn(entries)).toBe(1);
    },
  );

  it("streams ranges to whom may read them, as of the end", async () => {
    const ends: Refusal[] = [];
    for (const token of [tokens.alice, "no token", undefined]) {
      const request = encodeRangeRequest(createRangeRequest({ key: b("a"), rangeEnd: b("b") }));
      ends.push(await client.serverStream("KV/RangeStream", request, token === undefined ? {} : { token }).ended());
    }
    expect(ends).toEqual([OK, BAD_TOKEN, NOBODY]);
  });

  it("cancels watchers in etcd's words", async () => {
    const watch = async (token: string | undefined, key: string, rangeEnd = "", startRevision = 0) => {
      const stream = client.bidiStream("Watch/Watch", token === undefined ? {} : { token });
      const createRequest = createWatchCreateRequest({ key: b(key), rangeEnd: b(rangeEnd), startRevision });
      stream.send(encodeWatchRequest(createWatchRequest({ createRequest })));
      const { cancelReason, canceled, created, watchId } = decodeWatchResponse(await stream.next());
      stream.cancel();
      return { cancelReason, canceled, created, watchId };
    };
    const refused = (cancelReason: string) => ({ cancelReason, canceled: true, created: true, watchId: -1n });
    const denied = refused("rpc error: code = PermissionDenied desc = etcdserver: permission denied");

    expect(await watch(tokens.alice, "a", "n")).toMatchObject({ canceled: false, watchId: 0n });
    expect(await watch(tokens.alice, "a", "o")).toEqual(denied);
    // From a key on, not the key alone.
    expect(await watch(tokens.alice, "a", "\0")).toEqual(denied);
    expect(await watch(tokens.alice, "")).toEqual(denied);
    expect(await watch(undefined, "a")).toEqual(
      refused("rpc error: code = InvalidArgument desc = etcdserver: user name is empty"),
    );
    expect(await watch("abc.1", "a")).toEqual(
      refused("rpc error: code = Unauthenticated desc = etcdserver: invalid auth token"),
    );
    expect(await watch(undefined, "a", "", -1)).toEqual(
      refused("etcdserver: mvcc: required revision has been compacted"),
    );
  });

  it("looks at permissions for leases and the keys on them", async () => {
    client.token = tokens.root;
    for (const [id, key] of [
      [1n, "b"],
      [2n, "m"],
      [3n, "z"],
    ] as const) {
      await client.leaseGrant({ id, ttl: 600 });
      await client.put({ key: b(key), lease: id });
    }
    expect(await forAll(() => client.leaseGrant({ ttl: 600 }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.leaseTimeToLive({ id: 3n }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.leaseTimeToLive({ id: 2n, keys: true }))).toEqual(refusedTo(OK));
    expect(await forAll(() => client.leaseTimeToLive({ id: 3n, keys: true }))).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.leaseLeases())).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.leaseRevoke({ id: 3n }))).toEqual(refusedTo(DENIED));
    expect(await forAll(() => client.put({ key: b("a"), lease: 2n }))).toEqual(refusedTo(DENIED));

    const renew = async (token: string, id: bigint) => {
      const stream = client.bidiStream("Lease/LeaseKeepAlive", { token });
      stream.send(encodeLeaseKeepAliveRequest({ id }));
      return await Promise.race([
        stream.ended(),
        stream.next().then((message) => {
          stream.cancel();
          return decodeLeaseKeepAliveResponse(message).ttl;
        }),
      ]);
    };
    expect(await renew(tokens.alice, 1n)).toBe(600);
    expect(await renew(tokens.alice, 2n)).toEqual(DENIED);
    expect(await renew(tokens.alice, 99n)).toBe(0);
    expect(await renew("no token", 1n)).toEqual(BAD_TOKEN);
    client.token = tokens.root;
    await client.leaseRevoke({ id: 3n });
    expect(await forAll(() => client.leaseLeases())).toEqual(refusedTo(OK));
  });

  it("looks at permissions for keys of a lease that the leader alone knows to be on it", async () => {
    client.token = tokens.root;
    await client.leaseGrant({ id: 1n, ttl: 600 });
    node.node.context.leaseRequests.timeToLive = (id, _keys, done) =>
      done({ value: createLeaseTimeToLiveResponse({ id, ttl: 5, keys: [b("b"), b("z")] }) });
    expect(await forAll(() => client.leaseTimeToLive({ id: 1n, keys: true }))).toEqual(refusedTo(DENIED));
    client.token = tokens.root;
    const { keys } = await client.leaseTimeToLive({ id: 1n, keys: true });
    expect(keys.map((key) => Buffer.from(key).toString())).toEqual(["b", "z"]);
  });

  it("ends leases whoever has keys on them", async () => {
    client.token = tokens.root;
    await client.leaseGrant({ id: 9n, ttl: 1 });
    await client.put({ key: b("z"), lease: 9n });
    const isGone = async (): Promise<boolean> => (await client.range({ key: b("z") })).count === 0;
    await waitUntil(isGone, { what: "the end of a lease", timeoutMs: 10_000 });
  });

  it("leaves the cluster and its maintenance to root, but for what anybody may know", async () => {
    expect(await forAll(() => client.status())).toEqual(refusedTo(OK));
    expect(await forAll(() => client.alarm())).toEqual(refusedTo(OK));
    expect(await forAll(() => client.memberList())).toEqual(refusedTo(OK));
    expect(await forAll(() => client.memberList({ linearizable: true }))).toEqual(refusedTo(OK));
    for (const call of [
      () => client.alarm({ action: 1, alarm: 1 }),
      () => client.defragment(),
      () => client.hash(),
      () => client.hashKv(),
      () => client.moveLeader(),
      () => client.memberRemove({ id: 5n }),
      () => client.memberPromote({ id: 5n }),
      () => client.memberAdd({ peerUrls: ["http://127.0.0.1:9"] }),
    ]) {
      expect(await forAll(call)).toEqual(refusedTo(DENIED));
    }
    const bad = encodeMemberAddRequest({ peerUrls: ["nonsense"], isLearner: false });
    expect(await refusal(client.raw("Cluster/MemberAdd", bad))).toMatchObject({
      details: "etcdserver: given member URLs are invalid",
    });
    client.token = tokens.root;
    expect(await refusal(client.hashKv())).toEqual(OK);
    expect(await refusal(client.moveLeader({ targetId: 5n }))).toMatchObject({
      details: "etcdserver: bad leader transferee",
    });
  });

  it("gives snapshots to root alone", async () => {
    const ends: Refusal[] = [];
    for (const token of [tokens.alice, undefined, "no token", tokens.root]) {
      const stream = client.serverStream("Maintenance/Snapshot", b(""), token === undefined ? {} : { token });
      ends.push(await stream.ended());
    }
    expect(ends).toEqual([DENIED, NOBODY, BAD_TOKEN, OK]);
  });

  it("takes tokens as the gateway sends them, and voids those of a user with another password", async () => {
    const request = encodeRangeRequest(createRangeRequest({ key: b("a") }));
    for (const metadata of [{ authorization: `Bearer ${tokens.alice}` }, { token: `Bearer ${tokens.alice}` }]) {
      expect(await client.serverStream("KV/RangeStream", request, metadata).ended()).toEqual(OK);
    }
    client.token = tokens.root;
    const change = { name: "alice", password: "new", hashedPassword: "" };
    await client.raw("Auth/UserChangePassword", encodeAuthUserChangePasswordRequest(change));
    expect(await forAll(() => client.range({ key: b("a") }))).toEqual([BAD_TOKEN, NOBODY, BAD_TOKEN, BAD_TOKEN]);
    client.token = await login(client, "alice", "new");
    expect(await refusal(client.range({ key: b("a") }))).toEqual(OK);
  });

  it("refuses passwords that bcrypt cannot tell apart, and hashes none for whom may not add users", async () => {
    const add = (password: string) =>
      client.raw("Auth/UserAdd", encodeAuthUserAddRequest(createAuthUserAddRequest({ name: "x", password })));
    expect(await forAll(() => add("pw"))).toEqual(refusedTo(DENIED));
    client.token = tokens.root;
    expect(await refusal(add("x".repeat(73)))).toEqual({
      code: 2,
      details: "bcrypt: password length exceeds 72 bytes",
    });
    expect(await refusal(add("x".repeat(72)))).toEqual(OK);
  });

  it("sends no hashes to members that may be older than etcd 3.5, and gives tokens that those know", async () => {
    const { membership } = node.node.member;
    membership.setClusterVersion("3.4.0");
    client.token = tokens.root;
    const add = encodeAuthUserAddRequest(createAuthUserAddRequest({ name: "x", password: "pw" }));
    const change = encodeAuthUserChangePasswordRequest({ name: "alice", password: "new", hashedPassword: "" });
    const notCapable = { code: 9, details: "etcdserver: not capable" };
    expect(await refusal(client.raw("Auth/UserAdd", add))).toEqual(notCapable);
    expect(await refusal(client.raw("Auth/UserChangePassword", change))).toEqual(notCapable);
    const { appliedIndex } = node.node.replica;
    client.token = undefined;
    expect(await login(client, "alice", "apw")).toMatch(new RegExp(`\\.${appliedIndex + 1}$`));
    membership.setClusterVersion("3.5.0");
    expect(await login(client, "alice", "apw")).toMatch(new RegExp(`\\.${appliedIndex + 1}$`));
  });

  it("knows its users after a restart, and nobody's token", async () => {
    await node.stop();
    node = await TestNode.start(directory.path, FLAGS);
    client = node.client;
    expect(await refusal(client.range({ key: b("a") }))).toEqual(NOBODY);
    client.token = await login(client, "alice", "apw");
    expect(await refusal(client.range({ key: b("a") }))).toEqual(OK);
    client.token = await login(client, "root", "rpw");
    await client.raw("Auth/AuthDisable", encodeAuthDisableRequest({}));
    client.token = undefined;
    expect(await refusal(client.put({ key: b("z") }))).toEqual(OK);
    expect(await refusal(login(client, "root", "rpw"))).toEqual({
      code: 9,
      details: "etcdserver: authentication is not enabled",
    });
    // A token is looked at only where users count.
    client.token = "no token";
    expect(await refusal(client.put({ key: b("z") }))).toEqual(OK);
  });

  it("waits for a token that it has still to hear of, but not for ever", async () => {
    const index = Number(tokens.alice.split(".")[1]) + 10;
    client.token = `abcdefghijklmnop.${index}`;
    const ended = refusal(client.range({ key: b("a") }));
    client.token = tokens.root;
    let puts = 0;
    // Each put is an entry: by the time the index is reached, the token is known to be nobody's.
    while (node.node.replica.appliedIndex <= index) {
      await client.put({ key: b("a") });
      puts++;
    }
    expect(puts).toBeGreaterThan(0);
    expect(await ended).toEqual(BAD_TOKEN);
  });
});

describe("tokens", () => {
  it("are void when they were not used for their time", async () => {
    const directory = temporaryDirectory("quorate-auth-", "memory");
    const node = await TestNode.start(directory.path, [...FLAGS, "--auth-token-ttl=1"]);
    try {
      const { client } = node;
      client.token = (await enable(client)).alice;
      await waitUntil(async () => (await refusal(client.range({ key: b("a") }))).code === 0, {
        what: "a read",
        timeoutMs: 5000,
      });
      const provider = node.node.context.tokens;
      const { token } = client;
      // Looking at it would be using it.
      await waitUntil(() => provider.indexOf(token ?? "") > 0 && (provider.keeper as { size?: number }).size === 0, {
        what: "no tokens",
        timeoutMs: 10_000,
      });
      expect(await refusal(client.range({ key: b("a") }))).toEqual(BAD_TOKEN);
    } finally {
      await node.stop();
      directory.remove();
    }
  });

  it("are known to every member, and users changed at one count at all", async () => {
    const cluster = await TestCluster.start(3, FLAGS);
    try {
      await cluster.leader();
      const { alice, root } = await enable(cluster.client(0));
      for (const index of [0, 1, 2]) {
        const client = cluster.client(index);
        for (let i = 0; i < 5; i++) {
          const token = await login(cluster.client((index + i) % 3), "alice", "apw");
          client.token = token;
          expect({ index, i, end: await refusal(client.range({ key: b("a"), serializable: true })) }).toMatchObject({
            end: OK,
          });
        }
        client.token = alice;
        expect(await refusal(client.put({ key: b("b") }))).toEqual(OK);
        expect(await refusal(client.put({ key: b("z") }))).toEqual(DENIED);
        client.token = root;
        const name = `user${index}`;
        await client.raw("Auth/UserAdd", encodeAuthUserAddRequest(createAuthUserAddRequest({ name, password: "p" })));
        const { users } = decodeAuthUserListResponse(await client.raw("Auth/UserList"));
        expect(users).toHaveLength(3 + index);
      }
      const revisions = [0, 1, 2].map((index) => cluster.node(index).node.member.auth.state.revision);
      expect(new Set(revisions).size).toBe(1);
    } finally {
      await cluster.close();
    }
  });

  it("are shown to the leader by members that ask it for others", async () => {
    const cluster = await TestCluster.start(3, FLAGS);
    try {
      const leader = await cluster.leader();
      const { alice, root } = await enable(cluster.client(leader));
      const promote = async (token: string | undefined): Promise<readonly [number, string]> => {
        const headers = token === undefined ? {} : { Authorization: token };
        const response = await fetch(`${cluster.peerUrl(leader)}/members/promote/77`, { method: "POST", headers });
        return [response.status, (await response.text()).trim()];
      };
      expect(await promote(undefined)).toEqual([500, "etcdserver: user name is empty"]);
      expect(await promote("no token")).toEqual([500, "etcdserver: invalid auth token"]);
      expect(await promote(alice)).toEqual([500, "etcdserver: permission denied"]);
      expect(await promote(root)).toEqual([404, "membership: ID not found"]);
      const follower = cluster.client((leader + 1) % 3);
      follower.token = root;
      expect(await refusal(follower.memberPromote({ id: 77n }))).toEqual({
        code: 5,
        details: "etcdserver: member not found",
      });
    } finally {
      await cluster.close();
    }
  });

  it("are given to a storm of users while the cluster keeps its leader", async () => {
    const cluster = await TestCluster.start(3, ["--bcrypt-cost=8"]);
    try {
      const leader = await cluster.leader();
      await enable(cluster.client(leader));
      const { term } = cluster.node(leader).node.replica;
      const logins = Array.from({ length: 60 }, () => login(cluster.client(leader), "alice", "apw"));
      expect(new Set(await Promise.all(logins)).size).toBe(60);
      expect(cluster.node(leader).node.replica).toMatchObject({ isLeader: true, term });
    } finally {
      await cluster.close();
    }
  });
});
