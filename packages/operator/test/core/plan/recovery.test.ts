import { describe, expect, it } from "@jest/globals";
import {
  decide,
  type EtcdRestore,
  type EtcdRestoreStatus,
  restoreWithDefaults,
  type Step,
  type World,
} from "../../../src/core/index.ts";
import { ago, build, healthy, ID, type MemberSketch, NOW, SILENT, type WorldSketch } from "./build-world.ts";

const GONE = { pod: "none", claim: "none", answer: "none" } as const;

function restore(source: EtcdRestore["spec"]["source"], status: EtcdRestoreStatus, confirm = ID): EtcdRestore {
  const bare = {
    apiVersion: "etcd.quorate.dev/v1alpha1",
    kind: "EtcdRestore",
    metadata: { name: "r", namespace: "ns" },
    spec: { source, target: { clusterName: "c" }, mode: "InPlace", confirm },
  };
  return { ...restoreWithDefaults(bare), status };
}

type Row = readonly [title: string, world: World, step: Partial<Step> | undefined, status: EtcdRestoreStatus];

function table(rows: readonly Row[]): void {
  for (const [title, world, step, status] of rows) {
    it(title, () => {
      const decision = decide(world);
      expect({ step: decision.step, status: decision.restoreStatus }).toMatchObject({
        step: step === undefined ? undefined : expect.objectContaining(step),
        status,
      });
      // No client before there is a majority of the size that is asked for.
      const voters = world.etcd.list?.members.length ?? 0;
      expect(decision.isFenced).toBe(world.restore?.status?.phase !== "Growing" || voters < 2);
    });
  }
}

describe("recovery from a survivor", () => {
  const lost = (status: EtcdRestoreStatus, sketch: WorldSketch = {}, survivor = "auto", confirm = ID): World =>
    healthy(3, {
      leader: 0,
      ...sketch,
      members: { 2: GONE, 3: GONE, ...sketch.members },
      others: { restore: restore({ survivor }, status, confirm) },
    });
  const chosen = { recoveryEpoch: 1, survivor: "c-1", seed: "c-1", oldClusterID: ID } as const;
  const seeding = (more: EtcdRestoreStatus = {}): EtcdRestoreStatus => ({ ...chosen, phase: "Seeding", ...more });
  const forced = { steps: [{ name: "Forced1", time: ago(1000) }] };
  const marked = { spec: { recoveryEpoch: 1 } } as const;
  const pod = (more: MemberSketch["pod"]): MemberSketch => ({ ...marked, pod: more as never });
  const alone = (more: MemberSketch["pod"], status: EtcdRestoreStatus): World =>
    build({
      spec: { replicas: 3 },
      members: { 1: pod(more) },
      others: { restore: restore({ survivor: "auto" }, status) },
    });

  table([
    [
      "records whose data is kept before anything is touched",
      lost({ phase: "Fencing" }),
      undefined,
      { phase: "Fencing", ...chosen },
    ],
    [
      "is refused while there is a quorum",
      healthy(3, { others: { restore: restore({ survivor: "auto" }, { phase: "Fencing" }) } }),
      undefined,
      { phase: "Failed" },
    ],
    [
      "is refused if another cluster was confirmed",
      lost({ phase: "Fencing" }, {}, "auto", "beef"),
      undefined,
      { phase: "Failed" },
    ],
    ["is refused from a member without data", lost({ phase: "Fencing" }, {}, "c-2"), undefined, { phase: "Failed" }],
    [
      "is refused from a volume that is being deleted",
      lost({ phase: "Fencing" }, { members: { 1: { claim: { isTerminating: true } } } }),
      undefined,
      { phase: "Failed" },
    ],
    [
      "chooses the highest term, then the longest log",
      healthy(5, {
        leader: 0,
        members: {
          1: { answer: SILENT, status: { raftTerm: 5, raftIndex: 10 } },
          2: { answer: SILENT, status: { raftTerm: 6, raftIndex: 7 } },
          3: { answer: SILENT, status: { raftTerm: 6, raftIndex: 9 } },
          4: GONE,
          5: GONE,
        },
        others: { restore: restore({ survivor: "auto" }, { phase: "Fencing" }) },
      }),
      undefined,
      { survivor: "c-3" },
    ],
    ["stops every Pod", lost({ ...chosen, phase: "Fencing" }), { kind: "DeletePod", pod: "c-1" }, { phase: "Fencing" }],
    [
      "waits until they are gone",
      lost({ ...chosen, phase: "Fencing" }, { members: { 1: pod({ isTerminating: true }) } }),
      undefined,
      { phase: "Fencing" },
    ],
    [
      "goes on when they are",
      lost({ ...chosen, phase: "Fencing" }, { members: { 1: { pod: "none" } } }),
      undefined,
      { phase: "Seeding" },
    ],
    [
      "marks the survivor",
      lost(seeding(), { members: { 1: { pod: "none" } } }),
      { kind: "SetMemberEpoch", member: "c-1", recoveryEpoch: 1 },
      { phase: "Seeding" },
    ],
    [
      "starts it once as a cluster of one",
      lost(seeding(), { members: { 1: { ...marked, pod: "none" } } }),
      {
        kind: "CreatePod",
        member: "c-1",
        start: {
          clusterState: "existing",
          initialCluster: "c-1=https://c-1.c-peers.ns.svc:2380",
          forceEpoch: 1,
          mustHaveData: true,
        },
      },
      { phase: "Seeding" },
    ],
    [
      "records that it was",
      alone({ forceEpoch: 1 }, seeding()),
      undefined,
      { phase: "Seeding", steps: [expect.objectContaining({ name: "Forced1" }) as never] },
    ],
    [
      "records that it was before, as the volume says",
      lost(seeding(), { members: { 1: { ...pod({ forceEpoch: 1, phase: "Failed", exitCode: 80 }), answer: SILENT } } }),
      undefined,
      { steps: [expect.objectContaining({ name: "Forced1" }) as never] },
    ],
    [
      "stops that Pod",
      alone({ forceEpoch: 1 }, seeding(forced)),
      { kind: "DeletePod", pod: "c-1" },
      { phase: "Seeding" },
    ],
    [
      "starts it again as usual",
      lost(seeding(forced), { members: { 1: { ...marked, pod: "none" } } }),
      {
        kind: "CreatePod",
        start: {
          clusterState: "existing",
          initialCluster: "c-1=https://c-1.c-peers.ns.svc:2380",
          forceEpoch: undefined,
          mustHaveData: true,
        },
      },
      { phase: "Seeding" },
    ],
    [
      "goes on when it serves alone",
      alone({}, seeding(forced)),
      undefined,
      { phase: "Growing", newClusterID: ID, restoredRevision: "4000" },
    ],
    ["fails if the data is gone after all", lost(seeding(), { members: { 1: GONE } }), undefined, { phase: "Failed" }],
    [
      "has the old members leave without the cluster",
      build({
        spec: { replicas: 3 },
        members: { 1: marked, 2: { ...GONE, role: "unlisted", status: { joined: true } } },
        others: { restore: restore({ survivor: "auto" }, { ...seeding(forced), phase: "Growing" }) },
      }),
      { kind: "MarkLeaving", member: "c-2" },
      { phase: "Growing" },
    ],
    [
      "keeps their volumes",
      build({
        spec: { replicas: 3 },
        members: {
          1: marked,
          2: { pod: "none", role: "unlisted", status: { joined: true }, spec: { desiredRole: "Absent" } },
        },
        others: { restore: restore({ survivor: "auto" }, { ...seeding(forced), phase: "Growing" }) },
      }),
      { kind: "RetireClaim", claim: "data-c-2" },
      { phase: "Growing" },
    ],
  ]);

  it("begins again with another number if the server died before it did as it was told", () => {
    const lists = new Map([["c-1", { clusterId: ID, memberId: "1", members: healthy(3).etcd.list?.members ?? [] }]]);
    const world = lost(seeding(forced), {
      members: { 1: pod({ createdMs: NOW - 40_000 }) },
      etcd: { localLists: lists },
    });

    expect(decide(world).restoreStatus).toMatchObject({ phase: "Seeding", recoveryEpoch: 2 });
  });

  it("is done when the cluster has its size again", () => {
    const status = { ...seeding(forced), phase: "Growing" as const, restoredRevision: "4000" };
    const done = decide(healthy(3, { others: { restore: restore({ survivor: "auto" }, status) } }));

    expect(done.restoreStatus).toMatchObject({ phase: "Completed", completedAt: new Date(NOW).toISOString() });
  });
});

describe("a restore in place from a snapshot", () => {
  const artifact = { destination: { pvc: { claimName: "b" } }, key: "k", revision: "3000" };
  const chosen = { recoveryEpoch: 1, oldClusterID: ID, artifact, revisionBump: 1000 };
  const seeding = (more: EtcdRestoreStatus = {}): EtcdRestoreStatus => ({ ...chosen, phase: "Seeding", ...more });
  const at = (status: EtcdRestoreStatus, sketch: WorldSketch): World =>
    build({ spec: { replicas: 3 }, ...sketch, others: { restore: restore({ backupName: "b" }, status) } });
  const seed = { spec: { recoveryEpoch: 1, join: "Restore" }, status: { joined: false } } as const;
  const NEW = { clusterId: "beef" } as const;
  const spoken = {
    clusterId: "beef",
    memberId: "4",
    members: [
      { id: "4", name: "c-4", peerUrls: ["https://c-4.c-peers.ns.svc:2380"], clientUrls: [], isLearner: false },
    ],
  };
  const speaking = (status: EtcdRestoreStatus, members = {}): World =>
    at(status, {
      members: { 4: { ...seed, says: NEW, claim: { clusterId: undefined }, ...members } },
      etcd: { list: spoken },
    });

  table([
    [
      "is not refused while there is a quorum",
      healthy(3, { others: { restore: restore({ backupName: "b" }, { phase: "Fencing" }) } }),
      undefined,
      { phase: "Fencing", recoveryEpoch: 1, oldClusterID: ID },
    ],
    [
      "sets the old volumes aside",
      at(seeding(), { leader: 0, members: { 1: { pod: "none" }, 2: { pod: "none" } } }),
      { kind: "RetireClaim", claim: "data-c-1" },
      { phase: "Seeding" },
    ],
    [
      "then the old members",
      at(seeding(), { leader: 0, members: { 1: { pod: "none", claim: "none" } } }),
      { kind: "ForgetMember", member: "c-1" },
      { phase: "Seeding" },
    ],
    [
      "makes a new seed with a new number",
      at(seeding(), { leader: 0, members: {}, status: { clusterID: ID, lastSerial: 3 } }),
      { kind: "CreateMember", name: "c-4", join: "Restore", recoveryEpoch: 1 },
      { seed: "c-4" },
    ],
    [
      "gives it a volume",
      at(seeding({ seed: "c-4" }), { leader: 0, members: { 4: { ...seed, pod: "none", claim: "none" } } }),
      { kind: "CreateClaim", member: "c-4" },
      { phase: "Seeding" },
    ],
    [
      "starts it as a cluster of its own",
      at(seeding({ seed: "c-4" }), {
        leader: 0,
        members: { 4: { ...seed, pod: "none", claim: { clusterId: undefined } } },
      }),
      {
        kind: "CreatePod",
        member: "c-4",
        start: {
          clusterState: "new",
          initialCluster: "c-4=https://c-4.c-peers.ns.svc:2380",
          forceEpoch: undefined,
          mustHaveData: false,
        },
      },
      { phase: "Seeding" },
    ],
    [
      "notes the new identity before it is recorded",
      speaking(seeding({ seed: "c-4" })),
      undefined,
      { phase: "Seeding", newClusterID: "beef", bumpedTo: "4000" },
    ],
    [
      "has the seed refuse to start without its data",
      speaking(seeding({ seed: "c-4", newClusterID: "beef" })),
      { kind: "MarkJoined", member: "c-4" },
      { phase: "Seeding" },
    ],
    [
      "records it in place of the old one",
      speaking(seeding({ seed: "c-4", newClusterID: "beef" }), { status: { joined: true } }),
      { kind: "RecordIdentity", clusterId: "beef", replaces: ID },
      { phase: "Seeding" },
    ],
    [
      "starts a seed again whose restore did not succeed",
      at(seeding({ seed: "c-4" }), {
        leader: 0,
        members: { 4: { ...seed, claim: { clusterId: undefined }, answer: SILENT, pod: { phase: "Failed" } } },
      }),
      { kind: "DeletePod", pod: "c-4" },
      { phase: "Seeding" },
    ],
  ]);

  const grown = (revisionBump: number): World =>
    healthy(3, {
      others: {
        restore: restore(
          { backupName: "b" },
          { ...seeding({ newClusterID: ID, oldClusterID: "0ld", revisionBump }), phase: "Growing" },
        ),
      },
    });

  it("is done when the cluster has its size and no watcher can see the revision run backwards", () => {
    expect(decide(grown(1000)).restoreStatus).toMatchObject({ phase: "Completed" });
  });

  it("fails if the revision is lower than was promised", () => {
    expect(decide(grown(1001)).restoreStatus).toMatchObject({ phase: "Failed" });
  });
});
