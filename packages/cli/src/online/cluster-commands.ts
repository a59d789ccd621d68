import type { Command } from "../frame/command.ts";
import type { FlagSpec } from "../frame/flag-spec.ts";

const group = "Cluster maintenance commands";

const CLUSTER_FLAG: FlagSpec = { name: "cluster", kind: "bool", usage: "ask all endpoints of the member list" };
const PEER_URLS_FLAG: FlagSpec = {
  name: "peer-urls",
  kind: "string",
  usage: "URLs that its peers reach it at, separated by commas",
};

const MEMBER_COMMANDS: readonly Command[] = [
  {
    name: "add",
    usage: "<memberName> [options]",
    summary: "Adds a member",
    flags: [PEER_URLS_FLAG, { name: "learner", kind: "bool", usage: "add it without a vote" }],
    load: async () => (await import("./member.ts")).runMemberAdd,
  },
  {
    name: "remove",
    usage: "<memberID>",
    summary: "Removes a member",
    load: async () => (await import("./member.ts")).runMemberRemove,
  },
  {
    name: "update",
    usage: "<memberID> [options]",
    summary: "Changes the URLs of a member",
    flags: [PEER_URLS_FLAG],
    load: async () => (await import("./member.ts")).runMemberUpdate,
  },
  {
    name: "list",
    summary: "Lists the members",
    description: `Lists the members. In the format simple: id, status, name, peer addresses, client addresses, whether it is
a learner, separated by commas.`,
    flags: [
      {
        name: "consistency",
        kind: "string",
        default: "l",
        usage: "l: linearizable, s: serializable",
        choices: ["l", "s"],
      },
    ],
    load: async () => (await import("./member.ts")).runMemberList,
  },
  {
    name: "promote",
    usage: "<memberID>",
    summary: "Gives a learner a vote",
    load: async () => (await import("./member.ts")).runMemberPromote,
  },
];

const ENDPOINT_COMMANDS: readonly Command[] = [
  {
    name: "health",
    summary: "Tells whether each endpoint can serve requests",
    load: async () => (await import("./endpoint-health.ts")).runHealth,
  },
  {
    name: "status",
    summary: "Shows version, size, leader and more of each endpoint",
    description: `Prints the status of the endpoints. In the format simple: endpoint, id, version, storage version, size of the database,
of it in use, free of it in percent, quota, whether it leads, whether it is a learner, raft term, raft index, applied raft index,
errors, version that it is downgraded to, whether that is under way, separated by commas.`,
    load: async () => (await import("./endpoint-status.ts")).runStatus,
  },
  {
    name: "hashkv",
    summary: "Shows the hash of all keys and revisions at each endpoint",
    flags: [{ name: "rev", kind: "int64", usage: "up to this revision (0: the newest)" }],
    load: async () => (await import("./endpoint-status.ts")).runHashKv,
  },
];

const DOWNGRADE_COMMANDS: readonly Command[] = [
  {
    name: "validate",
    usage: "<TARGET_VERSION>",
    summary: "Tells whether the cluster could be taken down",
    load: async () => (await import("./downgrade.ts")).runDowngradeValidate,
  },
  {
    name: "enable",
    usage: "<TARGET_VERSION>",
    summary: "Lets members of an older version in",
    load: async () => (await import("./downgrade.ts")).runDowngradeEnable,
  },
  {
    name: "cancel",
    summary: "Stays at the present version after all",
    load: async () => (await import("./downgrade.ts")).runDowngradeCancel,
  },
];

/** CLI page, A3. */
export const CLUSTER_COMMANDS: readonly Command[] = [
  {
    name: "member",
    summary: "Lists and changes the members of a cluster",
    group,
    commands: MEMBER_COMMANDS,
  },
  {
    name: "endpoint",
    summary: "Asks each endpoint how it is",
    group,
    persistentFlags: [CLUSTER_FLAG],
    commands: ENDPOINT_COMMANDS,
  },
  {
    name: "alarm",
    summary: "Shows and takes back alarms",
    group,
    commands: [
      {
        name: "disarm",
        summary: "Takes back all alarms",
        load: async () => (await import("./alarm.ts")).runAlarmDisarm,
      },
      {
        name: "list",
        summary: "Lists the alarms that are on",
        load: async () => (await import("./alarm.ts")).runAlarmList,
      },
    ],
  },
  {
    name: "defrag",
    summary: "Gives space that is free back to the disk",
    group,
    persistentFlags: [CLUSTER_FLAG],
    load: async () => (await import("./defrag.ts")).runDefrag,
  },
  {
    name: "snapshot",
    summary: "Saves, checks and restores snapshots",
    group,
    commands: [
      {
        name: "save",
        usage: "<filename>",
        summary: "Saves the state of a member to a file",
        examples: [
          "snapshot save backup.db",
          "snapshot save --endpoints=https://10.0.0.1:2379 --cacert=ca.crt backup.db",
        ],
        load: async () => (await import("./snapshot-save.ts")).runSnapshotSave,
      },
    ],
  },
  {
    name: "move-leader",
    usage: "<transferee-member-id>",
    summary: "Makes another member the leader",
    group,
    load: async () => (await import("./move-leader.ts")).runMoveLeader,
  },
  {
    name: "downgrade",
    summary: "Takes a cluster down by one minor version",
    group,
    commands: DOWNGRADE_COMMANDS,
  },
];
