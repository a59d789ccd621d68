import type { AddedCommand } from "../frame/merge-commands.ts";

const TIMEOUT_FLAG = {
  name: "timeout",
  kind: "duration",
  default: "10s",
  usage: "time to wait until nobody uses the database file (0: for ever)",
} as const;

/** The commands that work on files and ask no server. */
export const OFFLINE_COMMANDS: readonly AddedCommand[] = [
  {
    name: "snapshot",
    summary: "Saves, restores and checks snapshots",
    group: "Offline commands",
    commands: [
      {
        name: "status",
        usage: "<filename>",
        summary: "Shows what a snapshot file holds, and checks it",
        description:
          "Prints the hash of a snapshot file, its revision, the number of its keys, its size and storage version.\n" +
          "Every page is read and checked, and the digest behind the database, if there is one.",
        examples: ["snapshot status backup.db --write-out=table"],
        flags: [TIMEOUT_FLAG],
        load: async () => (await import("./snapshot-status.ts")).runSnapshotStatus,
      },
      {
        name: "restore",
        usage: "<filename> --data-dir {output dir} [options]",
        summary: "Makes the data directory of a member of a new cluster from a snapshot",
        description:
          "Makes a data directory that a Quorate member starts on, from a snapshot that etcd or Quorate has saved. The member\n" +
          "belongs to a new cluster: restore the same file for each member, with the same --initial-cluster and token.",
        examples: [
          "snapshot restore backup.db --data-dir default.etcd",
          "snapshot restore backup.db --name m1 --data-dir m1.etcd --initial-advertise-peer-urls http://host1:2380 \\\n" +
            "      --initial-cluster m1=http://host1:2380,m2=http://host2:2380,m3=http://host3:2380",
        ],
        flags: [
          { name: "data-dir", kind: "string", usage: "directory to make, by default <name>.etcd" },
          { name: "wal-dir", kind: "string", usage: "directory for the log, if not in --data-dir" },
          {
            name: "initial-cluster",
            kind: "string",
            default: "default=http://localhost:2380",
            usage: "all members of the new cluster, as name=url,name=url",
          },
          {
            name: "initial-cluster-token",
            kind: "string",
            default: "etcd-cluster",
            usage: "a name of the new cluster, from which its members get their ids",
          },
          {
            name: "initial-advertise-peer-urls",
            kind: "string",
            default: "http://localhost:2380",
            usage: "where the others reach this member",
          },
          { name: "name", kind: "string", default: "default", usage: "name of this member" },
          {
            name: "skip-hash-check",
            kind: "bool",
            usage: "do without the digest, as a database copied from a data directory has none",
          },
          {
            name: "initial-memory-map-size",
            kind: "uint",
            default: "10737418240",
            usage: "without effect: no file is mapped",
          },
          {
            name: "bump-revision",
            kind: "uint",
            usage: "how far the revision is to be ahead of the snapshot's",
          },
          {
            name: "mark-compacted",
            kind: "bool",
            usage: "mark that revision as compacted, which ends older watches (with --bump-revision only)",
          },
          TIMEOUT_FLAG,
        ],
        load: async () => (await import("./snapshot-restore.ts")).runSnapshotRestore,
      },
    ],
  },
  {
    name: "hashkv",
    usage: "<filename or data dir>",
    summary: "Prints the hash that members compare, of a database file or a stopped member",
    description:
      "Prints what `endpoint hashkv` prints of a member, of etcd's database file, a snapshot or the data directory of a stopped\n" +
      "Quorate member: hash, the revision it is at, and the revision that was compacted. Nothing is changed.",
    group: "Offline commands",
    flags: [{ name: "rev", kind: "int64", usage: "revision up to which to hash (0: the newest)" }, TIMEOUT_FLAG],
    examples: ["hashkv default.etcd/member/snap/db", "hashkv m1.quorate"],
    load: async () => (await import("./hashkv.ts")).runHashKv,
  },
  {
    name: "migrate",
    usage: "--from {etcd's data dir} --data-dir {output dir}",
    summary: "Makes a Quorate data directory out of that of a stopped etcd member",
    description:
      "Reads the data directory of a stopped etcd member (3.4 to 3.7), changing nothing in it, and makes a Quorate data\n" +
      "directory of it: the same member of the same cluster, which a Quorate server then runs in its place. Never start the\n" +
      "old one again. (etcdutl's command of this name changes a storage version, which Quorate's directories do not have.)",
    group: "Offline commands",
    flags: [
      { name: "from", kind: "string", usage: "data directory of the etcd member" },
      { name: "from-wal-dir", kind: "string", usage: "its log, if not in --from" },
      { name: "data-dir", kind: "string", usage: "directory to make" },
      { name: "wal-dir", kind: "string", usage: "directory for the log, if not in --data-dir" },
      { ...TIMEOUT_FLAG, usage: "time to wait until etcd uses its directory no more (0: for ever)" },
      { name: "target-version", kind: "string", usage: "not for Quorate: see etcdutl migrate" },
      { name: "force", kind: "bool", usage: "not for Quorate: see etcdutl migrate" },
    ],
    examples: ["migrate --from m1.etcd --data-dir m1.quorate"],
    load: async () => (await import("./migrate.ts")).runMigrate,
  },
  {
    name: "defrag",
    summary: "Defragments the storage of members, or of a directory of a stopped one",
    flags: [{ name: "data-dir", kind: "string", usage: "data directory of a stopped member, instead of endpoints" }],
    examples: ["defrag --data-dir m1.quorate"],
    takesOver: (flags) => flags.changed("data-dir"),
    load: async () => (await import("./defrag.ts")).runOfflineDefrag,
  },
  {
    name: "dump-logs",
    usage: "[flags] <data-dir>",
    summary: "Prints the write-ahead log of a stopped member of etcd or Quorate",
    description:
      "Prints the entries of a log behind its newest snapshot, or from an index on, and what is in them; with -raw the\n" +
      "records as they lie there. Flags may have one dash, as those of etcd-dump-logs.",
    group: "Offline commands",
    singleDash: true,
    flags: [
      { name: "start-snap", kind: "string", usage: "name of the snapshot file to start from" },
      { name: "start-index", kind: "uint", usage: "first index to print" },
      {
        name: "end-index",
        kind: "uint",
        default: "18446744073709551615",
        usage: "index to stop before",
      },
      { name: "wal-dir", kind: "string", usage: "the log, if not in the data directory" },
      {
        name: "entry-type",
        kind: "string",
        default: "Normal,ConfigChange",
        usage:
          "what to print: ConfigChange, Normal, Request, InternalRaftRequest, IRRRange, IRRPut, IRRDeleteRange, IRRTxn, " +
          "IRRCompaction, IRRLeaseGrant, IRRLeaseRevoke, IRRLeaseCheckpoint; separated by commas",
      },
      {
        name: "stream-decoder",
        kind: "string",
        usage: "program that is given the data of each entry as a line of hex, and answers a line status|data",
      },
      { name: "raw", kind: "bool", usage: "print the records as they lie in the log" },
    ],
    examples: ["dump-logs m1.quorate", "dump-logs -entry-type IRRPut,IRRTxn -start-index 1000 m1.etcd"],
    load: async () => (await import("./dump-logs.ts")).runDumpLogs,
  },
  {
    name: "dump-db",
    summary: "Prints the database of a stopped member of etcd or Quorate",
    group: "Offline commands",
    persistentFlags: [TIMEOUT_FLAG],
    commands: [
      {
        name: "list-bucket",
        usage: "<data dir or db file path>",
        summary: "Lists all buckets",
        load: async () => (await import("./dump-db.ts")).runListBucket,
      },
      {
        name: "iterate-bucket",
        usage: "<data dir or db file path> <bucket name>",
        summary: "Lists the records of a bucket, the last one first",
        flags: [
          { name: "limit", kind: "uint", usage: "number of records to list (0: all)" },
          { name: "decode", kind: "bool", usage: "decode keys and values" },
        ],
        examples: ["dump-db iterate-bucket m1.quorate key --decode --limit 10"],
        load: async () => (await import("./dump-db.ts")).runIterateBucket,
      },
      {
        name: "scan-keys",
        usage: "<data dir or db file path> <start revision>",
        summary: "Lists the revisions that lie in the pages of etcd's database, deleted ones too",
        load: async () => (await import("./dump-db.ts")).runScanKeys,
      },
      {
        name: "hash",
        usage: "<data dir or db file path>",
        summary: "Prints the hash over everything in the database",
        load: async () => (await import("./dump-db.ts")).runHash,
      },
    ],
  },
];
