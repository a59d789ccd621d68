import { conditions, count, observedGeneration } from "./condition.ts";
import {
  flag,
  integer,
  longInteger,
  nameOf,
  object,
  oneOf,
  text,
  time,
  transition,
  withRules,
} from "./schema/build.ts";

export const memberSpec = withRules(
  object(
    "What the operator has decided about one member, written before anything of it exists.",
    {
      clusterName: nameOf("Its EtcdCluster.", { required: true }),
      serial: longInteger("Its number: it grows and is never used twice.", { required: true, min: 1 }),
      seed: flag("True for the one member that founds the cluster, and for the one that each recovery begins with.", {
        default: false,
      }),
      join: oneOf("How it gets its data.", ["New", "Existing", "Restore", "Recover"], { required: true }),
      recoveryEpoch: integer("Recovery that it belongs to.", { default: 0, min: 0 }),
      templateHash: text("Hash of the template that its Pod was last made from.", { maxLength: 64 }),
      version: text("Version that its Pod was last made for.", { maxLength: 64 }),
      storageRef: object("Its volumes.", { data: nameOf("Name of the claim that its data is on.", {}) }, {}),
      desiredRole: oneOf("Absent: it leaves the cluster and is then removed.", ["Voter", "Absent"], {
        default: "Voter",
      }),
      leavingReason: text("Why it leaves.", { maxLength: 1024 }),
    },
    { required: true },
  ),
  transition(
    "self.clusterName == oldSelf.clusterName && self.serial == oldSelf.serial",
    "clusterName and serial cannot be changed: a member is one data directory of one cluster",
    (self, oldSelf) => self.clusterName === oldSelf.clusterName && self.serial === oldSelf.serial,
  ),
);

export const memberPhases = [
  "Pending",
  "Provisioning",
  "Joining",
  "Learner",
  "Voter",
  "Leaving",
  "Lost",
  "Removed",
] as const;

export const memberStatus = object(
  "What was found.",
  {
    observedGeneration: observedGeneration(),
    memberID: text("Its ID in etcd, in hexadecimal.", { maxLength: 16 }),
    peerURL: text("Where members reach it.", { maxLength: 512 }),
    clientURL: text("Where clients reach it.", { maxLength: 512 }),
    podName: text("Its Pod.", {}),
    podUID: text("UID of its Pod.", { maxLength: 64 }),
    nodeName: text("Node of its Pod.", {}),
    zone: text("Zone of the node.", {}),
    dataIncarnation: text("UID that was written on its volume when it first started.", { maxLength: 64 }),
    phase: oneOf("Where it is in its life.", memberPhases, {}),
    step: text("What is being done with it.", { maxLength: 64 }),
    stepStartedAt: time("Since when.", {}),
    role: oneOf("Its role in etcd.", ["Leader", "Follower", "Learner", "Unknown"], {}),
    ready: flag("Whether its Pod is ready.", {}),
    version: text("Version of its server.", { maxLength: 64 }),
    dbSize: text("Size of its store as a quantity, for people.", { maxLength: 32 }),
    joined: flag("True once it has been seen in the member list with its data.", {}),
    raftTerm: longInteger("Term that it was last seen in.", { min: 0 }),
    raftIndex: longInteger("Last entry of its log when it was last seen.", { min: 0 }),
    progressedAt: time("While it is a learner: when its log last grew.", {}),
    revision: text("Store revision when it was last seen.", { maxLength: 20 }),
    lastSeen: time("When it last answered.", {}),
    unhealthySince: time("Since when it has not been healthy.", {}),
    restarts: count("Restarts of its server in a row."),
    message: text("What is being waited for.", { maxLength: 4096 }),
    conditions: conditions(),
  },
  {},
);
