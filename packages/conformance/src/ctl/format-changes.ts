import { FORMATS, type Format } from "./ctl-step.ts";
import { tableCells } from "./table-cells.ts";

/** Where a rewrite works. */
type Stream = "output" | "errors";

/** How an output becomes what the other release has. */
export type Rewrite =
  | {
      readonly stream: Stream;
      /** Fits a line from end to end. */
      readonly line: RegExp;
      /** Undefined: the line is left out. */
      readonly by: string | undefined;
    }
  /** Lines of one stream that the other release has in the other. */
  | { readonly moved: RegExp; readonly from: Stream; readonly to: Stream }
  | { readonly stream: Stream; readonly part: RegExp; readonly by: string | ((...groups: string[]) => string) }
  | { readonly stream: Stream; readonly change: (text: string) => string }
  | { readonly code: number; readonly by: number };

interface ChangeFacts {
  readonly name: string;
  /** Which releases print what. */
  readonly reason: string;
  /** Releases of etcdctl compared with that differ, as the beginning of their version. */
  readonly etcdctl: readonly string[];
  readonly formats: readonly Format[];
  /** Of the output of etcdctl. */
  readonly older?: readonly Rewrite[];
  /** Of the output of quoratectl. */
  readonly newer?: readonly Rewrite[];
  /** Needed by steps alone that take a minute and more. */
  readonly long?: boolean;
  /** The only kind of server against which it is needed: a real etcd of the release, or Quorate, which answers as 3.7.1 does. */
  readonly server?: "etcd" | "quorate";
}

/**
 * A change that etcdctl itself has made between the release compared with and 3.7.1, whose output quoratectl prints, or what quoratectl
 * does its own way. It concerns the commands or the lines that it names, in the formats that it names, and rewrites only what it names.
 */
export type FormatChange = ChangeFacts &
  ({ readonly commands: readonly string[] | "all" } | { readonly lines: readonly string[] });

const BOTH = ["3.4", "3.5"] as const;

/** Command lines that cannot be read. */
const UNREADABLE = [
  "put -dash -value",
  "lock name echo -x",
  "get a --nosuchflag",
  "get a --rev=x",
  "get a --rev",
  "get a --command-timeout=5",
  "get a --prefix=maybe",
];

/** Command lines with --hex, whose fields 3.4 and 3.5 print in decimal. */
const WITH_HEX = [
  "get text --prefix --hex",
  "get leased --hex",
  "watch p/ --prefix --prev-kv --hex",
  "lease list --hex",
  "lease timetolive LEASE --keys --hex",
  "lease keep-alive LEASE --once --hex",
  "member list --hex",
  "endpoint status --hex",
  "alarm list --hex",
];

const decimal = (hex: string): string => (hex.startsWith("<") ? "<id>" : String(BigInt(`0x${hex}`)));

/** What follows the members of `member add` and the like, with --hex. */
const HEX_IN_JSON: Rewrite = {
  stream: "output",
  part: /"(cluster_id|member_id|ID)":"([0-9a-f]+|<id in hex>)"/g,
  by: (_whole, name = "", hex = "") => `"${name}":${decimal(hex)}`,
};

/** A completion script as a whole; its group is the shell that it is for. */
const SCRIPT = /^#[\s\S]*?\b(bash|zsh|fish|powershell) completion (?:V2 )?for PROGRAM\b[\s\S]*$/i;

const ALARM = "Active Alarm\\(s\\): NOSPACE";
const UNHEALTHY: readonly Rewrite[] = [
  { stream: "errors", line: /Error: unhealthy cluster/, by: undefined },
  { code: 1, by: 0 },
];

export const FORMAT_CHANGES: readonly FormatChange[] = [
  {
    name: "light boxes",
    reason:
      "3.4 to 3.6 draw tables with +, - and |, 3.7 with box characters, headings in the middle and cells to the right",
    etcdctl: BOTH,
    commands: ["member list", "endpoint health", "endpoint status", "endpoint hashkv", "snapshot status"],
    formats: ["table"],
    older: [{ stream: "output", change: tableCells }],
    newer: [{ stream: "output", change: tableCells }],
  },
  {
    name: "cells of two lines",
    reason: "3.4 breaks long cells of a table into lines, 3.5 and later do not",
    etcdctl: ["3.4"],
    lines: ["endpoint status"],
    formats: ["table"],
    older: [{ stream: "output", part: /( \| memberID:\d+)\n[ |]*(alarm:NOSPACE)$/m, by: "$1 $2" }],
  },
  {
    name: "log of the client",
    reason:
      "all releases log a failed attempt of a call as a line of JSON; quoratectl tells a failure once, as the error",
    etcdctl: BOTH,
    commands: "all",
    formats: FORMATS,
    older: [
      { stream: "errors", line: /\{"level":"warn",.*"msg":"retrying of unary invoker failed",.*\}/, by: undefined },
    ],
  },
  {
    name: "log of snapshots",
    reason: "all releases log the steps of a saving as lines of JSON; quoratectl shows how far it is, on a terminal",
    etcdctl: BOTH,
    commands: ["snapshot save"],
    formats: FORMATS,
    older: [
      {
        stream: "errors",
        line: /\{"level":"info",.*"msg":"(?:created temporary db file|opened snapshot stream; downloading|fetching snapshot|completed snapshot read; closing|fetched snapshot|saved)".*\}/,
        by: undefined,
      },
    ],
  },
  {
    name: "log of restoring",
    reason:
      "3.4 logs in JSON, 3.5 and etcdutl since in columns with more lines than quoratectl, which has them without places in Go's source",
    etcdctl: BOTH,
    commands: ["snapshot restore"],
    formats: FORMATS,
    older: [
      {
        stream: "errors",
        line: /\{"level":"info",.*"msg":"(?:restoring snapshot|added member|restored snapshot)".*\}/,
        by: undefined,
      },
      { stream: "errors", line: /\d{4}-\d\d-\d\dT[\d:]+Z\tinfo\t\S+\.go:\d+\t.*/, by: undefined },
    ],
    newer: [
      { stream: "errors", line: /\d{4}-\d\d-\d\dT[\d:]+Z\tinfo\trestor(?:ing|ed) snapshot\t\{.*\}/, by: undefined },
    ],
  },
  {
    name: "deprecated",
    reason:
      "3.5 says that snapshot status and restore go to etcdutl, 3.6 has them there alone; quoratectl is both programs",
    etcdctl: ["3.5"],
    commands: ["snapshot status", "snapshot restore"],
    formats: FORMATS,
    older: [{ stream: "errors", part: /^Deprecated: Use `etcdutl snapshot (?:status|restore)` instead\.\n\n/, by: "" }],
  },
  {
    name: "keys of a snapshot",
    reason: "3.4 and 3.5 count the records of all buckets, 3.6 and 3.7 the keys, and these tell the storage version",
    etcdctl: BOTH,
    lines: ["snapshot status SNAPSHOT"],
    formats: FORMATS,
    older: [
      { stream: "output", part: /^([0-9a-f]+, 5, )1[01](, \d+ kB)$/m, by: "$1KEYS$2" },
      { stream: "output", part: /"totalKey":1[01],("totalSize":\d+)\}/, by: '"totalKey":KEYS,$1}' },
      { stream: "output", part: /^"Keys" : 1[01]$/m, by: '"Keys" : KEYS' },
      { stream: "output", part: / \| 1[01] (\| \d+ kB)$/m, by: " | KEYS $1" },
    ],
    newer: [
      { stream: "output", part: /^([0-9a-f]+, 5, )2(, \d+ kB), (?:3\.7\.0)?$/m, by: "$1KEYS$2" },
      {
        stream: "output",
        part: /"totalKey":2,("totalSize":\d+),"version":"(?:3\.7\.0)?"\}/,
        by: '"totalKey":KEYS,$1}',
      },
      { stream: "output", part: /^"Keys" : 2$/m, by: '"Keys" : KEYS' },
      { stream: "output", line: /"Version" : (?:3\.7\.0)?/, by: undefined },
      { stream: "output", part: /( \| TOTAL SIZE) \| VERSION$/m, by: "$1" },
      { stream: "output", part: / \| 2 (\| \d+ kB) \| (?:3\.7\.0)?$/m, by: " | KEYS $1" },
    ],
  },
  {
    name: "directories there already",
    reason: "3.4 refuses a data directory that exists, 3.5 and later one that is not empty",
    etcdctl: ["3.4"],
    lines: ["snapshot restore SNAPSHOT --data-dir FILE.simple"],
    formats: ["simple"],
    newer: [{ stream: "errors", part: /^(Error: data-dir "\S+") not empty or could not be read$/m, by: "$1 exists" }],
  },
  {
    name: "version of a snapshot's server",
    reason: "3.6 and 3.7 tell the version of a server that says it with its snapshot, as Quorate does",
    etcdctl: BOTH,
    commands: ["snapshot save"],
    formats: FORMATS,
    server: "quorate",
    newer: [{ stream: "output", line: /Server version 3\.7\.0/, by: undefined }],
  },
  {
    name: "argument named",
    reason: "3.4 and 3.5 do not name the argument that snapshot save lacks, 3.6 and 3.7 do",
    etcdctl: BOTH,
    lines: ["snapshot save", "snapshot save FILE x"],
    formats: ["simple"],
    newer: [{ stream: "errors", line: /(Error: snapshot save expects one argument) <filename>/, by: "$1" }],
  },
  {
    name: "errors once",
    reason: "3.4 and 3.5 print an error of the command line a second time, 3.6 and 3.7 do not",
    etcdctl: BOTH,
    lines: ["nosuchcommand", "gte a", ...UNREADABLE],
    formats: ["simple"],
    older: [{ stream: "errors", change: (text) => text.replace(/^(Error: [^\n]*\n)([\s\S]*?)\1[\s\S]*$/, "$1$2") }],
  },
  {
    name: "usage",
    reason:
      "3.4 and 3.5 print it to standard output, 3.6 and 3.7 to standard error, and quoratectl in words of its own",
    etcdctl: BOTH,
    lines: UNREADABLE,
    formats: ["simple"],
    older: [{ stream: "output", change: (text) => text.replace(/^NAME:\n[\s\S]*$/, "") }],
    newer: [{ stream: "errors", change: (text) => text.replace(/\nUsage:\n[\s\S]*$/, "\n\n") }],
  },
  {
    name: "help of a command",
    reason: "every release has other headings, and quoratectl words of its own; its usage is the same",
    etcdctl: BOTH,
    lines: ["help get", "get --help", "help lease grant"],
    formats: ["simple"],
    older: [
      { stream: "output", change: (text) => text.replace(/^NAME:[\s\S]*\nUSAGE:\n\t(.*) \[flags\]\n[\s\S]*$/, "$1") },
    ],
    newer: [{ stream: "output", change: (text) => text.replace(/^[A-Z][\s\S]*\nUsage:\n {2}(.*)\n[\s\S]*$/, "$1") }],
  },
  {
    name: "help of commands",
    reason:
      "every release has other headings, and quoratectl words of its own; what commands there are is compared by asking for completions",
    etcdctl: BOTH,
    lines: ["help", "help member", "member"],
    formats: FORMATS,
    older: [{ stream: "output", change: (text) => text.replace(/^NAME:[\s\S]*\nCOMMANDS:\n[\s\S]*$/, "HELP") }],
    newer: [{ stream: "output", change: (text) => text.replace(/^[A-Z][\s\S]* commands:\n[\s\S]*$/, "HELP") }],
  },
  {
    name: "completion scripts",
    reason:
      "cobra writes those of etcdctl, other ones in every release; what they complete both programs are asked for",
    etcdctl: BOTH,
    commands: ["completion bash", "completion zsh", "completion fish", "completion powershell"],
    formats: FORMATS,
    older: [{ stream: "output", change: (text) => text.replace(SCRIPT, (_, shell: string) => shell.toLowerCase()) }],
    newer: [{ stream: "output", change: (text) => text.replace(SCRIPT, (_, shell: string) => shell.toLowerCase()) }],
  },
  {
    name: "ids in hexadecimal in fields",
    reason: "3.4 and 3.5 print the ids of fields in decimal even with --hex, 3.6 and 3.7 do not",
    etcdctl: BOTH,
    lines: WITH_HEX,
    formats: ["fields"],
    newer: [
      {
        stream: "output",
        part: /^"(ClusterID|MemberID|ID|Lease|PrevLease)" : ([0-9a-f]+|<id in (?:hex|16 digits)>)$/gm,
        by: (_whole, name = "", hex = "") => `"${name}" : ${decimal(hex)}`,
      },
    ],
  },
  {
    name: "ids in hexadecimal in JSON",
    reason: "3.4 prints the ids of members in decimal even with --hex, 3.5 and later do not",
    etcdctl: ["3.4"],
    lines: ["member list --hex"],
    formats: ["json"],
    newer: [HEX_IN_JSON],
  },
  {
    name: "ids in hexadecimal after changes",
    reason: "3.4 and 3.5 print the ids that answer a change of members in decimal even with --hex, 3.6 and 3.7 do not",
    etcdctl: BOTH,
    lines: [
      "member update MEMBER --peer-urls=PEER_URL --hex",
      "member add m2 --learner --peer-urls=OTHER_URL --hex",
      "member remove ADDED --hex",
    ],
    formats: ["json"],
    newer: [HEX_IN_JSON],
  },
  {
    name: "client URLs",
    reason: "3.5 misspells the name of a field in the JSON with --hex, 3.6 and 3.7 do not",
    etcdctl: ["3.5"],
    lines: ["member list --hex"],
    formats: ["json"],
    older: [{ stream: "output", part: /"clientURLS"/g, by: '"clientURLs"' }],
  },
  {
    name: "learners named",
    reason: "3.4 and 3.5 do not say that a member was added as a learner, 3.6 and 3.7 do",
    etcdctl: BOTH,
    lines: ["member add m2 --learner --peer-urls=OTHER_URL"],
    formats: ["simple"],
    newer: [{ stream: "output", part: /( added) as learner( to cluster [0-9a-f]+)$/m, by: "$1$2" }],
  },
  {
    name: "promotions printed",
    reason:
      "3.4 ends with a panic when it has promoted a member and the format is not simple, 3.5 and later print the answer or refuse the format",
    etcdctl: ["3.4"],
    lines: ["member promote ADDED"],
    formats: ["json", "fields", "table"],
    older: [
      {
        stream: "errors",
        change: (text) =>
          text.replace(
            /^panic: runtime error: invalid memory address or nil pointer dereference\n[\s\S]*\.MemberPromote\([\s\S]*$/,
            "",
          ),
      },
      { code: 2, by: 0 },
    ],
    newer: [
      { stream: "output", line: /\{"header":\{[^{}]*\},"members":\[\{[^{}]*\},\{[^{}]*\}\]\}/, by: undefined },
      { stream: "errors", line: /Error: (?:fields|table) not supported as output format/, by: undefined },
      { code: 4, by: 0 },
    ],
  },
  {
    name: "revision 0",
    reason: "3.4 and 3.5 print a revision in the fields of answers that have none, 3.6 and 3.7 do not",
    etcdctl: BOTH,
    lines: ["member list", "member list --hex", "watch w --rev=3"],
    formats: ["fields"],
    older: [{ stream: "output", line: /"Revision" : 0/, by: undefined }],
  },
  {
    name: "transactions in JSON",
    reason: "3.4 names the answers in a transaction as Go does, 3.5 and later as the protocol does",
    etcdctl: ["3.4"],
    commands: ["txn"],
    formats: ["json"],
    newer: [
      { stream: "output", part: /\{"Response":\{"response_put":/g, by: '{"Response":{"ResponsePut":' },
      { stream: "output", part: /\{"Response":\{"response_range":/g, by: '{"Response":{"ResponseRange":' },
      { stream: "output", part: /\{"Response":\{"response_delete_range":/g, by: '{"Response":{"ResponseDeleteRange":' },
    ],
  },
  {
    name: "watch in JSON",
    reason: "3.7 has a cancel reason, and null for no events; 3.4 to 3.6 have neither",
    etcdctl: BOTH,
    commands: ["watch"],
    formats: ["json"],
    newer: [
      { stream: "output", part: /,"CancelReason":""\}$/gm, by: "}" },
      { stream: "output", part: /,"Events":null,"CompactRevision":/g, by: ',"Events":[],"CompactRevision":' },
    ],
  },
  {
    name: "end of interactive watches",
    reason: "3.4 begins the error with a capital, 3.5 and later do not",
    etcdctl: ["3.4"],
    lines: ['watch -i < "nonsense\\nwatch\\n"', 'watch -i < "\\n"'],
    formats: ["simple"],
    newer: [
      { stream: "errors", part: /^Error: error reading(?= watch request line: EOF$)/m, by: "Error: Error reading" },
    ],
  },
  {
    name: "exit code of a command",
    reason: "3.4 ends a lock with 1 where its command fails, 3.5 and later with the exit code of the command",
    etcdctl: ["3.4"],
    lines: [
      'lock name -- sh -c "echo $ETCD_LOCK_KEY $ETCD_LOCK_REV; sleep 0.1; exit 7"',
      'lock name -- sh -c "kill -9 $$"',
    ],
    formats: ["simple"],
    newer: [
      { code: 7, by: 1 },
      { code: 255, by: 1 },
    ],
  },
  {
    name: "prefix of nothing",
    reason: "3.4 and 3.5 call the range of all keys the prefix of nothing, 3.6 and 3.7 do not",
    etcdctl: BOTH,
    lines: ["--user=root:rootpw role get root", "--user=root:rootpw user get root --detail"],
    formats: ["simple"],
    server: "quorate",
    older: [{ stream: "output", line: /(\t\[, <open ended>) \(prefix \)/, by: "$1" }],
  },
  {
    name: "root's permissions",
    reason:
      "3.4 and 3.5 print none for the role root where the server lists none, as those do; 3.6 and 3.7 print what it may do all the same",
    etcdctl: BOTH,
    lines: ["--user=root:rootpw role get root", "--user=root:rootpw user get root --detail"],
    formats: ["simple"],
    server: "etcd",
    newer: [{ stream: "output", line: /\t\[, <open ended>/, by: undefined }],
  },
  {
    name: "health on standard output",
    reason: "3.4 prints healthy endpoints to standard error, 3.5 and later to standard output",
    etcdctl: ["3.4"],
    commands: ["endpoint health"],
    formats: ["simple"],
    older: [
      {
        moved: /\S+ is healthy: successfully committed proposal: took = <DURATION>/,
        from: "errors",
        to: "output",
      },
    ],
  },
  {
    name: "alarms are no health",
    reason: "3.4 does not ask for alarms, 3.5 and later call an endpoint with an alarm unhealthy",
    etcdctl: ["3.4"],
    lines: ["endpoint health"],
    formats: ["simple"],
    newer: [
      {
        stream: "errors",
        line: new RegExp(`(\\S+) is unhealthy: failed to commit proposal: ${ALARM} `),
        by: "$1 is healthy: successfully committed proposal: took = <DURATION>",
      },
      {
        moved: /\S+ is healthy: successfully committed proposal: took = <DURATION>/,
        from: "errors",
        to: "output",
      },
      ...UNHEALTHY,
    ],
  },
  {
    name: "alarms are no health to programs",
    reason: "3.4 does not ask for alarms, 3.5 and later call an endpoint with an alarm unhealthy",
    etcdctl: ["3.4"],
    lines: ["endpoint health"],
    formats: ["json", "fields", "table"],
    newer: [
      {
        stream: "output",
        part: new RegExp(`"health":false,("took":"<DURATION>"),"error":"${ALARM} "`),
        by: '"health":true,$1',
      },
      {
        stream: "output",
        part: new RegExp(`^"Health" : false\n("Took" : <DURATION>\n"Error" : )${ALARM} $`, "m"),
        by: '"Health" : true\n$1',
      },
      { stream: "output", part: new RegExp(` \\| false( \\| <DURATION> \\| )${ALARM}$`, "m"), by: " | true$1" },
      ...UNHEALTHY,
    ],
  },
  {
    name: "texts of messages",
    reason: "3.4 to 3.6 end the text form of a message with a space, 3.7 does not",
    etcdctl: BOTH,
    commands: ["alarm list", "alarm disarm"],
    formats: ["simple"],
    older: [{ stream: "output", line: /(memberID:\d+ alarm:NOSPACE) /, by: "$1" }],
  },
  {
    name: "fields of disarming",
    reason:
      "3.4 and 3.5 end with a panic where the answer has no header, as that of a disarming; 3.6 and 3.7 print zeros",
    etcdctl: BOTH,
    lines: ["alarm disarm"],
    formats: ["fields"],
    older: [
      {
        stream: "errors",
        change: (text) =>
          text.replace(/^panic: runtime error: invalid memory address or nil pointer dereference\n[\s\S]*$/, ""),
      },
      { code: 2, by: 0 },
    ],
    newer: [
      {
        stream: "output",
        change: (text) =>
          text.replace(
            /^"ClusterID" : 0\n"MemberID" : 0\n"RaftTerm" : 0\n(?:"MemberID" : \d+\n"AlarmType" : NOSPACE\n\n)?$/,
            "",
          ),
      },
    ],
  },
  {
    name: "status in columns",
    reason:
      "3.6 added storage version, size in use, free share, quota and downgrade to the columns of the status; 3.4 and 3.5 have none of them",
    etcdctl: BOTH,
    commands: ["endpoint status"],
    formats: ["simple", "table"],
    newer: [
      {
        stream: "output",
        line: /(\S+, (?:[0-9a-f]+|<id in hex>), \d+\.\d+\.\d+), (?:3\.7\.0)?, (<SIZE>), <SIZE>, \d+%, (?:<SIZE>|0 B), (.*), , false/,
        by: "$1, $2, $3",
      },
      {
        stream: "output",
        line: /(ENDPOINT \| ID \| VERSION) \| STORAGE VERSION( \| DB SIZE) \| IN USE \| PERCENTAGE NOT IN USE \| QUOTA( \| .* \| ERRORS) \| DOWNGRADE TARGET VERSION \| DOWNGRADE ENABLED/,
        by: "$1$2$3",
      },
      {
        stream: "output",
        line: /(\S+ \| [0-9a-f]+ \| \d+\.\d+\.\d+) \| (?:3\.7\.0)? \| (<SIZE>) \| <SIZE> \| \d+% \| (?:<SIZE>|0 B) \| (.*) \| {2}\| false/,
        by: "$1 | $2 | $3",
      },
    ],
  },
  {
    name: "status in fields",
    reason:
      "3.6 added storage version, size in use, quota and downgrade to the fields of the status; 3.4 and 3.5 have none of them",
    etcdctl: BOTH,
    commands: ["endpoint status"],
    formats: ["fields"],
    newer: [
      { stream: "output", line: /"StorageVersion" : "(?:3\.7\.0)?"/, by: undefined },
      { stream: "output", line: /"DBSizeInUse" : <BYTES>/, by: undefined },
      { stream: "output", line: /"DBSizeQuota" : \d+/, by: undefined },
      { stream: "output", line: /"DowngradeTargetVersion" : ""/, by: undefined },
      { stream: "output", line: /"DowngradeEnabled" : false/, by: undefined },
    ],
  },
  {
    name: "status in JSON",
    reason:
      "the messages of 3.6 have a storage version, of 3.7 quota and downgrade; 3.4 and 3.5 drop what they do not know",
    etcdctl: BOTH,
    commands: ["endpoint status"],
    formats: ["json"],
    server: "quorate",
    newer: [
      { stream: "output", part: /,"storageVersion":"3\.7\.0"/, by: "" },
      { stream: "output", part: /,"dbSizeQuota":\d+/, by: "" },
      { stream: "output", part: /,"downgradeInfo":\{\}/, by: "" },
    ],
  },
  {
    name: "hash revision",
    reason: "3.6 and 3.7 tell the revision that was hashed; 3.4 and 3.5 drop it",
    etcdctl: BOTH,
    commands: ["endpoint hashkv"],
    formats: FORMATS,
    newer: [
      { stream: "output", line: /(\S+, \d+), [02]/, by: "$1" },
      { stream: "output", part: /,"hash_revision":2\}/, by: "}" },
      { stream: "output", line: /"HashRevision" : [02]/, by: undefined },
      { stream: "output", line: /(ENDPOINT \| HASH) \| HASH REVISION/, by: "$1" },
      { stream: "output", line: /(\S+ \| \d+) \| [02]/, by: "$1" },
    ],
  },
  {
    name: "duration of defrag",
    reason: "3.6 and 3.7 tell how long it took, 3.4 and 3.5 do not",
    etcdctl: BOTH,
    commands: ["defrag"],
    formats: FORMATS,
    newer: [
      {
        stream: "output",
        line: /(Finished defragmenting etcd member\[\S+\])\. took \d+(?:\.\d+)?(?:µs|ms|s)/,
        by: "$1",
      },
    ],
  },
  {
    name: "advice on keys",
    reason: "3.4 does not quote the command that it advises to delete keys with, 3.5 and later do, for check perf",
    etcdctl: ["3.4"],
    lines: ["check perf"],
    formats: FORMATS,
    newer: [{ stream: "errors", part: /Delete with '(PROGRAM del --prefix \S+)' first$/m, by: "Delete with $1 first" }],
  },
  {
    name: "progress",
    reason: "all releases draw a bar among the output even where nobody looks on, quoratectl on terminals alone",
    etcdctl: BOTH,
    commands: ["check datascale"],
    formats: FORMATS,
    older: [{ stream: "output", part: /\r[^\n]* \/ 10000[^\n]*\n/g, by: "" }],
  },
  {
    name: "progress of check perf",
    reason: "all releases draw a bar among the output even where nobody looks on, quoratectl on terminals alone",
    etcdctl: BOTH,
    commands: ["check perf"],
    formats: ["simple"],
    long: true,
    older: [{ stream: "output", part: /\r[^\n]* \/ 60[^\n]*\n/g, by: "" }],
  },
];
