/** Members are reached through forwarded ports, by the credentials that the operator publishes: here a real cluster with TLS. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdClient, isEtcdError, RPC } from "@quorate/client";
import {
  EtcdCluster,
  peersAreRequired,
  serverUnderTest,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import { FakeKubectl } from "./fake-cluster.ts";

const program = serverUnderTest(join(import.meta.dirname, "..", "..", "..", ".."));

describe("promote and defrag", () => {
  if (program === undefined) {
    it("needs the server", () => {
      process.stderr.write("skipped: promote and defrag need the server\n");
      expect(peersAreRequired()).toBe(false);
    });
    return;
  }
  let directory: TemporaryDirectory;
  let cluster: EtcdCluster;
  let client: EtcdClient;
  let secret: object;

  beforeAll(async () => {
    directory = temporaryDirectory("quorate-plugin-tls-", "memory");
    const authority = await TestAuthority.create(directory.path);
    const [server, mine] = [await authority.issue("server"), await authority.issue("client")];
    const clientTls = { ...server, trustedCaFile: authority.caFile, clientCertAuth: true };
    const members = [0, 1, 2].map(() => ({ program }));
    cluster = await EtcdCluster.start({ members, clientTls, medium: "memory", readyTimeoutMs: 60_000 });
    const [cert, key] = [readFileSync(mine.certFile, "utf8"), readFileSync(mine.keyFile, "utf8")];
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    secret = { data: { "ca.crt": encode(authority.certificate), "tls.crt": encode(cert), "tls.key": encode(key) } };
    client = new EtcdClient({ endpoints: cluster.endpoints.map(https), tls: { ca: authority.certificate, cert, key } });
  }, 120_000);
  afterAll(async () => {
    await client?.close();
    await cluster?.close();
    directory?.remove();
  }, 60_000);

  /** The fake kubectl of this cluster as it is now; members as the operator's status has them. */
  const kubectl = async (
    ports?: Readonly<Record<string, number>>,
  ): Promise<{ fake: FakeKubectl; leader: string; others: string[] }> => {
    const { members } = await client.unary(RPC.Cluster.MemberList, { linearizable: true });
    const { leader: leaderId } = await client.unary(RPC.Maintenance.Status, {});
    const listed = members.map(({ name, id, isLearner }) => ({
      name,
      role: isLearner ? "Learner" : id === leaderId ? "Leader" : "Follower",
    }));
    const leader = listed.find(({ role }) => role === "Leader")?.name ?? "";
    const all = Object.fromEntries(cluster.nodes.map((node) => [node.name, Number(node.endpoint.split(":").at(-1))]));
    const object = {
      metadata: { name: "store" },
      spec: {},
      status: { leader: { member: leader }, members: listed, credentials: { clientSecretName: "store-client" } },
    };
    const objects = { "etcdclusters.etcd.quorate.dev/store": object, "secret/store-client": secret };
    const others = listed.filter(({ role }) => role === "Follower").map(({ name }) => name);
    return { fake: new FakeKubectl({ objects, ports: ports ?? all }), leader, others };
  };

  it("makes a member the leader, and says so if it is already", async () => {
    const { fake, others } = await kubectl();
    using _ = fake;
    const target = others[0] ?? "";

    expect(await fake.run("promote", "store", target)).toEqual({
      code: 0,
      stdout: `${target} is the leader now\n`,
      stderr: "",
    });
    const after = await kubectl();
    using _after = after.fake;
    expect(after.leader).toBe(target);
    expect(await after.fake.run("promote", "store", target, "-o", "json")).toEqual({
      code: 0,
      stdout: `${JSON.stringify({ cluster: "store", member: target, outcome: "leader already" })}\n`,
      stderr: "",
    });
  }, 60_000);

  it("names those that there are instead of one that there is not", async () => {
    const { fake } = await kubectl();
    using _ = fake;

    expect(await fake.run("promote", "store", "store-9")).toMatchObject({
      code: 1,
      stderr: "Error: etcd knows no member store-9; it knows m0, m1, m2\n",
    });
  }, 60_000);

  it("makes a learner a voter", async () => {
    const index = await cluster.prepareMember({ program });
    const node = cluster.nodes[index];
    // Members take no change before they have been connected to each other for 5 s.
    await waitUntil(
      () =>
        client.unary(RPC.Cluster.MemberAdd, { peerUrls: [node?.peerUrl ?? ""], isLearner: true }).then(
          () => true,
          (error: unknown) => {
            if (!isEtcdError(error, "unhealthy")) throw error;
            return false;
          },
        ),
      { what: "the members to take a change", timeoutMs: 30_000, everyMs: 500 },
    );
    const { members } = await client.unary(RPC.Cluster.MemberList, { linearizable: true });
    const initial = members.map(({ name, peerUrls }) => `${name === "" ? node?.name : name}=${peerUrls[0]}`);
    await cluster.join(index, initial.join(","));
    const { fake } = await kubectl();
    using _ = fake;

    let run = await fake.run("promote", "store", node?.name ?? "");
    // It has to catch up first; etcd refuses until then.
    for (let attempt = 0; run.code !== 0 && attempt < 50; attempt++)
      run = await fake.run("promote", "store", node?.name ?? "");
    expect(run).toEqual({ code: 0, stdout: `${node?.name} is a voter now\n`, stderr: "" });
    const listed = await client.unary(RPC.Cluster.MemberList, { linearizable: true });
    expect(listed.members.filter(({ isLearner }) => isLearner)).toEqual([]);
  }, 120_000);

  it("defragments one member after the other, the leader last", async () => {
    const { fake, leader, others } = await kubectl();
    using _ = fake;
    const { code, stdout, stderr } = await fake.run("defrag", "store");

    expect([code, stderr]).toEqual([0, ""]);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(":")[0]),
    ).toEqual([...others, leader]);
    expect(stdout).toMatch(/^m\d: \S+ -> \S+ in [\d.]+ s$/m);
    const [one = ""] = others;
    const json = JSON.parse((await fake.run("defrag", "store", one, "-o", "json")).stdout) as object[];
    expect(json).toEqual([
      { member: one, before: expect.any(Number), after: expect.any(Number), seconds: expect.any(Number) },
    ]);
  }, 60_000);

  it("stops at the first member that cannot be reached", async () => {
    const { fake, others } = await kubectl({});
    using _ = fake;
    const { code, stdout, stderr } = await fake.run("defrag", "store");

    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `${others[0]}: ${others[0]} is not reached: error: unable to forward port because pod is not running. Current status=Pending\n`,
    );
  }, 60_000);
});

function https(endpoint: string): string {
  return `https://${endpoint.replace(/^https?:\/\//, "")}`;
}
