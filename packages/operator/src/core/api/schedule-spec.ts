import { compression, destination } from "./destination.ts";
import { frozen } from "./frozen.ts";
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
} from "./schema/build.ts";

export const clusterRef = object(
  "The cluster, in the same namespace.",
  { name: nameOf("Its name.", { required: true }) },
  { required: true },
);

function level() {
  return oneOf(
    "Digest: the bytes are those that the member sent. Open: the store opens and every page is read. Restore: a server starts with it.",
    ["Digest", "Open", "Restore"],
    { default: "Open" },
  );
}

const backupFields = {
  destination,
  source: oneOf("Which member the snapshot is taken from; Follower falls back to Any.", ["Follower", "Any", "Leader"], {
    default: "Follower",
  }),
  compression: compression(),
  verification: section("How the artifact is checked before the backup counts as verified.", { level: level() }),
  timeoutSeconds: integer("Seconds that the backup has.", { default: 3600, min: 60, max: 86400 }),
};

export const backupSpec = withRules(
  object(
    "One snapshot. It cannot be changed.",
    {
      clusterRef,
      ...backupFields,
      artifactPolicy: oneOf("What becomes of the artifact when this object is deleted.", ["Retain", "Delete"], {
        default: "Retain",
      }),
      ttlSecondsAfterFinished: integer("Seconds after its end when this object is deleted.", { min: 0 }),
    },
    { required: true },
  ),
  frozen(),
);

const retention = withRules(
  section("Which backups are kept: what any of these keeps stays.", {
    keepLast: integer("The newest ones.", { default: 3, min: 0, max: 1000 }),
    hourly: integer("The newest of each of the last hours.", { default: 24, min: 0, max: 1000 }),
    daily: integer("The newest of each of the last days.", { default: 7, min: 0, max: 1000 }),
    weekly: integer("The newest of each of the last ISO weeks.", { default: 4, min: 0, max: 1000 }),
    monthly: integer("The newest of each of the last months.", { default: 12, min: 0, max: 1000 }),
    yearly: integer("The newest of each of the last years.", { default: 0, min: 0, max: 1000 }),
    maxAge: duration("Older ones are deleted whatever tier they are in.", {}),
    maxTotalSize: quantity("Beyond this the densest tier is thinned out.", {}),
    minVerified: integer("So many of the newest verified ones are never deleted.", { default: 1, min: 1, max: 1000 }),
  }),
  rule(
    "self.keepLast + self.hourly + self.daily + self.weekly + self.monthly + self.yearly >= 1",
    "retention must keep at least one backup",
    (self) => self.keepLast + self.hourly + self.daily + self.weekly + self.monthly + self.yearly >= 1,
  ),
);

const drill = section("Restore drill: the newest artifact is fetched from its store and a server is started with it.", {
  enabled: flag("Whether it is done.", { default: true }),
  schedule: text("When: five cron fields, or as `@daily`.", { default: "@daily", maxLength: 128 }),
});

const scheduleFields = {
  schedule: text("When backups are taken: five cron fields, or as `@hourly`.", {
    required: true,
    minLength: 1,
    maxLength: 128,
  }),
  timeZone: text("IANA name of the zone that the schedule and the tiers are in.", { default: "UTC", maxLength: 64 }),
  suspend: flag("No backup is begun.", { default: false }),
  immediate: flag("One is taken at once when this object is made.", { default: false }),
  startingDeadlineSeconds: longInteger("A missed run is made up for if it is no more than so many seconds late.", {
    default: 3600,
    min: 0,
  }),
  jitterSeconds: integer("Runs are spread over so many seconds by a hash of the name.", {
    default: 60,
    min: 0,
    max: 3600,
  }),
  retention,
  verification: section("How stored backups are checked again.", { drill }),
  staleAfter: duration(
    "Age of the newest success from which on backups count as stale; twice the interval if it is left out.",
    {},
  ),
  failedHistoryLimit: integer("How many failed backups are kept to be looked at.", { default: 3, min: 0, max: 100 }),
  ownerPolicy: oneOf("Which object's deletion takes the backups along.", ["Schedule", "Cluster", "None"], {
    default: "Schedule",
  }),
};

export const scheduleSpec = object(
  "Backups of a cluster by the clock.",
  { clusterRef, ...scheduleFields, template: object("What each backup is like.", backupFields, { required: true }) },
  { required: true },
);

/** `spec.backup` of a cluster, the short form: what it leaves out has the schedule's defaults. */
export const backupShorthand = object(
  "Backups by the clock: the operator makes an EtcdBackupSchedule of the cluster's name from it.",
  {
    schedule: scheduleFields.schedule,
    timeZone: scheduleFields.timeZone,
    suspend: scheduleFields.suspend,
    destination,
    compression: backupFields.compression,
    retention,
    verification: section("How artifacts are checked, at once and again later.", { level: level(), drill }),
    staleAfter: scheduleFields.staleAfter,
  },
  {},
);
