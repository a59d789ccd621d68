import { annotations, labels } from "./cluster/maps.ts";
import { clusterSpec } from "./cluster-spec.ts";
import { destination } from "./destination.ts";
import { scheduleSpec } from "./schedule-spec.ts";
import { anything, duration, flag, list, longInteger, nameOf, object, oneOf, section, text } from "./schema/build.ts";
import type { Schema } from "./schema/schema.ts";

// The values of the chart quorate-cluster, in the same language as the kinds: `cluster`, `backup` and `restore` are their specs.

const key = () => text("Its key in the store.", { required: true, minLength: 1, maxLength: 1024 });

const scheduleFields = fieldsOf(scheduleSpec);

const backup = section("Backups by the clock: an EtcdBackupSchedule of the cluster.", {
  enabled: flag("Whether there is one.", { default: false }),
  spec: object(
    "Its spec, without `clusterRef`.",
    Object.fromEntries(
      Object.entries(scheduleFields)
        .filter(([name]) => name !== "clusterRef")
        .map(([name, field]) => [
          name,
          field.presence === "required" ? { ...field, presence: "optional" as const } : field,
        ]),
    ),
    { default: {} },
  ),
});

const source = object(
  "Where the data comes from: a backup's name, or an object in a store.",
  {
    backupName: nameOf("Name of an EtcdBackup of the release's namespace.", {}),
    object: object("An artifact in a store.", { destination, key: key(), sha256: text("Its digest.", {}) }, {}),
  },
  { default: {} },
);

const restore = section("Restoring from a snapshot.", {
  source,
  revisionBump: longInteger("How far the revision is raised above the snapshot's.", { min: 0 }),
  inPlace: section("An EtcdRestore that puts the data of `source` into the running cluster.", {
    enabled: flag("Whether there is one.", { default: false }),
    name: text("What the EtcdRestore's name ends with; another name is another restore.", {
      default: "in-place",
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
      maxLength: 32,
    }),
    confirm: text("The cluster's present ID, so that nobody loses a cluster by a slip.", {
      default: "",
      pattern: "^[0-9a-f]*$",
    }),
    preSnapshot: flag("Whether a last snapshot is taken before.", { default: true }),
  }),
});

const monitoring = section("For the Prometheus operator and Grafana.", {
  podMonitor: section("A PodMonitor of the members; needs the Prometheus operator's kinds.", {
    enabled: flag("Whether there is one.", { default: false }),
    labels: labels("Labels that the Prometheus selects monitors by."),
    interval: duration("How often metrics are read.", { default: "30s" }),
  }),
  rules: section("A PrometheusRule with the alerts; needs the Prometheus operator's kinds.", {
    enabled: flag("Whether there is one.", { default: false }),
    labels: labels("Labels that the Prometheus selects rules by."),
    disabled: list("Names of alerts that are left out.", text("Name.", { required: true }), {
      default: [],
      maxItems: 64,
      set: true,
    }),
    additional: list("Further rules of the same group.", anything("One rule.", { required: true }), {
      default: [],
      maxItems: 64,
    }),
  }),
  dashboard: section("A ConfigMap with the dashboard, for Grafana's sidecar.", {
    enabled: flag("Whether there is one.", { default: false }),
    labels: labels("Labels that the sidecar selects by."),
    annotations: annotations("Annotations, as of the folder."),
  }),
});

const tests = section("`helm test`.", {
  enabled: flag("Whether the chart has its test Pod.", { default: true }),
  image: section("Image that has `quoratectl`.", {
    repository: text("Repository.", { default: "quorate/quorate", maxLength: 255 }),
    tag: text("Tag; the chart's appVersion if it is empty.", { default: "", maxLength: 128 }),
    digest: text("Digest; it wins over the tag.", { default: "", maxLength: 128 }),
    pullPolicy: oneOf("When the node pulls.", ["Always", "IfNotPresent", "Never"], { default: "IfNotPresent" }),
    pullSecrets: list("Secrets to pull with.", nameOf("Name of a Secret.", { required: true }), {
      default: [],
      maxItems: 8,
    }),
  }),
});

export const CHART_VALUES = section("Values of the chart quorate-cluster.", {
  nameOverride: text("Replaces the chart's name in the names of objects.", { default: "", maxLength: 40 }),
  fullnameOverride: text("The EtcdCluster's name.", { default: "", maxLength: 44 }),
  commonLabels: labels("Labels for every object of the chart."),
  commonAnnotations: annotations("Annotations for every object of the chart."),
  mode: oneOf(
    "How the cluster begins: empty, with the data of `restore.source`, or with the volumes of a former cluster of its name.",
    ["new", "restore", "adopt"],
    { default: "new" },
  ),
  size: oneOf(
    "Preset of resources, storage and spread; what `cluster` says wins. Empty: the operator's own defaults.",
    ["", "dev", "small", "production"],
    { default: "" },
  ),
  cluster: {
    ...clusterSpec,
    default: {},
    description: "Spec of the EtcdCluster, field by field as in docs/operator.md.",
  },
  backup,
  restore,
  monitoring,
  tests,
  extraObjects: list("Further objects; text in them is a template.", anything("One object.", { required: true }), {
    default: [],
    maxItems: 64,
  }),
  global: anything("Values that charts share; not used.", { default: {} }),
});

function fieldsOf({ node }: Schema): Readonly<Record<string, Schema>> {
  if (node.kind !== "object") throw new TypeError("no object");
  return node.fields;
}
