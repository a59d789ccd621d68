import { msOf } from "../amount-rules.ts";
import { destination } from "../destination.ts";
import {
  duration,
  flag,
  integer,
  longInteger,
  nameOf,
  object,
  oneOf,
  quantity,
  rule,
  section,
  text,
  withRules,
} from "../schema/build.ts";

// How the cluster begins, is changed, kept in order and brought back.

export const updateStrategy = section("How changes reach running members.", {
  type: oneOf("OnDelete: the user deletes Pods, the operator only makes the new ones.", ["RollingUpdate", "OnDelete"], {
    default: "RollingUpdate",
  }),
  leader: oneOf(
    "Supervised: the leader is replaced only once annotation `etcd.quorate.dev/approve-leader-update` names the template hash it waits for.",
    ["Automatic", "Supervised"],
    { default: "Automatic" },
  ),
  minReadySeconds: integer("Seconds that a member must have been ready before the next one is replaced.", {
    default: 10,
    min: 0,
    max: 3600,
  }),
  requireRecentBackup: duration("A change of version waits for a verified backup younger than this.", {}),
});

export const maintenance = section("Work that is done at times.", {
  window: withRules(
    object(
      "When voluntary work may begin: defragmentation and rolling changes. Repairs never wait. Always, if it is left out.",
      {
        schedule: text("When the window opens: five cron fields.", { required: true, maxLength: 128 }),
        duration: duration("How long it is open.", { required: true }),
        timeZone: text("IANA name of the zone that the schedule is in.", { default: "UTC", maxLength: 64 }),
      },
      {},
    ),
    rule(
      "duration(self.duration) >= duration('1m')",
      "duration must be at least 1m",
      (self) => msOf(self.duration) >= 60_000,
    ),
  ),
  defragmentation: withRules(
    section("Giving back the space of deleted data, one member at a time, the leader last.", {
      enabled: flag("Whether it is done.", { default: true }),
      schedule: text("When members are looked at: five cron fields, or as `@daily`.", {
        default: "@daily",
        maxLength: 128,
      }),
      fragmentationPercent: integer("Share of the file that must be free for it to be worthwhile.", {
        default: 45,
        min: 1,
        max: 99,
      }),
      minReclaim: quantity("Free space that there must be at least.", { default: "100Mi" }),
      quotaPercent: integer("Share of the quota from which on a member is defragmented if that frees space at all.", {
        default: 70,
        min: 1,
        max: 99,
      }),
      pause: duration("Time between two members.", { default: "30s" }),
      timeout: duration("Time that one member has.", { default: "5m" }),
    }),
    rule(
      "duration(self.timeout) >= duration('10s')",
      "timeout must be at least 10s",
      ({ timeout }) => msOf(timeout) >= 10_000,
    ),
  ),
});

export const bootstrap = section("How the cluster begins. It cannot be changed once the cluster has its ID.", {
  restoreFrom: withRules(
    object(
      "Begins with the data of a snapshot: of a backup's name, or of an object in a store.",
      {
        backupName: nameOf("Name of an EtcdBackup of this namespace.", {}),
        object: object(
          "An artifact in a store.",
          {
            destination,
            key: text("Its key: below the bucket, or its path in the claim.", {
              required: true,
              minLength: 1,
              maxLength: 1024,
            }),
            sha256: text("What its digest has to be, in hexadecimal.", { pattern: "^[0-9a-f]{64}$" }),
          },
          {},
        ),
        revisionBump: longInteger("How far the store's revision is raised above the snapshot's.", {
          default: 0,
          min: 0,
        }),
      },
      {},
    ),
    rule(
      "has(self.backupName) != has(self.object)",
      "exactly one of backupName and object must be given",
      (self) => (self.backupName === undefined) !== (self.object === undefined),
    ),
  ),
  retainedVolumes: oneOf(
    "What is done where volumes of a former cluster of this name are found: wait, use them if they are a quorum of one cluster, or begin anew beside them.",
    ["Refuse", "Adopt", "Ignore"],
    { default: "Refuse" },
  ),
});

export const recovery = withRules(
  section("When members are given up.", {
    replaceMemberAfter: duration("Time after which a lost member is replaced; 0s: never, at least 2m otherwise.", {
      default: "10m",
    }),
    crashLoopThreshold: integer("Restarts in a row after which a member counts as lost.", {
      default: 5,
      min: 3,
      max: 50,
    }),
    quorumLoss: oneOf(
      "FromSurvivor: a quorum lost for good is rebuilt from the best survivor without being asked.",
      ["Manual", "FromSurvivor"],
      {
        default: "Manual",
      },
    ),
    quorumLossAfter: duration("How long the quorum must have been lost for that; at least 10m.", { default: "30m" }),
  }),
  rule(
    "duration(self.replaceMemberAfter) == duration('0s') || duration(self.replaceMemberAfter) >= duration('2m')",
    "replaceMemberAfter must be 0s or at least 2m",
    ({ replaceMemberAfter: after }) => msOf(after) === 0 || msOf(after) >= 120_000,
  ),
  rule(
    "duration(self.quorumLossAfter) >= duration('10m')",
    "quorumLossAfter must be at least 10m",
    ({ quorumLossAfter }) => msOf(quorumLossAfter) >= 600_000,
  ),
);
