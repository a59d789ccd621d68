import {
  type ClaimView,
  type EtcdCluster,
  type EtcdClusterSpecInput,
  type EtcdClusterStatus,
  type EtcdMember,
  type EtcdMemberEntry,
  type EtcdMemberStatus,
  type EtcdStatus,
  type MemberAnswer,
  memberWithDefaults,
  type PodView,
  peerUrlOf,
  type World,
  withDefaults,
} from "../../../src/core/index.ts";

export const NOW = 1_800_000_000_000;
export const ID = "cafe";
export const GIB = 2 ** 30;

export function ago(ms: number): string {
  return new Date(NOW - ms).toISOString();
}

/** One member of a world; what is left out is as in a healthy cluster. */
export interface MemberSketch {
  readonly role?: "voter" | "learner" | "unlisted" | "unstarted";
  readonly pod?: Partial<PodView> | "none";
  readonly claim?: Partial<ClaimView> | "none";
  readonly answer?: MemberAnswer | "none";
  /** What it says of itself besides. */
  readonly says?: Partial<EtcdStatus>;
  readonly spec?: Partial<EtcdMember["spec"]>;
  readonly status?: Partial<EtcdMemberStatus>;
  readonly isDeleted?: boolean;
}

export interface WorldSketch {
  readonly spec?: EtcdClusterSpecInput;
  readonly status?: EtcdClusterStatus;
  readonly metadata?: Partial<EtcdCluster["metadata"]>;
  readonly members?: Readonly<Record<number, MemberSketch>>;
  /** Serial of the leader; 0: none. */
  readonly leader?: number;
  readonly others?: Partial<Omit<World, "etcd" | "cluster" | "members">>;
  readonly etcd?: Partial<World["etcd"]>;
  /** Entries of the list besides the members'. */
  readonly entries?: readonly EtcdMemberEntry[];
}

/** Member `n` has ID `n` in hexadecimal. */
export function build(sketch: WorldSketch): World {
  const cluster = clusterOf(sketch);
  const serials = Object.keys(sketch.members ?? {}).map(Number);
  const leader = sketch.leader ?? serials.find((serial) => roleOf(sketch, serial) === "voter") ?? 0;
  const entries = serials
    .filter((serial) => roleOf(sketch, serial) !== "unlisted")
    .map((serial) => entryOf(cluster, sketch, serial));
  const all = [...entries, ...(sketch.entries ?? [])];
  const hasQuorum = leader !== 0;
  return {
    nowMs: NOW,
    cluster,
    members: serials.map((serial) => memberOf(sketch, serial)),
    pods: serials.flatMap((serial) => podOf(sketch, serial)),
    claims: serials.flatMap((serial) => claimOf(sketch, serial)),
    nodes: [],
    latches:
      cluster.status?.clusterID === undefined
        ? []
        : [
            { where: "status", clusterId: ID },
            { where: "secret", clusterId: ID },
          ],
    etcd: {
      list: hasQuorum ? { clusterId: ID, memberId: leader.toString(16), members: all } : undefined,
      localLists: new Map(),
      answers: new Map(serials.flatMap((serial) => answerOf(sketch, serial, leader))),
      alarms: [],
      isReadable: hasQuorum,
      ...sketch.etcd,
    },
    wanted: { hash: "h1", image: "etcd:3.6.4", version: "3.6.4" },
    restore: undefined,
    missing: [],
    certificates: [],
    newestBackup: undefined,
    ...sketch.others,
  };
}

/** `size` healthy voters, the first of which leads. */
export function healthy(size: number, sketch: WorldSketch = {}): World {
  const members: Record<number, MemberSketch> = {};
  for (let serial = 1; serial <= size; serial += 1) members[serial] = {};
  return build({ ...sketch, members: { ...members, ...sketch.members }, spec: { replicas: size, ...sketch.spec } });
}

function roleOf(sketch: WorldSketch, serial: number): NonNullable<MemberSketch["role"]> {
  return sketch.members?.[serial]?.role ?? "voter";
}

function clusterOf(sketch: WorldSketch): EtcdCluster {
  const bare = {
    apiVersion: "etcd.quorate.dev/v1alpha1",
    kind: "EtcdCluster",
    metadata: { name: "c", namespace: "ns", uid: "u-c", generation: 1, ...sketch.metadata },
    spec: sketch.spec ?? {},
  };
  return { ...withDefaults(bare), status: sketch.status ?? calmStatus(sketch) };
}

/** The status that a calm cluster has: its leader has been seen for a minute. */
export function calmStatus(sketch: WorldSketch): EtcdClusterStatus {
  const serials = Object.keys(sketch.members ?? {}).map(Number);
  const leader = sketch.leader ?? serials.find((serial) => roleOf(sketch, serial) === "voter") ?? 0;
  return {
    clusterID: ID,
    leader: { member: `c-${leader}`, id: leader.toString(16), term: 2, since: ago(60_000) },
    conditions: [
      { type: "Available", status: "True", reason: "QuorumHealthy", message: "", lastTransitionTime: ago(60_000) },
    ],
  };
}

function memberOf(sketch: WorldSketch, serial: number): EtcdMember {
  const one = sketch.members?.[serial] ?? {};
  const role = roleOf(sketch, serial);
  const joined = role === "voter" || role === "learner";
  const bare = {
    apiVersion: "etcd.quorate.dev/v1alpha1",
    kind: "EtcdMember",
    metadata: {
      name: `c-${serial}`,
      namespace: "ns",
      uid: `u-${serial}`,
      ...(one.isDeleted === true ? { deletionTimestamp: ago(1000) } : {}),
    },
    spec: { clusterName: "c", serial, join: serial === 1 ? "New" : "Existing", version: "3.6.4", ...one.spec },
  };
  const phase = role === "voter" ? "Voter" : role === "learner" ? "Learner" : "Pending";
  return { ...memberWithDefaults(bare), status: { joined, phase, memberID: serial.toString(16), ...one.status } };
}

export function entryOf(cluster: EtcdCluster, sketch: WorldSketch, serial: number): EtcdMemberEntry {
  const role = roleOf(sketch, serial);
  return {
    id: serial.toString(16),
    name: role === "unstarted" ? "" : `c-${serial}`,
    peerUrls: [peerUrlOf(cluster, `c-${serial}`)],
    clientUrls: [],
    isLearner: role === "learner" || role === "unstarted",
  };
}

function podOf(sketch: WorldSketch, serial: number): readonly PodView[] {
  const { pod } = sketch.members?.[serial] ?? {};
  if (pod === "none") return [];
  return [
    {
      name: `c-${serial}`,
      uid: `p-${serial}`,
      member: `c-${serial}`,
      phase: "Running",
      ready: true,
      readySinceMs: NOW - 60_000,
      createdMs: NOW - 120_000,
      isTerminating: false,
      node: `n${serial}`,
      templateHash: "h1",
      image: "etcd:3.6.4",
      forceEpoch: undefined,
      restarts: 0,
      waitingReason: undefined,
      waitingMessage: undefined,
      exitCode: undefined,
      isLabelledVoter: true,
      annotations: {},
      ...pod,
    },
  ];
}

function claimOf(sketch: WorldSketch, serial: number): readonly ClaimView[] {
  const { claim } = sketch.members?.[serial] ?? {};
  if (claim === "none") return [];
  return [
    {
      name: `data-c-${serial}`,
      uid: `v-${serial}`,
      member: `c-${serial}`,
      serial,
      phase: "Bound",
      isTerminating: false,
      isRetired: false,
      requested: 8 * GIB,
      capacity: 8 * GIB,
      needsRestartToGrow: false,
      storageClassName: "standard",
      canExpand: true,
      clusterId: ID,
      ...claim,
    },
  ];
}

function answerOf(sketch: WorldSketch, serial: number, leader: number): readonly (readonly [string, MemberAnswer])[] {
  const one = sketch.members?.[serial] ?? {};
  if (
    one.answer === "none" ||
    one.pod === "none" ||
    roleOf(sketch, serial) === "unlisted" ||
    roleOf(sketch, serial) === "unstarted"
  )
    return [];
  if (one.answer !== undefined) return [[`c-${serial}`, one.answer]];
  const status: EtcdStatus = {
    clusterId: ID,
    memberId: serial.toString(16),
    leaderId: leader.toString(16),
    raftTerm: 2,
    raftIndex: 5000,
    appliedIndex: 5000,
    isLearner: roleOf(sketch, serial) === "learner",
    revision: 4000,
    version: "3.6.4",
    dbSize: 10_000_000,
    dbSizeInUse: 9_000_000,
    quota: 2 * GIB,
    errors: [],
    ...one.says,
  };
  return [[`c-${serial}`, { kind: "status", status }]];
}

/** An answer that did not come. */
export const SILENT: MemberAnswer = { kind: "failed", code: "Unreachable", message: "no answer within 3 s" };
