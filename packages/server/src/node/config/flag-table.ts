import { type Flag, flagsOf } from "./flag.ts";
import { SECURITY_FLAGS } from "./flag-table-security.ts";

const BATCHES = "the backend takes a batch with each batch of the log";
const UINT32_MAX = 4294967295;
const FIXED_DEADLINE = "the deadlines are 5 s";
const BBOLT = "the storage engine is not bbolt";
const NO_DISCOVERY = "it belongs to discovery, which is not used";

const member = flagsOf("Member");
const MEMBER_FLAGS: readonly Flag[] = [
  member("name", "string", "default", "Name of this member."),
  member("data-dir", "string", "", "Directory of the data; <name>.etcd when empty."),
  member("wal-dir", "string", "", "Directory of the write-ahead log; inside the data directory when empty."),
  member("snapshot-count", "uint", "10000", "Applied entries between two snapshots of the log."),
  member("snapshot-catchup-entries", "uint", "5000", "Log entries kept after a snapshot for followers that lag."),
  member("heartbeat-interval", "uint", "100", "Milliseconds between heartbeats."),
  member(
    "election-timeout",
    "uint",
    "1000",
    "Milliseconds without a leader before an election; at least 5 heartbeats.",
  ),
  member("initial-election-tick-advance", "bool", "true", "Shorten the wait for the first election after a start."),
  member("listen-peer-urls", "urls", "http://localhost:2380", "URLs to listen on for other members."),
  member("listen-client-urls", "urls", "http://localhost:2379", "URLs to listen on for clients, gRPC and HTTP."),
  member(
    "listen-client-http-urls",
    "urls",
    "",
    "URLs to listen on for HTTP alone; the client URLs then serve gRPC alone.",
  ),
  member("max-snapshots", "uint", "5", "Snapshot files to keep; 0: all.", {
    support: "noMeaning",
    note: "state is kept in the backend, not in snapshot files",
  }),
  member("max-wals", "uint", "5", "Log files to keep; 0: all.", {
    support: "noMeaning",
    note: "log files go as soon as the backend holds what is in them",
  }),
  member(
    "quota-backend-bytes",
    "int",
    "0",
    "Size of the database that raises the NOSPACE alarm; 0: 2 GiB, negative: never.",
  ),
  member("backend-bbolt-freelist-type", "string", "", "Freelist of bbolt: array or map.", {
    support: "noMeaning",
    note: BBOLT,
  }),
  member(
    "backend-batch-interval",
    "duration",
    "0s",
    "Longest time before a batch is committed to the backend; 0: 100ms.",
    { support: "noMeaning", note: BATCHES },
  ),
  member("backend-batch-limit", "int", "0", "Operations before a batch is committed to the backend; 0: 10000.", {
    support: "noMeaning",
    note: BATCHES,
  }),
  member("max-txn-ops", "uint", "128", "Most operations in a transaction."),
  member("max-request-bytes", "uint", "1572864", "Largest request in bytes.", { max: 2147483647 - 524288 }),
  member("max-concurrent-streams", "uint", "4294967295", "Most concurrent calls on one connection.", {
    max: UINT32_MAX,
  }),
  member("grpc-keepalive-min-time", "duration", "5s", "Shortest time between two pings of a client."),
  member(
    "grpc-keepalive-interval",
    "duration",
    "2h0m0s",
    "Time between two pings of the server on a quiet connection; 0: none.",
  ),
  member("grpc-keepalive-timeout", "duration", "20s", "Time to wait for the answer to a ping; 0: for ever."),
  member("socket-reuse-port", "bool", "false", "Set SO_REUSEPORT on listeners.", {
    fileKey: "socket-options.reuse-port",
    support: "notYet",
  }),
  member("socket-reuse-address", "bool", "false", "Set SO_REUSEADDR on listeners.", {
    fileKey: "socket-options.reuse-address",
    support: "noMeaning",
    note: "it is always set",
  }),
  member("raft-read-timeout", "duration", "5s", "Read timeout of peer connections; at least 5s.", {
    fileKey: undefined,
    support: "notYet",
    note: FIXED_DEADLINE,
  }),
  member("raft-write-timeout", "duration", "5s", "Write timeout of peer connections; at least 5s.", {
    fileKey: undefined,
    support: "notYet",
    note: FIXED_DEADLINE,
  }),
  member("memory-mlock", "bool", "false", "Keep the database's pages in memory.", {
    support: "noMeaning",
    note: BBOLT,
  }),
];

const clustering = flagsOf("Clustering");
const CLUSTERING_FLAGS: readonly Flag[] = [
  clustering("initial-advertise-peer-urls", "urls", "http://localhost:2380", "Peer URLs told to the other members."),
  clustering("initial-cluster", "string", "", "Members at the start: name=url,name=url; this member alone when empty."),
  clustering("initial-cluster-state", "choice", "new", "new, or existing to join a running cluster.", {
    choices: ["new", "existing"],
  }),
  clustering("initial-cluster-token", "string", "etcd-cluster", "Tells clusters of equal members apart."),
  clustering(
    "advertise-client-urls",
    "urls",
    "http://localhost:2379",
    "Client URLs told to the cluster and to clients.",
  ),
  clustering("discovery-srv", "string", "", "DNS domain whose SRV records name the members."),
  clustering("discovery-srv-name", "string", "", "Suffix of the DNS service names."),
  clustering("discovery-fallback", "choice", "exit", "What to do when discovery fails: exit.", {
    choices: ["exit", "proxy"],
    fileKey: undefined,
  }),
  clustering("strict-reconfig-check", "bool", "true", "Refuse membership changes that would lose the quorum."),
  clustering("pre-vote", "bool", "true", "Ask before an election whether it could be won."),
  clustering("auto-compaction-retention", "string", "0", "History to keep: hours or a duration, or revisions; 0: all."),
  clustering("auto-compaction-mode", "string", "periodic", "What the retention counts: periodic or revision."),
  clustering("v2-deprecation", "choice", "write-only", "Phase of the v2 store's removal.", {
    choices: ["write-only", "write-only-skip-check", "write-only-drop-data", "gone"],
    support: "noMeaning",
    note: "there is no v2 store",
  }),
  clustering("max-learners", "int", "1", "Most learners in the cluster."),
  clustering("force-new-cluster", "bool", "false", "Start as the only member whatever the log says. Unsafe."),
  clustering("discovery-endpoints", "set", "", "Endpoints of the discovery cluster.", {
    support: "refused",
    fileKey: "discovery-config.client.endpoints",
  }),
  clustering("discovery-token", "string", "", "Token of the cluster to discover.", {
    support: "refused",
    fileKey: "discovery-config.token",
  }),
  ...(
    [
      ["discovery-dial-timeout", "duration", "2s", "Discovery: dial timeout.", "client.dial-timeout"],
      ["discovery-request-timeout", "duration", "5s", "Discovery: request timeout.", "client.request-timeout"],
      ["discovery-keepalive-time", "duration", "2s", "Discovery: keepalive time.", "client.keepalive-time"],
      ["discovery-keepalive-timeout", "duration", "6s", "Discovery: keepalive timeout.", "client.keepalive-timeout"],
      ["discovery-insecure-transport", "bool", "true", "Discovery: no TLS.", "client.secure.insecure-transport"],
      [
        "discovery-insecure-skip-tls-verify",
        "bool",
        "false",
        "Discovery: do not verify the server's certificate.",
        "client.secure.insecure-skip-tls-verify",
      ],
      ["discovery-cert", "string", "", "Discovery: client certificate file.", "client.secure.cert"],
      ["discovery-key", "string", "", "Discovery: client key file.", "client.secure.key"],
      ["discovery-cacert", "string", "", "Discovery: CA file.", "client.secure.cacert"],
      ["discovery-user", "string", "", "Discovery: user name.", "client.auth.username"],
      ["discovery-password", "string", "", "Discovery: password.", "client.auth.password"],
    ] as const
  ).map(([name, kind, fallback, help, key]) =>
    clustering(name, kind, fallback, help, {
      support: "notYet",
      note: NO_DISCOVERY,
      fileKey: `discovery-config.${key}`,
    }),
  ),
];

const logging = flagsOf("Logging");
const LOGGING_FLAGS: readonly Flag[] = [
  logging("logger", "string", "zap", "Kind of logs: zap, structured."),
  logging("log-outputs", "set", "default", "Where logs go: default, stderr, stdout, files."),
  logging("log-level", "string", "info", "Least level logged: debug, info, warn, error, panic or fatal."),
  logging("log-format", "string", "json", "Form of the lines: json or console."),
  logging("enable-log-rotation", "bool", "false", "Rotate the one log file."),
  logging(
    "log-rotation-config-json",
    "string",
    '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
    "How to rotate: MiB of a file, days and files kept (0: all).",
  ),
];

const observability = flagsOf("Observability");
const TRACING = { support: "notYet", note: "no traces are exported" } as const;
const OBSERVABILITY_FLAGS: readonly Flag[] = [
  observability("enable-pprof", "bool", "false", "Serve profiles under /debug/pprof/."),
  observability("metrics", "string", "basic", "basic, or extensive for a latency histogram of each RPC."),
  observability("listen-metrics-urls", "urls", "", "URLs to listen on for metrics and health checks alone."),
  observability("enable-distributed-tracing", "bool", "false", "Export OpenTelemetry traces.", TRACING),
  observability("distributed-tracing-address", "string", "localhost:4317", "Collector of traces.", TRACING),
  observability("distributed-tracing-service-name", "string", "etcd", "Service name in traces.", TRACING),
  observability("distributed-tracing-instance-id", "string", "", "Instance ID in traces.", TRACING),
  observability("distributed-tracing-sampling-rate", "int", "0", "Traces per million requests.", TRACING),
];

const runtime = flagsOf("Runtime");
const RUNTIME_FLAGS: readonly Flag[] = [
  runtime("enable-grpc-gateway", "bool", "true", "Serve the API as JSON over HTTP, under /v3/."),
  runtime("corrupt-check-time", "duration", "0s", "Time between comparisons of the members' data; 0: never."),
  runtime(
    "compact-hash-check-time",
    "duration",
    "1m0s",
    "Time between comparisons of compaction hashes, with the feature CompactHashCheck.",
  ),
  runtime("compaction-batch-limit", "int", "0", "Most revisions removed in one slice of compaction; 0: 1000."),
  runtime(
    "compaction-sleep-interval",
    "duration",
    "0s",
    "Pause behind each slice of compaction; 0: as short as may be.",
  ),
  runtime(
    "watch-progress-notify-interval",
    "duration",
    "0s",
    "Time between progress notifications; 0: 10m, at least 100ms.",
  ),
  runtime("downgrade-check-time", "duration", "5s", "Time between two looks whether a downgrade is over; 0: never."),
  runtime("warning-apply-duration", "duration", "100ms", "Warn of batches of entries that take longer to apply."),
  runtime("warning-unary-request-duration", "duration", "300ms", "Warn of requests that take longer."),
  runtime("bootstrap-defrag-threshold-megabytes", "uint", "0", "Defragment at start when it frees so much; 0: never."),
  runtime("unsafe-no-fsync", "bool", "false", "Do not sync the log. Loses data.", {
    support: "noMeaning",
    note: "the log is always synced",
  }),
  runtime("feature-gates", "gates", "", "Features to switch: A=true,B=false."),
];

const program = flagsOf("Program");
const PROGRAM_FLAGS: readonly Flag[] = [
  program("config-file", "string", "", "YAML or JSON file to read everything from; other flags are then ignored.", {
    fileKey: undefined,
  }),
  program("version", "bool", "false", "Print the version and exit.", { fileKey: undefined }),
];

/** Every flag of etcd 3.7.1, in the order of `--help`. */
export const FLAGS: readonly Flag[] = [
  ...MEMBER_FLAGS,
  ...CLUSTERING_FLAGS,
  ...SECURITY_FLAGS,
  ...LOGGING_FLAGS,
  ...OBSERVABILITY_FLAGS,
  ...RUNTIME_FLAGS,
  ...PROGRAM_FLAGS,
];

/** Flags of etcd's past that it accepts with any value and ignores. */
export const IGNORED_FLAGS: ReadonlySet<string> = new Set([
  "cluster-active-size",
  "cluster-remove-delay",
  "cluster-sync-interval",
  "config",
  "force",
  "max-result-buffer",
  "max-retry-attempts",
  "peer-heartbeat-interval",
  "peer-election-timeout",
  "retry-interval",
  "snapshot",
  "v",
  "vv",
]);
