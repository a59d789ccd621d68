import { conditions, count, observedGeneration } from "./condition.ts";
import { integer, list, longInteger, object, oneOf, text, time } from "./schema/build.ts";

const bytes = (description: string) => longInteger(description, { min: 0 });
const revision = (description: string) => text(description, { maxLength: 20 });
const name = (description: string) => text(description, {});

export const verificationResult = object(
  "The last check of the artifact.",
  {
    level: oneOf("How deep it went.", ["Digest", "Open", "Restore"], { required: true }),
    result: oneOf("What it found.", ["Passed", "Failed"], { required: true }),
    time: time("When it ended.", { required: true }),
    durationSeconds: integer("How long it took: an estimate of the time that a restore takes.", { min: 0 }),
    restoredRevision: revision("Revision that the store came up with."),
    message: text("What was wrong.", { maxLength: 4096 }),
  },
  {},
);

export const backupStatus = object(
  "What was done.",
  {
    observedGeneration: observedGeneration(),
    phase: oneOf("How far it is.", ["Pending", "Snapshotting", "Uploading", "Verifying", "Completed", "Failed"], {}),
    message: text("What is being waited for, or what went wrong.", { maxLength: 4096 }),
    startedAt: time("When it began.", {}),
    completedAt: time("When it ended.", {}),
    durationSeconds: integer("Seconds from beginning to end.", { min: 0 }),
    member: name("Member that the snapshot was taken from."),
    memberVersion: text("Version of its server.", { maxLength: 64 }),
    clusterID: text("ID of the cluster, in hexadecimal.", { maxLength: 16 }),
    clusterUID: text("UID of its EtcdCluster: artifacts are deleted for no other.", { maxLength: 64 }),
    revision: revision("Revision of the snapshot."),
    compactRevision: revision("Revision that it was compacted to."),
    raftTerm: longInteger("Term of its last entry.", { min: 0 }),
    raftIndex: longInteger("Its last entry.", { min: 0 }),
    hashKV: text("Hash of its keys at its revision.", { maxLength: 20 }),
    totalKeys: longInteger("Keys in it.", { min: 0 }),
    size: text("Size as a quantity, for people.", { maxLength: 32 }),
    sizeBytes: bytes("Size in bytes before compression."),
    storedSizeBytes: bytes("Size in the store in bytes."),
    sha256: text("Digest before compression, in hexadecimal.", { maxLength: 64 }),
    location: text("Where the artifact is: URL of the object, or path in the claim.", { maxLength: 2048 }),
    key: text("Its key in the destination.", { maxLength: 1024 }),
    manifest: text("Key of its manifest.", { maxLength: 1024 }),
    verification: verificationResult,
    attempts: count("How often it was tried."),
    conditions: conditions(),
  },
  {},
);

export const scheduleStatus = object(
  "What was done.",
  {
    observedGeneration: observedGeneration(),
    message: text("What is being waited for.", { maxLength: 4096 }),
    lastScheduleTime: time("Time that the last run was due at.", {}),
    nextScheduleTime: time("Time that the next one is due at.", {}),
    lastSuccessfulTime: time("End of the newest backup that succeeded.", {}),
    lastSuccessfulBackup: name("Its name."),
    lastVerifiedTime: time("End of the newest verification that passed.", {}),
    lastVerifiedBackup: name("Its backup."),
    lastFailure: object(
      "The newest failure.",
      {
        time: time("When.", { required: true }),
        name: name("Backup that failed."),
        reason: text("Why, in one word.", { maxLength: 64 }),
        message: text("Why.", { maxLength: 4096 }),
      },
      {},
    ),
    lastDrill: object(
      "The last restore drill.",
      {
        time: time("When it ended.", { required: true }),
        backup: name("Backup that was restored."),
        result: oneOf("What it found.", ["Passed", "Failed"], {}),
        durationSeconds: integer("Seconds that it took.", { min: 0 }),
        message: text("What was wrong.", { maxLength: 4096 }),
      },
      {},
    ),
    nextDrillTime: time("When the next restore drill is due.", {}),
    active: list("Backups that are running.", text("Name.", { required: true }), { maxItems: 16 }),
    kept: object(
      "Backups that are kept, by what keeps them.",
      {
        total: count("All."),
        last: count("By keepLast."),
        hourly: count("Hourly."),
        daily: count("Daily."),
        weekly: count("Weekly."),
        monthly: count("Monthly."),
        yearly: count("Yearly."),
      },
      {},
    ),
    plannedDeletions: list("What retention deletes next.", text("Name.", { required: true }), { maxItems: 64 }),
    deletionsAnnouncedAt: time("When it was first told what retention would delete; nothing is deleted before.", {}),
    lastRetentionTime: time("When retention last ran to its end.", {}),
    lastRetentionBackup: name("Newest backup that it had seen then."),
    totalSizeBytes: bytes("Size of all artifacts in bytes."),
    conditions: conditions(),
  },
  {},
);
