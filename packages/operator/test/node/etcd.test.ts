import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { must } from "@quorate/base";
import { EtcdClient } from "@quorate/client";
import {
  EtcdCluster,
  findPeer,
  missingPeers,
  peersAreRequired,
  serverUnderTest,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import type { EtcdCredentials, EtcdMemberList } from "../../src/core/index.ts";
import { ClientEtcdApi } from "../../src/node/etcd/index.ts";

// The operator's view of members, against real servers: ours and etcd 3.5.

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const SERVERS: readonly (readonly [string, readonly string[] | undefined])[] = [
  ["quorate", serverUnderTest(ROOT)],
  ["etcd 3.5", findPeer("etcd-3.5") === undefined ? undefined : [must(findPeer("etcd-3.5"), "installed")]],
];

if (missingPeers(["etcd-3.5"]).length > 0 && peersAreRequired()) throw new Error("etcd 3.5 is not installed");

let manualMs = 0;
const clock = { nowMs: () => manualMs, wallMs: () => manualMs };

describe.each(SERVERS.filter(([, program]) => program !== undefined))(
  "ClientEtcdApi with %s",
  (_name, program = []) => {
    let directory: TemporaryDirectory;
    let cluster: EtcdCluster;
    let credentials: EtcdCredentials;
    let others: EtcdCredentials;
    let api: ClientEtcdApi;

    beforeAll(async () => {
      directory = temporaryDirectory("quorate-operator-etcd-");
      const authority = await TestAuthority.create(directory.path);
      const server = await authority.issue("server");
      const [one, two] = [await authority.issue("operator"), await authority.issue("root")];
      credentials = { caPem: authority.certificate, certPem: one.certificate, keyPem: one.key };
      others = { caPem: authority.certificate, certPem: two.certificate, keyPem: two.key };
      const clientTls = {
        certFile: server.certFile,
        keyFile: server.keyFile,
        trustedCaFile: authority.caFile,
        clientCertAuth: true,
      };
      cluster = await EtcdCluster.start({
        members: [{ program }, { program }, { program }],
        clientTls,
        readyTimeoutMs: 60_000,
      });
      api = new ClientEtcdApi({ clock });
    }, 120_000);

    afterAll(async () => {
      await api.close();
      await cluster.close();
      directory.remove();
    }, 60_000);

    const url = (index: number): string => cluster.nodes[index]?.clientUrl ?? "";
    const member = (index: number) => api.member(url(index), credentials);

    it("tells what members say of themselves", async () => {
      const [status, list] = await Promise.all([member(0).status(), member(1).memberList(true)]);

      expect(list.clusterId).toBe(status.clusterId);
      expect(list.members.map(({ id }) => id)).toContain(status.memberId);
      expect(list.members.map(({ id }) => id)).toContain(status.leaderId);
      expect(status).toMatchObject({
        isLearner: false,
        errors: [],
        clusterId: expect.stringMatching(/^[0-9a-f]{1,16}$/),
      });
      expect(status.version).toMatch(/^3\.\d+\.\d+/);
      expect(status.dbSize).toBeGreaterThan(0);
      await expect(member(2).linearizableRead()).resolves.toBeGreaterThanOrEqual(1);
      await expect(member(2).alarms()).resolves.toEqual([]);
      await expect(member(0).memberList(false)).resolves.toMatchObject({ clusterId: list.clusterId });
    });

    it("moves the leadership, and only from the leader", async () => {
      const { leader, follower } = await roles();

      const refused = await failure(follower.client.moveLeader(follower.id));
      await leader.client.moveLeader(follower.id);

      expect(refused.code).toBe("NotLeader");
      expect((await leader.client.status()).leaderId).toBe(follower.id);
    });

    it("adds a learner, refuses it early promotion, removes it", async () => {
      const peerUrl = "http://127.0.0.1:1";
      const { leader } = await roles();

      // Members must have been connected for some seconds: until then they say "not now".
      let id = "";
      const add = () =>
        leader.client.addLearner(peerUrl).then(
          (added) => {
            id = added;
            return true;
          },
          (error: { code: string }) => {
            if (error.code !== "UnhealthyCluster") throw error;
            return false;
          },
        );
      await waitUntil(add, { what: "a healthy cluster", timeoutMs: 30_000, everyMs: 200 });
      const again = await failure(leader.client.addLearner(peerUrl));
      const second = await failure(leader.client.addLearner("http://127.0.0.1:2"));
      const early = await failure(leader.client.promote(id));
      const voter = await failure(leader.client.promote(leader.id));
      const list = await leader.client.memberList(true);
      await leader.client.removeMember(id);
      const gone = await failure(leader.client.removeMember(id));

      expect(list.members.find((one) => one.id === id)).toMatchObject({
        name: "",
        peerUrls: [peerUrl],
        isLearner: true,
      });
      expect([again.code, second.code, early.code, voter.code, gone.code]).toEqual([
        "MemberExists",
        "TooManyLearners",
        "LearnerNotReady",
        "NotLearner",
        "MemberNotFound",
      ]);
    }, 60_000);

    it("defragments, compacts, hashes", async () => {
      await using writer = new EtcdClient({
        endpoints: [url(0)],
        tls: { ca: credentials.caPem, cert: credentials.certPem, key: credentials.keyPem },
      });
      for (let i = 0; i < 5; i++) await writer.kv.put("key", `${i}`);
      const revision = await member(0).linearizableRead();

      await member(0).compact(revision - 1);
      const compacted = await failure(member(0).compact(revision - 2));
      await member(0).defragment(60_000);
      const hashes = () => Promise.all([0, 1, 2].map((index) => member(index).hashKv(revision)));
      await waitUntil(async () => new Set((await hashes()).map(({ hash }) => hash)).size === 1, {
        what: "hashes to agree",
        timeoutMs: 20_000,
      });

      expect(compacted.code).toBe("Compacted");
      expect((await hashes()).map(({ compactRevision }) => compactRevision)).toEqual(Array(3).fill(revision - 1));
    });

    it("has requests need a user, sets root's password, and turns that off again, however often", async () => {
      // The name in the operator's certificate is root's: without a user of etcd it is worth nothing, with it everything.
      const [root, nobody] = [api.member(url(0), others), api.member(url(1), credentials)];
      expect(await root.isAuthEnabled()).toBe(false);

      await root.enableAuth("first");
      await root.enableAuth("second");

      expect(await root.isAuthEnabled()).toBe(true);
      expect((await failure(nobody.compact(1))).code).toMatch(/^(PermissionDenied|AuthFailed)$/);
      await using client = new EtcdClient({
        endpoints: [url(0)],
        tls: { ca: credentials.caPem, cert: credentials.certPem, key: credentials.keyPem },
        user: { name: "root", password: "second" },
      });
      await client.kv.put("key", "of root");
      await root.disableAuth();
      await root.disableAuth();
      expect(await nobody.isAuthEnabled()).toBe(false);
    }, 60_000);

    it("uses one channel while the credentials stay, and another one with others", () => {
      const first = api.member(url(0), credentials);

      expect(api.member(url(0), { ...credentials })).toBe(first);
      expect(api.member(url(0), others)).not.toBe(first);
    });

    it("is refused without a certificate, and by a name that is not the server's", async () => {
      const plain = await failure(api.member(url(2).replace("https", "http"), undefined).status());
      const unknown = await failure(api.member("https://name.invalid:1", credentials).status());

      expect([plain.code, unknown.code]).toEqual(["Unreachable", "Unreachable"]);
      expect(unknown.mayHaveApplied).toBe(false);
    });

    // Last: the cluster does not come back from it.
    it("tells a member without a quorum from one that does not answer, in time", async () => {
      const { leader, follower, rest } = await roles();
      await leader.kill();
      await rest.kill();
      const began = Date.now();

      const dead = await failure(leader.client.status());
      await untilFailure("NoQuorum", () => follower.client.linearizableRead());
      await untilFailure("NoQuorum", () => follower.client.memberList(true));

      expect(dead.code).toBe("Unreachable");
      await expect(follower.client.status()).resolves.toMatchObject({ leaderId: "0" });
      await expect(follower.client.memberList(false)).resolves.toMatchObject({ members: { length: 3 } });
      expect(Date.now() - began).toBeLessThan(40_000);
    }, 60_000);

    async function roles() {
      const list: EtcdMemberList = await member(0).memberList(true);
      const indexes = new Map(list.members.map(({ id, name }) => [id, Number(name.slice(1))]));
      const { leaderId } = await member(0).status();
      const view = (id: string) => {
        const index = must(indexes.get(id), "is a member");
        return { id, client: member(index), kill: () => must(cluster.nodes[index], "is there").kill() };
      };
      const [follower, rest] = list.members.filter(({ id }) => id !== leaderId).map(({ id }) => view(id));
      return { leader: view(leaderId), follower: must(follower, "of three"), rest: must(rest, "of three") };
    }
  },
);

describe("ClientEtcdApi", () => {
  it("closes channels that nobody uses any more", () => {
    const api = new ClientEtcdApi({ clock });
    const first = api.member("http://127.0.0.1:1", undefined);

    manualMs += 6 * 60_000;
    api.member("http://127.0.0.1:2", undefined);

    expect(api.member("http://127.0.0.1:1", undefined)).not.toBe(first);
    void api.close();
  });
});

async function failure(call: Promise<unknown>): Promise<{ code: string; mayHaveApplied: boolean; message: string }> {
  return await call.then(
    () => {
      throw new Error("the call was expected to fail");
    },
    (error: unknown) => error as { code: string; mayHaveApplied: boolean; message: string },
  );
}

/** Until a call fails with `code`: a member notices only after its election timeout. */
async function untilFailure(code: string, call: () => Promise<unknown>): Promise<void> {
  const codeNow = (): Promise<string> =>
    call().then(
      () => "none",
      (error: { code: string }) => error.code,
    );
  await waitUntil(async () => (await codeNow()) === code, { what: `a call to fail with ${code}`, timeoutMs: 30_000 });
}
