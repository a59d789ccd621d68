import { survivor } from "./cluster-status.ts";
import type { EtcdClusterSpecInput } from "./cluster-types.ts";
import { conditions, count, observedGeneration } from "./condition.ts";
import { destination } from "./destination.ts";
import { frozen } from "./frozen.ts";
import {
  anything,
  flag,
  holding,
  list,
  longInteger,
  nameOf,
  object,
  oneOf,
  rule,
  text,
  time,
  withRules,
} from "./schema/build.ts";

const sha256 = () => text("Digest before compression, in hexadecimal.", { pattern: "^[0-9a-f]{64}$" });
const key = () => text("Its key in the destination.", { required: true, minLength: 1, maxLength: 1024 });
const revision = (description: string) => text(description, { maxLength: 20 });
const id = (description: string) => text(description, { maxLength: 16, pattern: "^[0-9a-f]*$" });

export const restoreSpec = withRules(
  object(
    "What is to be restored, and where. It cannot be changed.",
    {
      source: withRules(
        object(
          "Where the data comes from: exactly one.",
          {
            backupName: nameOf("An EtcdBackup of this namespace.", {}),
            object: object("An artifact in a store.", { destination, key: key(), sha256: sha256() }, {}),
            survivor: nameOf(
              "A member whose data is kept when the quorum is lost for good: its name, or `auto` for the one that has most.",
              {},
            ),
          },
          { required: true },
        ),
        rule(
          "(has(self.backupName) ? 1 : 0) + (has(self.object) ? 1 : 0) + (has(self.survivor) ? 1 : 0) == 1",
          "exactly one of backupName, object and survivor must be given",
          (self) => [self.backupName, self.object, self.survivor].filter((one) => one !== undefined).length === 1,
        ),
      ),
      target: object(
        "The cluster.",
        {
          clusterName: nameOf(
            "Its name. NewCluster makes it, InPlace takes its data away and puts the restored data there.",
            {
              required: true,
            },
          ),
          template: holding<EtcdClusterSpecInput>()(anything("Spec of the cluster that NewCluster makes.", {})),
        },
        { required: true },
      ),
      mode: oneOf("Into a new cluster, or into the one there is.", ["NewCluster", "InPlace"], {
        default: "NewCluster",
      }),
      confirm: text("InPlace: the cluster's present ID, so that nobody loses a cluster by a slip.", {
        maxLength: 16,
        pattern: "^[0-9a-f]+$",
      }),
      revisionBump: longInteger(
        "How far the store's revision is raised above the snapshot's, so that watchers never see it run backwards. 0 for a new cluster and 1000000000 in place if it is left out.",
        { min: 0 },
      ),
      preSnapshot: flag("InPlace: a last snapshot is taken first if there is a quorum.", { default: true }),
      dryRun: flag("Fetches and checks the artifact, starts a server with it, reports, and touches nothing.", {
        default: false,
      }),
    },
    { required: true },
  ),
  rule(
    "self.mode != 'InPlace' || has(self.confirm)",
    "InPlace needs confirm: the cluster's present ID, as its status.clusterID has it",
    (self) => self.mode !== "InPlace" || self.confirm !== undefined,
  ),
  rule(
    "!has(self.source.survivor) || self.mode == 'InPlace'",
    "source.survivor needs mode InPlace",
    (self) => self.source.survivor === undefined || self.mode === "InPlace",
  ),
  rule(
    "self.mode != 'InPlace' || !has(self.revisionBump) || self.revisionBump > 0",
    "InPlace needs a revisionBump above 0: a revision that runs backwards leaves watchers blind",
    (self) => self.mode !== "InPlace" || self.revisionBump === undefined || self.revisionBump > 0,
  ),
  rule(
    "self.mode == 'NewCluster' || !has(self.target.template)",
    "target.template is only for mode NewCluster",
    (self) => self.mode === "NewCluster" || self.target.template === undefined,
  ),
  frozen(),
);

export const restorePhases = [
  "Pending",
  "Validating",
  "Fencing",
  "Seeding",
  "Growing",
  "Verifying",
  "Completed",
  "Failed",
] as const;

export const restoreStatus = object(
  "What was done.",
  {
    observedGeneration: observedGeneration(),
    phase: oneOf("How far it is.", restorePhases, {}),
    message: text("What is being waited for, or what went wrong.", { maxLength: 4096 }),
    startedAt: time("When it began.", {}),
    completedAt: time("When it ended.", {}),
    artifact: object(
      "The artifact that was chosen and checked.",
      {
        destination,
        key: key(),
        sha256: sha256(),
        revision: revision("Its revision."),
        sizeBytes: longInteger("Size in bytes before compression.", { min: 0 }),
        compression: oneOf("How it is compressed.", ["Gzip", "None"], {}),
        backupName: text("The EtcdBackup that it is of.", {}),
      },
      {},
    ),
    survivor: text("Member whose data was chosen; it is not chosen again.", {}),
    survivors: list("What each voter had when the choice was made.", survivor, { maxItems: 16, keys: ["member"] }),
    recoveryEpoch: count("Number of this recovery in the life of the cluster."),
    seed: text("EtcdMember that the restored cluster begins with.", {}),
    revisionBump: longInteger("How far the revision is raised.", { min: 0 }),
    restoredRevision: revision("Revision of the data."),
    bumpedTo: revision("Revision that the store came up with."),
    oldClusterID: id("ID of the cluster before."),
    newClusterID: id("ID of the cluster after."),
    preSnapshotName: text("EtcdBackup that was taken before.", {}),
    step: text("What is being done.", { maxLength: 64 }),
    steps: list(
      "What was done, in order.",
      object(
        "One step.",
        {
          name: text("Which.", { required: true, maxLength: 64 }),
          time: time("When.", { required: true }),
          result: text("What came of it.", { maxLength: 1024 }),
        },
        { required: true },
      ),
      { maxItems: 64 },
    ),
    conditions: conditions(),
  },
  {},
);
