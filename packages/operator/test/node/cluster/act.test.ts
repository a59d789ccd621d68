import { describe, expect, it } from "@jest/globals";
import {
  ANNOTATIONS,
  authoritySecretName,
  CLAIMS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  LABELS,
  memberClaim,
  PODS,
  SECRETS,
  type Step,
} from "../../../src/core/index.ts";
import { act } from "../../../src/node/cluster/act/act.ts";
import type { ActOutcome } from "../../../src/node/cluster/act/act-context.ts";
import { settingsOf } from "../../core/manifests/sample-cluster.ts";
import { CLUSTER_ID, entry } from "./fake-members.ts";
import { Scene } from "./scene.ts";

// Steps that were decided on a world that is not so any more are not carried out.

const NS = { namespace: "ns" };
const URL_4 = "http://c-4.c-peers.ns.svc:2380";

describe("steps on the membership", () => {
  it("add a learner once", async () => {
    const scene = trio();
    const step: Step = { kind: "AddLearner", member: "c-4", peerUrl: URL_4 };

    expect(await take(scene, step)).toEqual({ kind: "done" });
    expect(changes(scene)).toEqual([`c-1.addLearner(${URL_4})`]);

    scene.calls.length = 0;
    scene.entries = [...scene.entries, plainEntry("4", "c-4", { isLearner: true, name: "" })];
    expect(await take(scene, step)).toEqual({ kind: "done" });
    expect(changes(scene)).toEqual([]);
  });

  it("add nobody while another change is open, in another cluster, or where none is known", async () => {
    const step: Step = { kind: "AddLearner", member: "c-4", peerUrl: URL_4 };

    const open = trio();
    open.entries = [...open.entries, plainEntry("9", "c-9", { isLearner: true })];
    const other = trio();
    other.members = other.members.map((member) => ({ ...member, clusterId: "ffff" }));
    const unborn = trio("");

    for (const scene of [open, other, unborn]) {
      expect(await take(scene, step)).toMatchObject({ kind: "notNow" });
      expect(changes(scene)).toEqual([]);
    }
  });

  it("promote the learner that is meant, and take a promotion before for done", async () => {
    const scene = trio();
    scene.entries = [plainEntry("1", "c-1"), plainEntry("2", "c-2"), plainEntry("3", "c-3", { isLearner: true })];

    expect(await take(scene, { kind: "Promote", member: "c-3", memberId: "3" })).toEqual({ kind: "done" });
    expect(await take(scene, { kind: "Promote", member: "c-3", memberId: "8" })).toMatchObject({ kind: "notNow" });
    expect(await take(scene, { kind: "Promote", member: "c-2", memberId: "2" })).toEqual({ kind: "done" });
    expect(changes(scene)).toEqual(["c-1.promote(3)"]);
  });

  it("treat refusals as not now", async () => {
    const scene = trio();
    scene.entries = [plainEntry("1", "c-1"), plainEntry("2", "c-2"), plainEntry("3", "c-3", { isLearner: true })];
    scene.members = scene.members.map((member) => ({ ...member, refuses: { promote: "LearnerNotReady" } }));

    expect(await take(scene, { kind: "Promote", member: "c-3", memberId: "3" })).toEqual({
      kind: "notNow",
      why: "LearnerNotReady: LearnerNotReady",
    });
  });

  it("remove a voter only if the rest has a majority of itself now, and not the leader", async () => {
    const healthy = trio();
    expect(await take(healthy, { kind: "RemoveFromCluster", member: "c-3", memberId: "3" })).toEqual({ kind: "done" });
    expect(changes(healthy)).toEqual(["c-1.removeMember(3)"]);

    const impaired = trio();
    impaired.members = impaired.members.map((member) =>
      member.id === "2" ? { ...member, fails: "Unreachable" as const } : member,
    );
    expect(await take(impaired, { kind: "RemoveFromCluster", member: "c-3", memberId: "3" })).toMatchObject({
      kind: "notNow",
      event: { reason: "RemovalRefusedByQuorum" },
    });
    // The one that is down may go: what stays is healthy.
    expect(await take(impaired, { kind: "RemoveFromCluster", member: "c-2", memberId: "2" })).toEqual({ kind: "done" });

    const leader = trio();
    expect(await take(leader, { kind: "RemoveFromCluster", member: "c-1", memberId: "1" })).toMatchObject({
      kind: "notNow",
    });
    expect(changes(leader)).toEqual([]);
  });

  it("remove the member that is meant, or nobody", async () => {
    const scene = trio();

    expect(await take(scene, { kind: "RemoveFromCluster", member: "c-2", memberId: "3" })).toMatchObject({
      kind: "notNow",
    });
    expect(await take(scene, { kind: "RemoveFromCluster", member: "c-7", memberId: "7" })).toEqual({ kind: "done" });
    expect(changes(scene)).toEqual([]);
  });

  it("move the leadership from whoever has it, to a voter", async () => {
    const scene = trio();
    const step = { kind: "MoveLeader", from: "c-1", fromId: "1", to: "c-2", toId: "2" } as const;

    expect(await take(scene, step)).toEqual({ kind: "done" });
    expect(await take(scene, { ...step, to: "c-8", toId: "8" })).toMatchObject({ kind: "notNow" });
    expect(await take(scene, { ...step, from: "c-2", fromId: "2", to: "c-3", toId: "3" })).toEqual({ kind: "done" });
    expect(changes(scene)).toEqual(["c-1.moveLeader(2)"]);
  });
});

describe("steps on objects", () => {
  it("found a cluster only where nothing of one is", async () => {
    const step: Step = { kind: "CreateMember", name: "c-1", serial: 1, join: "New", recoveryEpoch: 0 };
    const fresh = new Scene();
    expect(await take(fresh, step)).toEqual({ kind: "done" });
    expect(fresh.api.writes).toEqual(["create EtcdMember/c-1"]);

    const latched = new Scene({}, { clusterID: CLUSTER_ID });
    const claimed = new Scene();
    claimed.api.put(CLAIMS, marked(memberClaim(settingsOf(), "c-5")));
    const secret = new Scene();
    secret.api.put(
      SECRETS,
      marked({ apiVersion: "v1", kind: "Secret", metadata: { name: authoritySecretName("c"), namespace: "ns" } }),
    );
    const inhabited = new Scene();
    inhabited.addMember(4);
    for (const scene of [latched, claimed, secret, inhabited]) {
      expect(await take(scene, step)).toMatchObject({ kind: "notNow" });
      expect(scene.api.writes).toEqual([]);
    }
  });

  it("start no second founder, though it was decided before the identity was recorded", async () => {
    const scene = new Scene();
    scene.addMember(1);
    await scene.api.delete(PODS, { ...NS, name: "c-1" });
    const sight = await scene.look();
    const live = await scene.cluster();
    scene.api.put(ETCD_CLUSTERS, { ...live, status: { clusterID: CLUSTER_ID } });
    scene.api.writes.length = 0;
    const start = { clusterState: "new", initialCluster: "c-1=x", forceEpoch: undefined, mustHaveData: false } as const;

    const outcome = await act({ deps: scene.deps, sight }, { kind: "CreatePod", member: "c-1", start });

    expect(outcome).toEqual({ kind: "notNow", why: `cluster ${CLUSTER_ID} existed here` });
    expect(scene.api.writes).toEqual([]);
  });

  it("start no joiner that is not listed", async () => {
    const scene = trio();
    scene.addMember(4);
    await scene.api.delete(PODS, { ...NS, name: "c-4" });
    scene.api.writes.length = 0;
    const start = {
      clusterState: "existing",
      initialCluster: "x",
      forceEpoch: undefined,
      mustHaveData: false,
    } as const;

    expect(await take(scene, { kind: "CreatePod", member: "c-4", start })).toMatchObject({ kind: "notNow" });
    scene.entries = [...scene.entries, plainEntry("4", "c-4", { name: "", isLearner: true })];
    expect(await take(scene, { kind: "CreatePod", member: "c-4", start })).toEqual({ kind: "done" });
    expect(scene.api.writes).toEqual(["patch EtcdMember/c-4", "create Pod/c-4"]);
  });

  it("delete the Pod that is meant, not its successor", async () => {
    const scene = trio();
    const step = { kind: "DeletePod", pod: "c-1", uid: "another", how: "Delete", reason: "" } as const;

    expect(await take(scene, step)).toMatchObject({ kind: "notNow" });
    expect(await scene.api.get(PODS, { ...NS, name: "c-1" })).toBeDefined();
  });

  it("delete no volume that a Pod uses, that is another one, or that became a cluster's meanwhile", async () => {
    const scene = trio();
    const claim = scene.api.put(CLAIMS, memberClaim(settingsOf(), "c-3"));
    const step = {
      kind: "DeleteClaim",
      claim: "data-c-3",
      uid: claim.metadata.uid ?? "",
      clusterId: undefined,
    } as const;
    scene.api.writes.length = 0;

    expect(await take(scene, step)).toMatchObject({ kind: "notNow", why: "Pod c-3 still uses claim data-c-3" });
    await scene.api.delete(PODS, { ...NS, name: "c-3" });
    expect(await take(scene, { ...step, uid: "other" })).toMatchObject({ kind: "notNow" });
    expect(await take(scene, { ...step, clusterId: "ffff" })).toMatchObject({ kind: "notNow" });
    expect(await take(scene, step)).toEqual({ kind: "done" });
    expect(await scene.api.get(CLAIMS, { ...NS, name: "data-c-3" })).toBeUndefined();
  });

  it("take a volume out of its cluster and give it back", async () => {
    const scene = trio();
    const uid = scene.api.put(CLAIMS, memberClaim(settingsOf(), "c-9")).metadata.uid ?? "";

    await take(scene, { kind: "RetireClaim", claim: "data-c-9", uid, reason: "it left" });
    const retired = await scene.api.get(CLAIMS, { ...NS, name: "data-c-9" });
    await take(scene, { kind: "AdoptClaim", claim: "data-c-9", uid, member: "c-9" });
    const adopted = await scene.api.get(CLAIMS, { ...NS, name: "data-c-9" });

    expect(retired?.metadata.labels).toMatchObject({ [LABELS.retired]: "true" });
    expect(retired?.metadata.labels?.[LABELS.member]).toBeUndefined();
    expect(retired?.metadata.annotations).toMatchObject({ "etcd.quorate.dev/retired-reason": "it left" });
    expect(adopted?.metadata.labels).toMatchObject({ [LABELS.member]: "c-9" });
    expect(adopted?.metadata.labels?.[LABELS.retired]).toBeUndefined();
  });

  it("make no new volume for a member that has had one", async () => {
    const scene = new Scene();
    scene.addMember(1, { status: { joined: true } });

    expect(await take(scene, { kind: "CreateClaim", member: "c-1" })).toMatchObject({ kind: "notNow" });
  });

  it("record an identity on the volume first, and over no other", async () => {
    const scene = new Scene();
    scene.addMember(1);
    scene.members = [{ id: "1", name: "c-1" }];
    scene.entries = [plainEntry("1", "c-1")];
    scene.api.put(CLAIMS, memberClaim(settingsOf(), "c-1"));
    scene.api.put(SECRETS, { apiVersion: "v1", kind: "Secret", metadata: { name: "c-ca", namespace: "ns" } });
    scene.api.writes.length = 0;
    const step = { kind: "RecordIdentity", clusterId: CLUSTER_ID, replaces: undefined } as const;

    expect(await take(scene, step)).toEqual({ kind: "done" });
    expect(scene.api.writes).toEqual([
      "patch PersistentVolumeClaim/data-c-1",
      "patch Secret/c-ca",
      "status EtcdCluster/c",
    ]);
    expect((await scene.look()).world.latches.map(({ where, clusterId }) => [where, clusterId])).toEqual([
      ["status", CLUSTER_ID],
      ["secret", CLUSTER_ID],
      ["claim", CLUSTER_ID],
    ]);
    expect(await take(scene, { ...step, clusterId: "ffff" })).toMatchObject({ kind: "notNow" });
    expect(await take(scene, { ...step, clusterId: "ffff", replaces: CLUSTER_ID })).toEqual({ kind: "done" });
    expect((await scene.cluster()).status?.clusterID).toBe("ffff");
  });

  it("let a member go only once its object is on its way out", async () => {
    const scene = new Scene();
    scene.addMember(1);
    const step = { kind: "ForgetMember", member: "c-1" } as const;
    const sight = await scene.look();

    expect(await act({ deps: scene.deps, sight }, step)).toEqual({ kind: "notNow", why: "Pod c-1 is still there" });
    await scene.api.delete(PODS, { ...NS, name: "c-1" });
    scene.api.writes.length = 0;
    await act({ deps: scene.deps, sight }, step);

    expect(scene.api.writes).toEqual(["delete Secret/c-1-tls", "delete EtcdMember/c-1", "patch EtcdMember/c-1"]);
    expect(await scene.api.get(ETCD_MEMBERS, { ...NS, name: "c-1" })).toBeUndefined();
    expect(await act({ deps: scene.deps, sight }, step)).toEqual({ kind: "done" });
  });
});

describe("the leadership", () => {
  it("is asked for right before the cluster is changed", async () => {
    const scene = trio();
    const sight = await scene.look();
    scene.isLeader = false;
    const step: Step = { kind: "RemoveFromCluster", member: "c-3", memberId: "3" };

    expect(await act({ deps: scene.deps, sight }, step)).toEqual({
      kind: "notNow",
      why: "this operator does not lead any more",
    });
    expect(changes(scene)).toEqual([]);
  });
});

/** Three healthy voters, c-1 leading. */
function trio(clusterID: string = CLUSTER_ID): Scene {
  const scene = new Scene(undefined, clusterID === "" ? {} : { clusterID });
  for (const serial of [1, 2, 3]) scene.addMember(serial);
  scene.members = ["1", "2", "3"].map((id) => ({ id, name: `c-${id}` }));
  scene.entries = ["1", "2", "3"].map((id) => plainEntry(id, `c-${id}`));
  scene.api.writes.length = 0;
  return scene;
}

function plainEntry(id: string, member: string, more: object = {}): ReturnType<typeof entry> {
  return entry(id, member, { peerUrls: [`http://${member}.c-peers.ns.svc:2380`], ...more });
}

async function take(scene: Scene, step: Step): Promise<ActOutcome> {
  const sight = await scene.look();
  return await act({ deps: scene.deps, sight }, step);
}

/** Calls that change the membership. */
function changes(scene: Scene): readonly string[] {
  return scene.calls.filter((call) => /\.(addLearner|promote|removeMember|moveLeader)\(/.test(call));
}

function marked<T extends { readonly metadata: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, annotations: { [ANNOTATIONS.clusterId]: CLUSTER_ID } } };
}
