import type { Command } from "../frame/command.ts";
import type { FlagSpec } from "../frame/flag-spec.ts";

/** Flags of `get`, also in transactions. */
export const GET_FLAGS: readonly FlagSpec[] = [
  {
    name: "consistency",
    kind: "string",
    default: "l",
    usage: "l: linearizable, s: serializable",
    choices: ["l", "s"],
  },
  { name: "order", kind: "string", usage: "ASCEND (which is the default) or DESCEND", choices: ["ASCEND", "DESCEND"] },
  {
    name: "sort-by",
    kind: "string",
    usage: "CREATE, KEY, MODIFY, VALUE or VERSION",
    choices: ["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"],
  },
  { name: "limit", kind: "int64", usage: "at most so many results" },
  { name: "prefix", kind: "bool", usage: "all keys that begin with the key" },
  { name: "from-key", kind: "bool", usage: "all keys from the key on, in the order of their bytes" },
  { name: "rev", kind: "int64", usage: "the keys as they were at this revision" },
  { name: "keys-only", kind: "bool", usage: "without values" },
  { name: "count-only", kind: "bool", usage: "their number alone (with --write-out=fields)" },
  { name: "print-value-only", kind: "bool", usage: "print values without keys (with --write-out=simple)" },
  { name: "min-create-rev", kind: "int64", usage: "created at this revision or later" },
  { name: "max-create-rev", kind: "int64", usage: "created at this revision or earlier" },
  { name: "min-mod-rev", kind: "int64", usage: "changed last at this revision or later" },
  { name: "max-mod-rev", kind: "int64", usage: "changed last at this revision or earlier" },
  { name: "stream", kind: "bool", usage: "get the results in pieces (servers of 3.7 and later)" },
];

/** Flags of `put`, also in transactions. */
export const PUT_FLAGS: readonly FlagSpec[] = [
  { name: "lease", kind: "string", default: "0", usage: "lease to attach to the key, in hexadecimal" },
  { name: "prev-kv", kind: "bool", usage: "print the key and value as they were before" },
  { name: "ignore-value", kind: "bool", usage: "keep the value" },
  { name: "ignore-lease", kind: "bool", usage: "keep the lease" },
];

/** Flags of `del`, also in transactions. */
export const DELETE_FLAGS: readonly FlagSpec[] = [
  { name: "prefix", kind: "bool", usage: "all keys that begin with the key" },
  { name: "prev-kv", kind: "bool", usage: "print what is deleted" },
  { name: "from-key", kind: "bool", usage: "all keys from the key on, in the order of their bytes" },
  { name: "range", kind: "bool", usage: "delete a range without the two seconds to think it over" },
];

/** Flags of `watch`, also of its interactive lines. */
export const WATCH_FLAGS: readonly FlagSpec[] = [
  { name: "interactive", shorthand: "i", kind: "bool", usage: "read what to watch from standard input, a line each" },
  { name: "prefix", kind: "bool", usage: "all keys that begin with the key" },
  { name: "rev", kind: "int64", usage: "begin with the events of this revision" },
  { name: "prev-kv", kind: "bool", usage: "print the key and value as they were before" },
  { name: "progress-notify", kind: "bool", usage: "have the server tell its revision now and then" },
];

const group = "Key-value commands";

const LEASE_COMMANDS: readonly Command[] = [
  {
    name: "grant",
    usage: "<ttl>",
    summary: "Creates a lease of so many seconds",
    load: async () => (await import("./lease.ts")).runGrant,
  },
  {
    name: "revoke",
    usage: "<leaseID>",
    summary: "Ends a lease and deletes its keys",
    load: async () => (await import("./lease.ts")).runRevoke,
  },
  {
    name: "timetolive",
    usage: "<leaseID> [options]",
    summary: "Shows how long a lease has left",
    flags: [{ name: "keys", kind: "bool", usage: "and the keys attached to it" }],
    load: async () => (await import("./lease.ts")).runTimeToLive,
  },
  { name: "list", summary: "Lists all leases", load: async () => (await import("./lease.ts")).runLeases },
  {
    name: "keep-alive",
    usage: "[options] <leaseID>",
    summary: "Renews a lease for as long as this runs",
    flags: [{ name: "once", kind: "bool", usage: "renew it once and end" }],
    load: async () => (await import("./keep-alive.ts")).runKeepAlive,
  },
];

/** CLI page, A2. */
export const KEY_VALUE_COMMANDS: readonly Command[] = [
  {
    name: "get",
    usage: "[options] <key> [range_end]",
    summary: "Gets a key, or all keys of a range",
    group,
    flags: GET_FLAGS,
    load: async () => (await import("./get.ts")).runGet,
  },
  {
    name: "put",
    usage: "[options] <key> <value> (<value> can also be given from stdin)",
    summary: "Gives a key a value",
    description: `Gives a key a value.

Without a value on the command line it is read from standard input, to the end. A value that begins with '-' needs '--'
before it, or it is taken for a flag.`,
    examples: ["put greeting hello", "put number -- -1", "put file < /etc/hostname"],
    group,
    flags: PUT_FLAGS,
    load: async () => (await import("./put.ts")).runPut,
  },
  {
    name: "del",
    usage: "[options] <key> [range_end]",
    summary: "Deletes a key, or all keys of a range",
    group,
    flags: DELETE_FLAGS,
    load: async () => (await import("./del.ts")).runDelete,
  },
  {
    name: "txn",
    usage: "[options]",
    summary: "Carries out several requests as one, if conditions hold",
    description: `Reads a transaction from standard input and has it carried out as a whole: conditions, requests for when all of them
hold, requests for when they do not. An empty line ends each of the three.

  mod("key") > "0"

  put key "changed"

  put key "created"
  get other --prefix

A condition compares version, create, mod, value or lease of a key with =, !=, < or >.`,
    group,
    flags: [{ name: "interactive", shorthand: "i", kind: "bool", usage: "say what is to be typed next" }],
    load: async () => (await import("./txn.ts")).runTxn,
  },
  {
    name: "compaction",
    usage: "[options] <revision>",
    summary: "Forgets the history of keys before a revision",
    group,
    flags: [{ name: "physical", kind: "bool", usage: "wait until old revisions are gone from the disk" }],
    load: async () => (await import("./compaction.ts")).runCompaction,
  },
  {
    name: "watch",
    usage: "[options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
    summary: "Prints changes of keys as they happen",
    description: `Prints what happens to keys, from now on or from a revision on. A command after '--' runs for each event, with
ETCD_WATCH_REVISION, ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY and ETCD_WATCH_VALUE in its environment.

With --interactive each line of standard input is 'watch [options] <key> [range_end] [-- command]' or 'progress'.
ETCDCTL_WATCH_KEY and ETCDCTL_WATCH_RANGE_END stand for a key and end that are not given.`,
    examples: ["watch greeting", "watch /app/ --prefix --rev=5", "watch greeting -- sh -c 'echo $ETCD_WATCH_VALUE'"],
    group,
    flags: WATCH_FLAGS,
    load: async () => (await import("./watch.ts")).runWatch,
  },
  {
    name: "lease",
    summary: "Grants, renews and ends leases",
    group,
    commands: LEASE_COMMANDS,
  },
];
