import { describe, expect, it } from "@jest/globals";
import { CONDITION_TYPES, decide, type MemberTlsView, type Step, type World } from "../../../src/core/index.ts";
import { ago, build, GIB, healthy, ID, NOW, SILENT, type WorldSketch } from "./build-world.ts";

// A row is a world and what is to be done about it: the rule that decides, and the parts of the step that matter.

type Expected = { readonly rule: string; readonly step?: Partial<Step> | undefined; readonly says?: string };
type Row = readonly [title: string, world: World, expected: Expected];

function table(rows: readonly Row[]): void {
  for (const [title, world, { rule, step, says }] of rows) {
    it(title, () => {
      const decision = decide(world);
      expect({ rule: decision.rule, step: decision.step, says: decision.status.message }).toMatchObject({
        rule,
        step: step === undefined ? undefined : expect.objectContaining(step),
        ...(says === undefined ? {} : { says: expect.stringContaining(says) }),
      });
      expect(decision.status.conditions?.map((condition) => condition.type)).toEqual([...CONDITION_TYPES]);
    });
  }
}

const UNBORN: WorldSketch = { status: {}, leader: 0 };
const SEED_EMPTY = { role: "unlisted", pod: "none", claim: "none", status: { joined: false }, answer: "none" } as const;
const NEW_CLAIM = { clusterId: undefined } as const;
const JOINING = { role: "unlisted", pod: "none", status: { joined: false }, claim: NEW_CLAIM } as const;

describe("bootstrap", () => {
  table([
    [
      "makes one seed where nothing is",
      build(UNBORN),
      { rule: "bootstrap", step: { kind: "CreateMember", name: "c-1", serial: 1, join: "New" } },
    ],
    ["makes none where none is wanted", build({ ...UNBORN, spec: { replicas: 0 } }), { rule: "bootstrap" }],
    [
      "gives the seed its volume",
      build({ ...UNBORN, members: { 1: SEED_EMPTY } }),
      { rule: "bootstrap", step: { kind: "CreateClaim", member: "c-1" } },
    ],
    [
      "then its Pod, as a new cluster of itself",
      build({ ...UNBORN, members: { 1: { ...SEED_EMPTY, claim: NEW_CLAIM } } }),
      {
        rule: "bootstrap",
        step: {
          kind: "CreatePod",
          member: "c-1",
          start: {
            clusterState: "new",
            initialCluster: "c-1=https://c-1.c-peers.ns.svc:2380",
            forceEpoch: undefined,
            mustHaveData: false,
          },
        },
      },
    ],
    [
      "waits for it to answer",
      build({ ...UNBORN, members: { 1: { ...SEED_EMPTY, claim: NEW_CLAIM, pod: {} } } }),
      { rule: "bootstrap" },
    ],
    [
      "has it refuse to start without its data once it answers",
      build({ status: {}, members: { 1: { status: { joined: false }, claim: NEW_CLAIM } } }),
      { rule: "joining", step: { kind: "MarkJoined", member: "c-1" } },
    ],
    [
      "then records the identity",
      build({ status: {}, members: { 1: { claim: NEW_CLAIM } } }),
      { rule: "bootstrap", step: { kind: "RecordIdentity", clusterId: ID } },
    ],
    [
      "begins anew if the seed lost its data before that",
      build({ ...UNBORN, members: { 1: { pod: "none", claim: "none", role: "unlisted", status: { joined: true } } } }),
      { rule: "bootstrap", step: { kind: "MarkLeaving", member: "c-1" } },
    ],
    [
      "marks the seed as joined before another member is added",
      build({ members: { 1: { status: { joined: false }, claim: NEW_CLAIM } } }),
      { rule: "joining", step: { kind: "MarkJoined", member: "c-1", memberId: "1" } },
    ],
    [
      "records the identity where it is missing",
      build({ members: { 1: {} }, others: { latches: [{ where: "status", clusterId: ID }] } }),
      { rule: "identity", step: { kind: "RecordIdentity", clusterId: ID } },
    ],
    [
      "begins anew with another number if the seed lost its volume before the identity was known",
      build({ ...UNBORN, members: { 1: { ...SEED_EMPTY, claim: { clusterId: undefined, phase: "Lost" }, pod: {} } } }),
      { rule: "bootstrap", step: { kind: "MarkLeaving", member: "c-1" } },
    ],
    [
      "never founds a cluster where one was",
      build({ status: { clusterID: ID }, members: {}, leader: 0 }),
      { rule: "bootstrap", says: "no new one is founded" },
    ],
    [
      "never gives a number twice",
      build({ ...UNBORN, status: { lastSerial: 7 } }),
      { rule: "bootstrap", step: { kind: "CreateMember", name: "c-8" } },
    ],
  ]);
});

describe("retained volumes", () => {
  const retired = (serial: number, clusterId = ID) => ({
    name: `data-c-${serial}`,
    uid: `v-${serial}`,
    member: undefined,
    serial,
    phase: "Bound" as const,
    isTerminating: false,
    isRetired: true,
    requested: GIB,
    capacity: GIB,
    needsRestartToGrow: false,
    storageClassName: undefined,
    canExpand: true,
    clusterId,
  });
  const claims = [retired(1), retired(2), retired(3)];
  const found = (retainedVolumes: "Refuse" | "Adopt" | "Ignore", list = claims) =>
    build({ ...UNBORN, spec: { bootstrap: { retainedVolumes } }, others: { claims: list } });
  table([
    ["are waited at by default", found("Refuse"), { rule: "retained-volumes", says: "Adopt" }],
    [
      "are left aside if the user says so",
      found("Ignore"),
      { rule: "bootstrap", step: { kind: "CreateMember", name: "c-4" } },
    ],
    [
      "are adopted under their numbers",
      found("Adopt"),
      { rule: "retained-volumes", step: { kind: "CreateMember", name: "c-1", join: "Existing" } },
    ],
    [
      "are not adopted if two clusters left them",
      found("Adopt", [retired(1), retired(2, "beef")]),
      { rule: "retained-volumes", says: "no majority" },
    ],
    [
      "are not adopted if they are no majority",
      found("Adopt", [retired(1)]),
      { rule: "retained-volumes", says: "no majority" },
    ],
  ]);

  it("are given back only when every member is there, and started only then", () => {
    const members = {
      1: { role: "unlisted", pod: "none", claim: "none", status: { joined: false }, spec: { join: "Existing" } },
    } as const;
    const half = build({ ...UNBORN, members, spec: { bootstrap: { retainedVolumes: "Adopt" } }, others: { claims } });
    expect(decide(half).step).toMatchObject({ kind: "CreateMember", name: "c-2" });
  });
});

describe("scaling up", () => {
  const two = (sketch: WorldSketch) => build({ spec: { replicas: 3 }, ...sketch });
  table([
    [
      "writes the intent first",
      two({ members: { 1: {}, 2: {} } }),
      { rule: "scale-up", step: { kind: "CreateMember", name: "c-3", join: "Existing" } },
    ],
    [
      "then makes the volume",
      two({ members: { 1: {}, 2: {}, 3: { ...JOINING, claim: "none" } } }),
      { rule: "joining", step: { kind: "CreateClaim", member: "c-3" } },
    ],
    [
      "then adds the learner",
      two({ members: { 1: {}, 2: {}, 3: JOINING } }),
      { rule: "joining", step: { kind: "AddLearner", member: "c-3", peerUrl: "https://c-3.c-peers.ns.svc:2380" } },
    ],
    [
      "then makes its Pod, which learns of the others from the list",
      two({ members: { 1: {}, 2: {}, 3: { ...JOINING, role: "unstarted" } } }),
      { rule: "joining", step: { kind: "CreatePod", member: "c-3" } },
    ],
    [
      "marks a learner that has its data before it may vote",
      two({ members: { 1: {}, 2: {}, 3: { role: "learner", status: { joined: false }, claim: NEW_CLAIM } } }),
      { rule: "joining", step: { kind: "MarkJoined", member: "c-3" } },
    ],
    [
      "does not promote at the first sight of a learner in sync",
      two({ members: { 1: {}, 2: {}, 3: { role: "learner" } } }),
      { rule: "joining", says: "has caught up" },
    ],
    [
      "promotes at the second",
      two({ members: { 1: {}, 2: {}, 3: { role: "learner", status: inSync() } } }),
      { rule: "joining", step: { kind: "Promote", member: "c-3", memberId: "3" } },
    ],
    [
      "does not promote a learner that is behind",
      two({ members: { 1: {}, 2: {}, 3: { role: "learner", status: inSync(), says: { appliedIndex: 3000 } } } }),
      { rule: "joining", says: "catches up" },
    ],
    [
      "waits while a voter is not well",
      two({ members: { 1: {}, 2: { answer: SILENT } }, spec: { replicas: 3 } }),
      { rule: "scale-up" },
    ],
    [
      "waits after an election that nobody planned",
      two({
        members: { 1: {}, 2: {} },
        status: { clusterID: ID, leader: { id: "1", term: 2, since: ago(20_000), lastUnplannedChange: ago(20_000) } },
      }),
      { rule: "scale-up", says: "election" },
    ],
    [
      "does not wait for calm in a cluster of one",
      build({ members: { 1: {} }, status: { clusterID: ID } }),
      { rule: "scale-up", step: { kind: "CreateMember", name: "c-2" } },
    ],
    [
      "refuses an even size",
      build({ members: { 1: {} }, spec: { replicas: 2 } }),
      { rule: "scale-up", says: "allowEvenReplicas" },
    ],
    [
      "takes an even size that is meant",
      build({ members: { 1: {} }, spec: { replicas: 2, allowEvenReplicas: true } }),
      { rule: "scale-up", step: { kind: "CreateMember", name: "c-2" } },
    ],
    [
      "takes back a member that is not wanted any more",
      healthy(3, { members: { 4: JOINING } }),
      { rule: "joining", step: { kind: "MarkLeaving", member: "c-4" } },
    ],
    [
      "gives up a learner that stands still for a quarter of an hour",
      two({
        members: {
          1: {},
          2: {},
          3: { role: "learner", says: { appliedIndex: 1 }, status: { progressedAt: ago(16 * 60_000) } },
        },
      }),
      { rule: "joining", step: { kind: "MarkLeaving", member: "c-3" } },
    ],
    [
      "pauses after learners that came to nothing",
      two({
        members: { 1: {}, 2: {} },
        status: { ...calm(), pacing: { learnerFailures: 2, lastLearnerFailure: ago(60_000) } },
      }),
      { rule: "scale-up", says: "came to nothing" },
    ],
  ]);
});

function inSync() {
  return {
    conditions: [
      { type: "InSync", status: "True" as const, reason: "InSync", message: "", lastTransitionTime: ago(1000) },
    ],
  };
}

function calm() {
  return { clusterID: ID, leader: { id: "1", term: 2, since: ago(60_000) } };
}

const LEAVING = { spec: { desiredRole: "Absent" } } as const;

describe("scaling down", () => {
  const down = (sketch: WorldSketch) => healthy(3, { ...sketch, spec: { replicas: 1, ...sketch.spec } });
  table([
    ["marks the newest follower first", down({}), { rule: "scale-down", step: { kind: "MarkLeaving", member: "c-3" } }],
    [
      "marks a sick member before a healthy one",
      down({ members: { 2: { answer: SILENT } } }),
      { rule: "scale-down", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "never marks the leader while a follower may go",
      down({ leader: 3 }),
      { rule: "scale-down", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    ["drains who leaves", down({ members: { 3: LEAVING } }), { rule: "leaving", says: "no new clients" }],
    [
      "removes it when its clients had time to go",
      down({ members: { 3: { ...LEAVING, status: { step: "Draining", stepStartedAt: ago(6000) } } } }),
      { rule: "leaving", step: { kind: "RemoveFromCluster", member: "c-3", memberId: "3" } },
    ],
    [
      "moves leadership away first",
      down({ leader: 3, members: { 3: LEAVING } }),
      { rule: "leaving", step: { kind: "MoveLeader", from: "c-3", fromId: "3" } },
    ],
    [
      "deletes the Pod of who is out",
      down({ members: { 3: { ...LEAVING, role: "unlisted" } } }),
      { rule: "clean-up", step: { kind: "DeletePod", pod: "c-3", uid: "p-3" } },
    ],
    [
      "then its volume",
      down({ members: { 3: { ...LEAVING, role: "unlisted", pod: "none" } } }),
      { rule: "clean-up", step: { kind: "DeleteClaim", claim: "data-c-3", uid: "v-3", clusterId: ID } },
    ],
    [
      "or keeps it, if that is asked for",
      down({
        members: { 3: { ...LEAVING, role: "unlisted", pod: "none" } },
        spec: { storage: { whenScaled: "Retain" } },
      }),
      { rule: "clean-up", step: { kind: "RetireClaim", claim: "data-c-3" } },
    ],
    [
      "then its object",
      down({ members: { 3: { ...LEAVING, role: "unlisted", pod: "none", claim: "none" } } }),
      { rule: "clean-up", step: { kind: "ForgetMember", member: "c-3" } },
    ],
    [
      "keeps who was to leave if the size grew meanwhile",
      healthy(3, { members: { 3: LEAVING } }),
      { rule: "leaving", step: { kind: "WithdrawLeaving", member: "c-3" } },
    ],
    [
      "does not remove a member whose leaving would cost the quorum",
      down({ members: { 2: { answer: SILENT }, 3: LEAVING } }),
      { rule: "leaving", says: "cannot leave yet" },
    ],
    [
      "stops the last Pod of a cluster that is to sleep",
      build({ members: { 1: {} }, spec: { replicas: 0 } }),
      { rule: "hibernate", step: { kind: "DeletePod", pod: "c-1" } },
    ],
    [
      "lets it sleep",
      build({ members: { 1: { pod: "none" } }, leader: 0, spec: { replicas: 0 }, status: { clusterID: ID } }),
      { rule: "hibernate" },
    ],
    [
      "wakes it with its old data",
      build({ members: { 1: { pod: "none" } }, leader: 0, spec: { replicas: 3 }, status: { clusterID: ID } }),
      { rule: "no-quorum", step: { kind: "CreatePod", member: "c-1" } },
    ],
  ]);
});

describe("repair", () => {
  table([
    [
      "makes a missing Pod again",
      healthy(3, { members: { 2: { pod: "none" } } }),
      { rule: "repair", step: { kind: "CreatePod", member: "c-2" } },
    ],
    [
      "deletes a Pod that ended",
      healthy(3, { members: { 2: { pod: { phase: "Failed", ready: false }, answer: SILENT } } }),
      { rule: "repair", step: { kind: "DeletePod", pod: "c-2" } },
    ],
    [
      "replaces a member whose volume is gone",
      healthy(3, { members: { 2: { pod: "none", claim: "none" } } }),
      { rule: "repair", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "replaces a member that found its volume empty",
      healthy(3, { members: { 2: { pod: { exitCode: 78, ready: false }, answer: SILENT } } }),
      { rule: "repair", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "waits for a member that does not answer",
      healthy(3, { members: { 2: { answer: SILENT, pod: { ready: false } } } }),
      { rule: "steady" },
    ],
    [
      "restarts a process that hangs, once",
      healthy(3, {
        members: {
          2: {
            answer: SILENT,
            pod: { ready: false, createdMs: NOW - 900_000 },
            status: { unhealthySince: ago(130_000) },
          },
        },
      }),
      { rule: "repair", step: { kind: "DeletePod", pod: "c-2" } },
    ],
    [
      "replaces a member that stays away",
      healthy(3, {
        members: {
          2: {
            answer: SILENT,
            pod: { ready: false, isTerminating: true },
            status: { unhealthySince: ago(11 * 60_000) },
          },
        },
      }),
      { rule: "repair", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "replaces no second one within ten minutes",
      healthy(5, {
        status: { ...calm(), pacing: { replacements: [ago(60_000)] } },
        members: { 2: { answer: SILENT, pod: { ready: false }, status: { unhealthySince: ago(11 * 60_000) } } },
      }),
      { rule: "repair", says: "replaced in the last 10 minutes" },
    ],
    [
      "replaces nobody for an image that cannot be pulled",
      healthy(3, {
        members: {
          2: {
            answer: SILENT,
            pod: { ready: false, waitingReason: "ImagePullBackOff" },
            status: { unhealthySince: ago(3_600_000) },
          },
        },
      }),
      { rule: "steady" },
    ],
    [
      "removes what a dead operator added",
      healthy(2, { spec: { replicas: 3 }, entries: [orphan()] }),
      { rule: "orphans", step: { kind: "RemoveFromCluster", memberId: "9" } },
    ],
    [
      "replaces a member whose object was deleted",
      healthy(3, { members: { 2: { isDeleted: true } } }),
      { rule: "leaving", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "lets a member go that was deleted before it joined, whoever else waits to go",
      build({ spec: { replicas: 1 }, members: { 1: { isDeleted: true }, 2: { ...JOINING, isDeleted: true } } }),
      { rule: "leaving", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "replaces a dead member although another one waits to leave: it may be what that one waits for",
      healthy(3, { members: { 2: { pod: "none", claim: "none" }, 3: { ...LEAVING, isDeleted: true } } }),
      { rule: "repair", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "adds another one before the only one may go",
      build({ spec: { replicas: 1 }, members: { 1: { isDeleted: true } } }),
      { rule: "scale-up", step: { kind: "CreateMember", name: "c-2" } },
    ],
    [
      "cleans up after a member that was removed by hand",
      healthy(3, { members: { 3: { role: "unlisted", status: { joined: true } } } }),
      { rule: "joining", step: { kind: "MarkLeaving", member: "c-3" } },
    ],
    ["is at rest when all is well", healthy(3), { rule: "steady" }],
  ]);

  it("says of a foreign entry that it is there, and leaves it alone", () => {
    const foreign = { id: "9", name: "guest", peerUrls: ["http://elsewhere:2380"], clientUrls: [], isLearner: false };
    const decision = decide(healthy(3, { entries: [foreign] }));
    expect(decision.step).toBeUndefined();
    expect(decision.status.conditions?.find(({ type }) => type === "ClusterIDConsistent")).toMatchObject({
      status: "False",
      reason: "ForeignMember",
    });
  });
});

function orphan() {
  return { id: "9", name: "", peerUrls: ["https://c-9.c-peers.ns.svc:2380"], clientUrls: [], isLearner: true };
}

describe("without a quorum", () => {
  const lost = (sketch: WorldSketch) => healthy(3, { ...sketch, leader: 0 });
  const gone = { pod: "none", claim: "none", answer: "none" } as const;
  table([
    [
      "makes Pods on the volumes that are there",
      lost({ members: { 1: { pod: "none" }, 2: { pod: "none" } } }),
      { rule: "no-quorum", step: { kind: "CreatePod", member: "c-1" } },
    ],
    [
      "never touches the membership",
      lost({ members: { 1: { answer: SILENT }, 2: gone, 3: gone } }),
      { rule: "no-quorum", says: "recover with an EtcdRestore" },
    ],
    [
      "asks for a recovery if the policy says so and the time has come",
      lost({
        spec: { recovery: { quorumLoss: "FromSurvivor", quorumLossAfter: "10m" } },
        status: { clusterID: ID, quorumLostSince: ago(11 * 60_000) },
        members: { 1: { answer: SILENT }, 2: gone, 3: gone },
      }),
      { rule: "no-quorum", step: { kind: "RequestRecovery", confirm: ID } },
    ],
  ]);
});

describe("rolling", () => {
  const OLD = { pod: { templateHash: "h0" } } as const;
  table([
    [
      "takes a follower first",
      healthy(3, { members: { 1: OLD, 2: OLD, 3: OLD } }),
      { rule: "roll", step: { kind: "DeletePod", pod: "c-2", how: "Evict" } },
    ],
    [
      "moves leadership to a member that is done",
      healthy(3, { members: { 1: OLD } }),
      { rule: "roll", step: { kind: "MoveLeader", from: "c-1", to: "c-3" } },
    ],
    [
      "waits until the last one is ready",
      healthy(3, { members: { 1: OLD, 2: { pod: { readySinceMs: NOW - 1000 } } } }),
      { rule: "roll", says: "ready for less" },
    ],
    [
      "does not go on past a member that does not come up",
      healthy(3, { members: { 1: OLD, 2: { pod: { ready: false }, answer: SILENT } } }),
      { rule: "roll" },
    ],
    [
      "makes a bad Pod anew once the spec is taken back",
      healthy(3, { members: { 2: { pod: { ready: false, templateHash: "bad" }, answer: SILENT } } }),
      { rule: "repair", step: { kind: "DeletePod", pod: "c-2" } },
    ],
    [
      "waits for approval before the leader",
      healthy(3, { members: { 1: OLD }, spec: { updateStrategy: { leader: "Supervised" } } }),
      { rule: "roll", says: "approve-leader-update" },
    ],
    [
      "leaves it to the user if asked to",
      healthy(3, { members: { 1: OLD }, spec: { updateStrategy: { type: "OnDelete" } } }),
      { rule: "steady" },
    ],
    [
      "waits for the window",
      healthy(3, {
        members: { 2: OLD },
        others: { calendar: { isWindowOpen: false, nextWindowMs: NOW + 1000, defragDueSinceMs: undefined } },
      }),
      { rule: "roll", says: "window" },
    ],
    [
      "refuses to go back a minor version",
      healthy(3, { members: { 2: { ...OLD, spec: { version: "3.7.0" } } } }),
      { rule: "roll", says: "no way from version 3.7.0" },
    ],
    [
      "waits for a backup before a change of version",
      healthy(3, {
        members: { 2: { ...OLD, spec: { version: "3.6.1" } } },
        spec: { updateStrategy: { requireRecentBackup: "1h" } },
      }),
      { rule: "roll", says: "no verified backup" },
    ],
    [
      "restarts a cluster of one",
      build({ spec: { replicas: 1 }, members: { 1: OLD } }),
      { rule: "roll", step: { kind: "DeletePod", pod: "c-1", how: "Delete" } },
    ],
  ]);
});

describe("what stops everything", () => {
  const broken = { members: { 2: { pod: "none" } } } as const;
  const other = {
    kind: "status",
    status: {
      clusterId: "beef",
      memberId: "2",
      leaderId: "2",
      raftTerm: 9,
      raftIndex: 1,
      appliedIndex: 1,
      isLearner: false,
      revision: 1,
      version: "3.6.4",
      dbSize: 1,
      dbSizeInUse: 1,
      quota: 0,
      errors: [],
    },
  } as const;
  table([
    ["pause by spec", healthy(3, { ...broken, spec: { paused: true } }), { rule: "pause" }],
    [
      "pause by annotation",
      healthy(3, { ...broken, metadata: { annotations: { "etcd.quorate.dev/pause": "true" } } }),
      { rule: "pause" },
    ],
    ["a second identity", healthy(3, { members: { 2: { answer: other } } }), { rule: "split", says: "beef" }],
    [
      "a spec that breaks the rules",
      healthy(3, { ...broken, others: { specErrors: ["replicas must be odd"] } }),
      { rule: "invalid-spec" },
    ],
  ]);
});

describe("deletion", () => {
  const deleted = { metadata: { deletionTimestamp: ago(1000) } } as const;
  table([
    [
      "keeps the volumes first",
      healthy(3, deleted),
      { rule: "deletion", step: { kind: "RetireClaim", claim: "data-c-1" } },
    ],
    [
      "or leaves them to the garbage collector",
      healthy(3, { ...deleted, spec: { storage: { whenDeleted: "Delete" } } }),
      { rule: "deletion", step: { kind: "ForgetMember", member: "c-1" } },
    ],
    [
      "has nothing left to do at last",
      build({ ...deleted, members: {}, leader: 0 }),
      { rule: "deletion", says: "is being deleted" },
    ],
  ]);
});

describe("alarms", () => {
  const full = { dbSize: 2 * GIB, dbSizeInUse: GIB } as const;
  const nospace = { alarms: [{ memberId: "1", alarm: "NOSPACE" as const }] };
  table([
    [
      "a full store is compacted",
      healthy(3, { etcd: nospace, members: { 1: { says: full }, 2: { says: full } } }),
      { rule: "no-space", step: { kind: "Compact", revision: 3000 } },
    ],
    [
      "then a follower is defragmented",
      healthy(3, {
        etcd: nospace,
        status: { ...calm(), pacing: { lastCompaction: ago(1000) } },
        members: { 1: { says: full }, 2: { says: full } },
      }),
      { rule: "no-space", step: { kind: "Defragment", member: "c-2" } },
    ],
    [
      "the alarm is taken back once there is room",
      healthy(3, { etcd: nospace }),
      { rule: "no-space", step: { kind: "DisarmAlarm", alarm: "NOSPACE" } },
    ],
    [
      "a member with damaged data is replaced",
      healthy(3, { etcd: { alarms: [{ memberId: "2", alarm: "CORRUPT" }] } }),
      { rule: "corrupt", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "also while another one is to join, which waits for the alarm to go",
      healthy(3, {
        members: { 4: { role: "unlisted", status: { joined: false } } },
        etcd: { alarms: [{ memberId: "2", alarm: "CORRUPT" }] },
      }),
      { rule: "corrupt", step: { kind: "MarkLeaving", member: "c-2" } },
    ],
    [
      "but not while another one is a learner",
      healthy(3, {
        spec: { replicas: 5 },
        members: { 4: { role: "learner", says: { appliedIndex: 1 } } },
        etcd: { alarms: [{ memberId: "2", alarm: "CORRUPT" }] },
      }),
      { rule: "corrupt", says: "c-4 is still a learner" },
    ],
    [
      "and its alarm is taken back when it is gone",
      healthy(3, { etcd: { alarms: [{ memberId: "7", alarm: "CORRUPT" }] } }),
      { rule: "corrupt", step: { kind: "DisarmAlarm", memberId: "7" } },
    ],
    [
      "of two damaged members none is touched",
      healthy(3, {
        etcd: {
          alarms: [
            { memberId: "2", alarm: "CORRUPT" },
            { memberId: "3", alarm: "CORRUPT" },
          ],
        },
      }),
      { rule: "corrupt", says: "whose data is right" },
    ],
  ]);
});

const DAY_MS = 24 * 3_600_000;

/** Of three members; all in order but for what is said. */
function tls(
  changes: Readonly<Record<number, Partial<MemberTlsView>>>,
  trustsNext?: boolean,
  trustsDropped?: boolean,
): ReadonlyMap<string, MemberTlsView> {
  const view = { showsCurrent: true, trustsNext, trustsDropped, filesSinceMs: NOW - 360_000 };
  return new Map([1, 2, 3].map((serial) => [`c-${serial}`, { ...view, ...changes[serial] }]));
}

describe("volumes, certificates and defragmentation", () => {
  const due = { calendar: { isWindowOpen: true, nextWindowMs: undefined, defragDueSinceMs: NOW - 1000 } };
  const sparse = { dbSize: GIB, dbSizeInUse: GIB / 4 } as const;
  const certificate = {
    name: "c-1-tls",
    kind: "Member" as const,
    notAfterMs: NOW + 1000,
    renewAtMs: NOW - 1000,
    issuer: "",
  };
  table([
    [
      "volumes grow together",
      healthy(3, { spec: { storage: { size: "16Gi" } } }),
      {
        rule: "volumes",
        step: { kind: "ExpandClaims", claims: ["data-c-1", "data-c-2", "data-c-3"], bytes: 16 * GIB },
      },
    ],
    [
      "a storage class that cannot is not asked",
      healthy(1, { spec: { storage: { size: "16Gi" } }, members: { 1: { claim: { canExpand: false } } } }),
      { rule: "steady" },
    ],
    [
      "a certificate is renewed in time",
      healthy(3, { others: { certificates: [certificate] } }),
      { rule: "certificates", step: { kind: "RenewCertificate", secret: "c-1-tls" } },
    ],
    [
      "one of former authorities waits until the one before is shown",
      healthy(3, {
        others: {
          certificates: [{ ...certificate, renewAtMs: NOW + 1, isOfFormerAuthority: true }],
          rotation: { phase: "Reissue", sinceMs: NOW },
          memberTls: tls({ 2: { showsCurrent: false } }),
        },
      }),
      { rule: "certificates", says: "c-2" },
    ],
    [
      "a client's does not wait",
      healthy(3, {
        others: {
          certificates: [
            { ...certificate, renewAtMs: NOW + 1, isOfFormerAuthority: true },
            { ...certificate, name: "c-client", kind: "Client", renewAtMs: NOW + 1, isOfFormerAuthority: true },
          ],
          rotation: { phase: "Reissue", sinceMs: NOW },
          memberTls: tls({ 2: { showsCurrent: false } }),
        },
      }),
      { rule: "certificates", step: { kind: "RenewCertificate", secret: "c-client" } },
    ],
    [
      "one that ends is renewed also where nobody answers",
      healthy(3, {
        leader: 0,
        members: { 1: { answer: SILENT }, 2: { answer: SILENT }, 3: { answer: SILENT } },
        others: { certificates: [certificate] },
      }),
      { rule: "certificates", step: { kind: "RenewCertificate", secret: "c-1-tls" } },
    ],
    [
      "also in a cluster that sleeps",
      healthy(1, { spec: { replicas: 0 }, others: { certificates: [certificate] } }),
      { rule: "certificates", step: { kind: "RenewCertificate", secret: "c-1-tls" } },
    ],
    [
      "but not without the authority's key",
      healthy(3, { others: { certificates: [certificate], canIssue: false } }),
      { rule: "steady" },
    ],
    [
      "nor by an authority that has ended",
      healthy(3, {
        others: {
          certificates: [certificate, { name: "c-ca", kind: "CA", notAfterMs: NOW, renewAtMs: NOW + 1, issuer: "" }],
        },
      }),
      { rule: "steady" },
    ],
    [
      "one that ends does not",
      healthy(3, { others: { certificates: [certificate], memberTls: tls({ 2: { showsCurrent: false } }) } }),
      { rule: "certificates", step: { kind: "RenewCertificate", secret: "c-1-tls" } },
    ],
    [
      "new authorities are made where they are asked for",
      healthy(3, { others: { rotation: { phase: "Asked", sinceMs: 0 } } }),
      { rule: "rotation", step: { kind: "RotateAuthorities", to: "TrustNew" } },
    ],
    [
      "but not without a quorum",
      healthy(3, { leader: 0, others: { rotation: { phase: "Asked", sinceMs: 0 } } }),
      { rule: "no-quorum" },
    ],
    [
      "a member that does not trust them is started anew",
      healthy(3, {
        members: { 3: { pod: { createdMs: NOW - DAY_MS } } },
        others: {
          rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 3: { trustsNext: false } }, true),
        },
      }),
      { rule: "roll", step: { kind: "DeletePod", pod: "c-3" } },
    ],
    [
      "but has five minutes until then",
      healthy(3, {
        members: { 3: { pod: { createdMs: NOW - DAY_MS } } },
        others: {
          rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 3: { trustsNext: false, filesSinceMs: NOW - 240_000 } }, true),
        },
      }),
      { rule: "rotation", says: "c-3" },
    ],
    [
      "and is not if it was started after its files had changed",
      healthy(3, {
        members: { 3: { pod: { createdMs: NOW - 350_000 } } },
        others: {
          rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 3: { trustsNext: false } }, true),
        },
      }),
      { rule: "rotation", says: "c-3" },
    ],
    [
      "or they have not changed yet",
      healthy(3, {
        members: { 3: { pod: { createdMs: NOW - DAY_MS } } },
        others: {
          rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 3: { trustsNext: false, filesSinceMs: undefined } }, true),
        },
      }),
      { rule: "rotation", says: "c-3" },
    ],
    [
      "or its data would go with it",
      healthy(3, {
        spec: { storage: { medium: "Memory" } },
        members: { 3: { pod: { createdMs: NOW - DAY_MS } } },
        others: {
          rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 3: { trustsNext: false } }, true),
        },
      }),
      { rule: "rotation", says: "c-3" },
    ],
    [
      "a member that cannot be looked at is waited for",
      healthy(3, { others: { rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS }, memberTls: new Map() } }),
      { rule: "rotation", says: "c-1" },
    ],
    [
      "clients have their time before the new ones issue",
      healthy(3, { others: { rotation: { phase: "TrustNew", sinceMs: NOW - 60_000 }, memberTls: tls({}, true) } }),
      { rule: "steady" },
    ],
    [
      "after it they do",
      healthy(3, { others: { rotation: { phase: "TrustNew", sinceMs: NOW - DAY_MS }, memberTls: tls({}, true) } }),
      { rule: "rotation", step: { kind: "RotateAuthorities", to: "Reissue" } },
    ],
    [
      "the former ones are trusted while a member shows a certificate of theirs",
      healthy(3, {
        others: {
          rotation: { phase: "Reissue", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 2: { showsCurrent: false } }),
        },
      }),
      { rule: "rotation", says: "c-2" },
    ],
    [
      "and for as long as clients have",
      healthy(3, { others: { rotation: { phase: "Reissue", sinceMs: NOW - 60_000 }, memberTls: tls({}) } }),
      { rule: "steady" },
    ],
    [
      "and then no more",
      healthy(3, { others: { rotation: { phase: "Reissue", sinceMs: NOW - DAY_MS }, memberTls: tls({}) } }),
      { rule: "rotation", step: { kind: "RotateAuthorities", to: "DropOld" } },
    ],
    [
      "a member that still trusts them is waited for",
      healthy(3, {
        others: {
          rotation: { phase: "DropOld", sinceMs: NOW - 60_000 },
          memberTls: tls({ 2: { trustsDropped: true } }, undefined, false),
        },
      }),
      { rule: "rotation", says: "c-2" },
    ],
    [
      "and started anew if it goes on to",
      healthy(3, {
        members: { 2: { pod: { createdMs: NOW - DAY_MS } } },
        others: {
          rotation: { phase: "DropOld", sinceMs: NOW - DAY_MS },
          memberTls: tls({ 2: { trustsDropped: true } }, undefined, false),
        },
      }),
      { rule: "roll", step: { kind: "DeletePod", pod: "c-2" } },
    ],
    [
      "then they are forgotten",
      healthy(3, {
        others: { rotation: { phase: "DropOld", sinceMs: NOW }, memberTls: tls({}, undefined, false) },
      }),
      { rule: "rotation", step: { kind: "RotateAuthorities", to: "Done" } },
    ],
    [
      "a member is drained before it is defragmented",
      healthy(3, { others: due, members: { 2: { says: sparse } } }),
      { rule: "defrag", says: "no new clients" },
    ],
    [
      "then it is",
      healthy(3, {
        others: due,
        members: { 2: { says: sparse, status: { step: "DrainingForDefrag", stepStartedAt: ago(6000) } } },
      }),
      { rule: "defrag", step: { kind: "Defragment", member: "c-2" } },
    ],
    [
      "the leader hands over first",
      healthy(3, { others: due, members: { 1: { says: sparse } } }),
      { rule: "defrag", step: { kind: "MoveLeader", from: "c-1" } },
    ],
    ["nothing is done outside of the schedule", healthy(3, { members: { 2: { says: sparse } } }), { rule: "steady" }],
  ]);
});
