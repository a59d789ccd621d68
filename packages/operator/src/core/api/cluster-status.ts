import { conditions, count, observedGeneration } from "./condition.ts";
import { flag, integer, list, longInteger, object, oneOf, text, time } from "./schema/build.ts";

// Status has no defaults and nothing required at its top: a pass writes what it knows. 64-bit IDs are text in hexadecimal and revisions
// text in decimal, since a JSON number would lose bits.

const id = (description: string) => text(description, { maxLength: 16, pattern: "^[0-9a-f]*$" });
const revision = (description: string) => text(description, { maxLength: 20, pattern: "^[0-9]*$" });
const bytes = (description: string) => longInteger(description, { min: 0 });
const words = (description: string) => text(description, { maxLength: 4096 });

export const clusterPhases = [
  "Bootstrapping",
  "Running",
  "Scaling",
  "Updating",
  "Repairing",
  "Degraded",
  "QuorumLost",
  "Recovering",
  "Restoring",
  "Hibernating",
  "Hibernated",
  "Paused",
  "Deleting",
  "Failed",
] as const;

const member = object(
  "One member, or one that is not wanted any more.",
  {
    name: text("Name of the EtcdMember, or what etcd calls one that no EtcdMember stands for.", { required: true }),
    id: id("Its ID."),
    phase: text("Phase of the EtcdMember.", { maxLength: 32 }),
    role: oneOf("Its role in etcd.", ["Leader", "Follower", "Learner", "Unknown"], {}),
    ready: flag("Whether its Pod is ready.", {}),
    node: text("Node of its Pod.", {}),
    zone: text("Zone of the node.", {}),
    version: text("Version of its server.", { maxLength: 64 }),
    dbSize: bytes("Size of its store in bytes."),
    dbInUse: bytes("Bytes of its store that hold data."),
    raftIndex: longInteger("Last entry of its log.", { min: 0 }),
    appliedIndex: longInteger("Last entry that it has applied.", { min: 0 }),
    lag: longInteger("Entries that it is behind the leader.", { min: 0 }),
    alarms: list("Alarms that it raised.", text("Alarm.", { required: true, maxLength: 32 }), { maxItems: 4 }),
    lastSeen: time("When it last answered.", {}),
    message: words("What is wrong with it."),
  },
  { required: true },
);

const certificate = object(
  "One certificate.",
  {
    name: text("Name of its Secret.", { required: true }),
    kind: oneOf("What it is for.", ["CA", "Member", "Client", "Operator"], { required: true }),
    notAfter: time("End of its validity.", {}),
    renewAt: time("When it is replaced.", {}),
    issuer: text("SHA-256 of its issuer's certificate.", { maxLength: 64 }),
    phase: text("What is being done about it.", { maxLength: 32 }),
  },
  { required: true },
);

const volumes = (description: string) =>
  list(description, text("Name of a claim.", { required: true }), { maxItems: 64 });

const backup = object(
  "The backups of this cluster.",
  {
    lastSuccessfulTime: time("End of the newest backup that succeeded.", {}),
    lastSuccessfulName: text("Its name.", {}),
    lastRevision: revision("Its revision."),
    lastVerifiedTime: time("End of the newest verification that succeeded.", {}),
    lastVerifiedName: text("Its backup.", {}),
    lastFailedTime: time("End of the newest backup that failed.", {}),
    lastFailureMessage: words("Why."),
    nextTime: time("When the next one is due.", {}),
    firstRecoverableTime: time("End of the oldest verified backup.", {}),
  },
  {},
);

/** A voter of a cluster without quorum, and what can be saved of it. */
export const survivor = object(
  "One voter of a cluster without quorum.",
  {
    member: text("Its name.", { required: true }),
    pod: text("State of its Pod.", { maxLength: 64 }),
    node: text("Its node.", {}),
    volume: oneOf("Whether its volume is there.", ["Present", "Missing", "Memory", "Unknown"], {}),
    dataValid: oneOf("Whether its data was seen to be its own.", ["True", "False", "Unknown"], {}),
    raftTerm: longInteger("Last term that it was seen in.", { min: 0 }),
    raftIndex: longInteger("Last entry that it was seen to have.", { min: 0 }),
    revision: revision("Last store revision that it was seen to have."),
    lastSeen: time("When it last answered.", {}),
  },
  { required: true },
);

export const clusterStatus = object(
  "What was found.",
  {
    observedGeneration: observedGeneration(),
    lastObservedTime: time("When etcd was last asked, whether or not it answered.", {}),
    phase: oneOf("One word for people; the operator never reads it.", clusterPhases, {}),
    message: words("What is being waited for, in one sentence."),
    clusterID: id("ID of the cluster: written once, changed only by a restore in place."),
    previousClusterIDs: list(
      "IDs that it had before restores in place.",
      text("ID.", { required: true, maxLength: 16 }),
      {
        maxItems: 16,
      },
    ),
    clusterToken: text("Token that its first member was started with.", {}),
    replicas: count("Members that there are."),
    readyReplicas: count("Members whose Pods are ready."),
    voters: count("Members that vote."),
    learners: count("Members that do not vote yet."),
    updatedReplicas: count("Members that run what the spec asks for."),
    selector: text("Label selector of the members' Pods, for the scale subresource.", { maxLength: 512 }),
    ready: text("Ready members of wanted ones, as `3/3`.", { maxLength: 16 }),
    quorum: object(
      "The arithmetic of the majority.",
      {
        required: count("Voters that it takes."),
        healthy: count("Voters that are healthy."),
        tolerates: count("Healthy voters that may fail before it is lost."),
      },
      {},
    ),
    leader: object(
      "The leader.",
      {
        member: text("Its name.", {}),
        id: id("Its ID."),
        term: longInteger("Term that it was elected in.", { min: 0 }),
        since: time("Since when this was seen.", {}),
        lastUnplannedChange: time("When the leader last changed without the operator's doing.", {}),
        changesLastHour: count("Changes of leader that were seen in the last hour."),
        changes: list("When they were seen.", time("Time.", { required: true }), { maxItems: 32 }),
      },
      {},
    ),
    members: list("All members.", member, { maxItems: 32, keys: ["name"] }),
    survivors: list("What each voter still has, while the quorum is lost.", survivor, {
      maxItems: 16,
      keys: ["member"],
    }),
    quorumLostSince: time("Since when there has been no quorum.", {}),
    version: object(
      "Versions.",
      {
        current: text("Lowest that runs.", { maxLength: 64 }),
        target: text("What the members are brought to.", { maxLength: 64 }),
        cluster: text("Of the protocol between members.", { maxLength: 64 }),
        storage: text("Of the store's format.", { maxLength: 64 }),
      },
      {},
    ),
    revision: revision("Revision of the store at lastObservedTime."),
    database: object(
      "The largest store of all members.",
      {
        size: text("As a quantity, for people.", { maxLength: 32 }),
        sizeBytes: bytes("In bytes."),
        inUseBytes: bytes("Bytes that hold data."),
        quotaBytes: bytes("Its quota in bytes."),
        quotaPercent: integer("Share of the quota that it has reached.", { min: 0 }),
        fragmentationPercent: integer("Share of it that is free.", { min: 0, max: 100 }),
      },
      {},
    ),
    endpoints: object(
      "What clients connect to.",
      {
        service: text("URL of the client Service.", { maxLength: 512 }),
        members: list("URL of each member.", text("URL.", { required: true, maxLength: 512 }), { maxItems: 16 }),
        peer: text("Name of the headless Service.", { maxLength: 512 }),
      },
      {},
    ),
    credentials: object(
      "What clients connect with.",
      {
        clientSecretName: text("Secret with ca.crt, tls.crt and tls.key.", {}),
        caConfigMapName: text("ConfigMap with ca.crt.", {}),
        rootSecretName: text("Secret with the root user's name and password.", {}),
      },
      {},
    ),
    certificates: list("Certificates.", certificate, { maxItems: 64, keys: ["name"] }),
    operation: object(
      "The one thing that is being done.",
      {
        type: text("What.", { maxLength: 64 }),
        member: text("To which member.", {}),
        step: text("Which step of it.", { maxLength: 64 }),
        startedAt: time("When it began.", {}),
        reason: words("Why."),
        restarts: count("How often it began anew."),
      },
      {},
    ),
    storage: object(
      "Volumes.",
      {
        requested: text("Size that the spec asks for.", { maxLength: 32 }),
        actual: text("Size of the smallest one.", { maxLength: 32 }),
        pending: volumes("Claims that are growing."),
        dangling: volumes("Claims that were retained and belong to no member."),
      },
      {},
    ),
    backup,
    maintenance: object(
      "Work that is done at times.",
      {
        lastDefragTime: time("End of the last round of defragmentation.", {}),
        lastDefragResult: words("What it brought."),
        nextWindow: time("When voluntary work may begin next.", {}),
        defragmented: list("Members that the present round is done with.", text("Name.", { required: true }), {
          maxItems: 16,
        }),
      },
      {},
    ),
    pacing: object(
      "What was done lately, so that it is not done too often.",
      {
        replacements: list("When members were replaced in the last hour.", time("Time.", { required: true }), {
          maxItems: 16,
        }),
        learnerFailures: count("Learners in a row that came to nothing."),
        lastLearnerFailure: time("When the last one was given up.", {}),
        lastCompaction: time("When old revisions were last dropped because the store was full.", {}),
      },
      {},
    ),
    recoveryEpoch: count("How often the cluster was rebuilt from a survivor or in place."),
    lastSerial: longInteger("Highest serial number given to a member: a hint.", { min: 0 }),
    conditions: conditions(),
  },
  {},
);
