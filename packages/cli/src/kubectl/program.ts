import type { Command, Program } from "../frame/command.ts";
import type { FlagSpec } from "../frame/flag-spec.ts";
import { helpCommand } from "../frame/help-command.ts";

const NAME = "kubectl quorate";

const OUTPUT: FlagSpec = {
  name: "output",
  shorthand: "o",
  kind: "string",
  default: "text",
  usage: "text for people or json for programs",
  choices: ["text", "json"],
};
const WAIT: FlagSpec = { name: "wait", kind: "bool", usage: "wait until it has ended" };
const TIMEOUT: FlagSpec = { name: "timeout", kind: "duration", default: "1h", usage: "how long --wait waits" };
const OBJECT_NAME: FlagSpec = {
  name: "name",
  kind: "string",
  usage: "name of the object; by default made of the time",
};

const COMMANDS: readonly Command[] = [
  {
    name: "status",
    usage: "[cluster]",
    summary: "Shows the clusters, or one with its members and what is wrong with it",
    description:
      "Shows the clusters of the namespace, or one with its members and what is wrong with it. Ends with 0 if all that it shows are Ready and with 3 if not.",
    examples: ["status", "status store", "status store -o json"],
    flags: [OUTPUT],
    load: async () => (await import("./status.ts")).runStatus,
  },
  {
    name: "backup",
    usage: "<cluster>",
    summary: "Takes a backup",
    description:
      "Makes an EtcdBackup. Where it goes is taken from an EtcdBackupSchedule (by default the one that is called like the cluster), or from --bucket or --claim.",
    examples: [
      "backup store --wait",
      "backup store --bucket=backups --prefix=before-upgrade",
      "backup store --claim=archive",
    ],
    flags: [
      { name: "schedule", kind: "string", usage: "EtcdBackupSchedule whose template is used" },
      { name: "bucket", kind: "string", usage: "bucket of an S3-compatible store" },
      { name: "prefix", kind: "string", usage: "what the keys in the bucket begin with" },
      { name: "endpoint", kind: "string", usage: "URL of the store" },
      { name: "credentials", kind: "string", usage: "Secret with accessKeyId and secretAccessKey" },
      { name: "claim", kind: "string", usage: "PersistentVolumeClaim, instead of a bucket" },
      { name: "level", kind: "string", usage: "how deep it is verified", choices: ["Digest", "Open", "Restore"] },
      OBJECT_NAME,
      WAIT,
      TIMEOUT,
      OUTPUT,
    ],
    load: async () => (await import("./backup.ts")).runBackup,
  },
  {
    name: "restore",
    usage: "<cluster>",
    summary: "Restores a backup, in place or into a new cluster, or rebuilds a quorum that is lost",
    description:
      "Makes an EtcdRestore. With --to the data goes into a new cluster of that name; without, into the cluster itself, which then needs --confirm with its present ID as `status` shows it.",
    examples: [
      "restore store --backup=store-202611250315 --to=store-copy",
      "restore store --backup=store-202611250315 --confirm=cdf818194e3a8c32 --wait",
      "restore store --survivor=auto --confirm=cdf818194e3a8c32",
    ],
    flags: [
      { name: "backup", kind: "string", usage: "EtcdBackup to restore; `latest` for the newest verified one" },
      { name: "survivor", kind: "string", usage: "member whose data is kept; `auto` for the one that has most" },
      { name: "to", kind: "string", usage: "name of the new cluster" },
      { name: "confirm", kind: "string", usage: "the cluster's present ID" },
      { name: "dry-run", kind: "bool", usage: "fetch and check the artifact, and touch nothing" },
      OBJECT_NAME,
      WAIT,
      TIMEOUT,
      OUTPUT,
    ],
    load: async () => (await import("./restore.ts")).runRestore,
  },
  {
    name: "promote",
    usage: "<cluster> <member>",
    summary: "Makes a member the leader; a learner a voter",
    description: "Makes a member the leader. One that is a learner becomes a voter instead, if it has caught up.",
    examples: ["promote store store-2"],
    flags: [OUTPUT],
    load: async () => (await import("./promote.ts")).runPromote,
  },
  {
    name: "defrag",
    usage: "<cluster> [member...]",
    summary: "Defragments members one by one, the leader last",
    examples: ["defrag store", "defrag store store-2"],
    flags: [
      { name: "member-timeout", kind: "duration", default: "10m", usage: "how long one member may take" },
      OUTPUT,
    ],
    load: async () => (await import("./defrag.ts")).runDefrag,
  },
  {
    name: "logs",
    usage: "<cluster> [member]",
    summary: "Shows the log of a member, by default the leader's",
    examples: ["logs store", "logs store store-2 --follow", "logs store store-2 --previous"],
    flags: [
      { name: "follow", shorthand: "f", kind: "bool", usage: "go on with what is logged from now on" },
      { name: "previous", shorthand: "p", kind: "bool", usage: "of the server that ran before the last restart" },
      { name: "tail", kind: "int", default: "-1", usage: "only so many of the last lines" },
      { name: "since", kind: "string", usage: "only lines younger than this, as 5m" },
      { name: "container", shorthand: "c", kind: "string", default: "etcd", usage: "container of the Pod" },
    ],
    load: async () => (await import("./logs.ts")).runLogs,
  },
];

/** Flags that are handed on to kubectl. */
const KUBECTL_FLAGS: readonly FlagSpec[] = [
  { name: "namespace", shorthand: "n", kind: "string", usage: "namespace; kubectl's own if it is left out" },
  { name: "context", kind: "string", usage: "context of the kubeconfig file" },
  { name: "kubeconfig", kind: "string", usage: "path of the kubeconfig file" },
];

/** `kubectl quorate`: the clusters of the Quorate operator. It talks to the API server through the user's own kubectl. */
export const KUBECTL_PROGRAM: Program = {
  name: NAME,
  globalFlags: KUBECTL_FLAGS,
  root: {
    name: NAME,
    summary: "Looks after the clusters of the Quorate operator.",
    commands: [...COMMANDS, helpCommand(program)],
  },
};

function program(): Program {
  return KUBECTL_PROGRAM;
}
