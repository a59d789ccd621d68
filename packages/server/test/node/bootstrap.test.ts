import { describe, expect, it } from "@jest/globals";
import { hexId } from "@quorate/server/core";
import { EtcdNode, findPeer, peersAreRequired, requirePeer } from "@quorate/testkit";
import { type BootstrapClient, bootstrapMember, foundersOf } from "../../src/node/bootstrap.ts";
import type { ServerConfig } from "../../src/node/config/index.ts";
import { PeerClient, type PeerMembers } from "../../src/node/peer/index.ts";
import type { ResolveHost } from "../../src/node/peer-url-match.ts";
import { configOf, parse } from "../config/parse-config.ts";

const UNKNOWN = "could not retrieve cluster information from the given URLs";
const ADDRESSES: Readonly<Record<string, string>> = { one: "10.0.0.1", two: "10.0.0.2" };
const resolveHost: ResolveHost = async (host) => ADDRESSES[host];

/** A member n2 of a cluster of n1 and n2; what the flags come to is changed where a test says so. */
function config(
  change: Partial<ServerConfig> = {},
  cluster = "n1=http://10.0.0.1:1,n2=http://10.0.0.2:1",
): ServerConfig {
  const own = cluster.split(",").find((part) => part.startsWith("n2="));
  const lone = parse(["--name=n2", `--initial-advertise-peer-urls=${own?.slice(3)}`, `--initial-cluster=${own}`]);
  const initialCluster = cluster.split(",").map((part) => {
    const [name = "", url = ""] = part.split("=");
    const parsed = configOf(parse([`--initial-advertise-peer-urls=${url}`, `--initial-cluster=default=${url}`]));
    return { name, peerUrls: parsed.initialAdvertisePeerUrls };
  });
  return { ...configOf(lone), initialCluster, ...change };
}

/** Members that answer, by URL; everybody else is unreachable. */
function client(
  answers: Readonly<Record<string, PeerMembers>>,
  version = "3.7.0",
): BootstrapClient & { asked: string[] } {
  const asked: string[] = [];
  const answer = async <T>(url: string, value: T | undefined): Promise<T> => {
    asked.push(url);
    if (value === undefined) throw new Error(`${url}: connection refused`);
    return value;
  };
  return {
    asked,
    getMembers: (url) => answer(url, answers[url]),
    getVersion: (url) => answer(url, { etcdserver: "3.7.1", etcdcluster: version, storage: version }),
    getDowngradeEnabled: (url) => answer<boolean>(url, undefined),
  };
}

function running(...members: Partial<PeerMembers["members"][number]>[]): PeerMembers {
  return {
    clusterId: 0xabcn,
    members: members.map((member) => ({
      id: 0n,
      name: "",
      peerUrls: [],
      clientUrls: [],
      isLearner: false,
      ...member,
    })),
  };
}

const N1 = { id: 11n, name: "n1", peerUrls: ["http://10.0.0.1:1"], clientUrls: ["http://10.0.0.1:2"] };
const N2 = { id: 22n, peerUrls: ["http://10.0.0.2:1"] };

describe("founding a cluster", () => {
  it("gives all members the same IDs, in ascending order", async () => {
    const bootstrap = await bootstrapMember(config(), { client: client({}), resolveHost });

    expect(bootstrap.founders).toEqual(foundersOf(config({ name: "n1" })));
    expect(bootstrap.founders.map(({ name }) => name).sort()).toEqual(["n1", "n2"]);
    expect(bootstrap.founders.map(({ id }) => id)).toEqual(
      bootstrap.founders.map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1)),
    );
    expect(bootstrap.peers.map(({ name }) => name)).toEqual(["n1"]);
    expect(bootstrap.identity.memberId).toBe(bootstrap.founders.find(({ name }) => name === "n2")?.id);
  });

  it("is refused to a member that has been in that cluster, and not to one that never started", async () => {
    const self = foundersOf(config()).find(({ name }) => name === "n2");
    const before = running(N1, { ...self, clientUrls: ["http://10.0.0.2:2"] });
    const listed = running(N1, { ...self });

    await expect(
      bootstrapMember(config(), { client: client({ "http://10.0.0.1:1": before }), resolveHost }),
    ).rejects.toThrow(`member ${hexId(self?.id ?? 0n)} has already been bootstrapped`);
    const bootstrap = await bootstrapMember(config(), { client: client({ "http://10.0.0.1:1": listed }), resolveHost });
    expect(bootstrap.identity.memberId).toBe(self?.id);
  });

  it("is refused for what the flags contradict, before anybody is asked", async () => {
    const asked = client({});

    await expect(bootstrapMember(config({ name: "n3" }), { client: asked, resolveHost })).rejects.toThrow(
      `couldn't find local name "n3" in the initial cluster configuration`,
    );
    expect(asked.asked).toEqual([]);
  });
});

describe("joining a cluster", () => {
  const existing = config({ initialClusterState: "existing" });
  const joinWith = (members: PeerMembers, change: Partial<ServerConfig> = {}, version?: string) =>
    bootstrapMember(
      { ...existing, ...change },
      { client: client({ "http://10.0.0.1:1": members }, version), resolveHost },
    );

  it("takes the IDs from the cluster, and founds nothing", async () => {
    const bootstrap = await joinWith(running(N1, N2));

    expect(bootstrap.identity).toEqual({ memberId: 22n, clusterId: 0xabcn });
    expect(bootstrap.founders).toEqual([]);
    expect(bootstrap.peers.map(({ id }) => id)).toEqual([11n]);
  });

  it("compares addresses where one side was told names", async () => {
    const named = config({ initialClusterState: "existing" }, "n1=http://one:1,n2=http://two:1");
    const answers = client({ "http://one:1": running(N1, N2) });

    expect((await bootstrapMember(named, { client: answers, resolveHost })).identity.memberId).toBe(22n);
  });

  it.each<[string, PeerMembers, Partial<ServerConfig>, string | undefined, string]>([
    ["as long as it was not added", running(N1), {}, undefined, "member count is unequal"],
    [
      "under other URLs",
      running(N1, { ...N2, peerUrls: ["http://10.0.0.2:9"] }),
      {},
      undefined,
      "PeerURLs: no match found for existing member (16, [http://10.0.0.2:9])",
    ],
    ["whose versions are higher", running(N1, N2), {}, "3.8.0", "incompatible with current running cluster"],
    ["whose version is unknown", running(N1, N2), {}, "not_decided", "incompatible with current running cluster"],
    [
      "with more learners than this member allows",
      running(N1, { ...N2, isLearner: true }),
      { maxLearners: 0 },
      undefined,
      "membership: too many learner members in cluster",
    ],
    [
      "without the data it had as a voter of it",
      running(N1, { ...N2, clientUrls: ["http://10.0.0.2:2"] }),
      {},
      undefined,
      "member 16 has already been bootstrapped",
    ],
    [
      "without the data it had as a learner of it",
      running(N1, { ...N2, isLearner: true, clientUrls: ["http://10.0.0.2:2"] }),
      {},
      undefined,
      "member 16 has already been bootstrapped",
    ],
    ["without members", running(), {}, undefined, "failed to get raft cluster member(s) from the given URLs"],
  ])("is refused %s", async (_why, members, change, version, message) => {
    await expect(joinWith(members, change, version)).rejects.toThrow(message);
  });

  it("prints the cluster that it does not fit as etcd does", async () => {
    await expect(joinWith(running(N1))).rejects.toThrow(
      "error validating peerURLs {ClusterID:abc Members:[&{ID:b RaftAttributes:{PeerURLs:[http://10.0.0.1:1] " +
        "IsLearner:false} Attributes:{Name:n1 ClientURLs:[http://10.0.0.1:2]}}] RemovedMemberIDs:[]}: member count is unequal",
    );
  });

  it("needs one member that answers", async () => {
    await expect(bootstrapMember(existing, { client: client({}), resolveHost })).rejects.toThrow(
      `cannot fetch cluster info from peer urls: ${UNKNOWN}`,
    );
  });
});

// Where peers are required, a missing one is a failure and not a suite that nobody misses.
const isHere = findPeer("etcd-3.4") !== undefined || peersAreRequired();
(isHere ? describe : describe.skip)("a real etcd 3.4.23", () => {
  it("is no cluster to join for a member that was not added", async () => {
    await using node = await EtcdNode.start({ program: [requirePeer("etcd-3.4")], medium: "memory" });
    const peers = new PeerClient(undefined);
    const url = `http://127.0.0.1:${node.peerPort}`;
    const joining = config({ initialClusterState: "existing" }, `n1=${url},n2=http://127.0.0.1:1`);
    const { clusterId, members } = await peers.getMembers(url, 5000);

    await expect(bootstrapMember(joining, { client: peers, resolveHost })).rejects.toThrow(
      `Members:[&{ID:${hexId(members[0]?.id ?? 0n)} RaftAttributes:{PeerURLs:[${url}] IsLearner:false} ` +
        `Attributes:{Name:n1 ClientURLs:[http://${node.endpoint}]}}] RemovedMemberIDs:[]}: member count is unequal`,
    );
    expect(clusterId).toBeGreaterThan(0n);
  });
});
