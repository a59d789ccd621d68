import { atLeastCel, atMostCel, bytesOf, msOf, quantityOf } from "../amount-rules.ts";
import {
  DURATION_PATTERN,
  duration,
  integer,
  list,
  longInteger,
  map,
  nameOf,
  object,
  oneOf,
  quantity,
  rule,
  section,
  text,
  withRules,
} from "../schema/build.ts";
import { resourceAmounts } from "./maps.ts";

// What members run and how it is tuned.

const MI = 2 ** 20;
const GI = 2 ** 30;

export const image = section("The image that members run.", {
  repository: text("Repository without tag; the operator's setting if it is left out.", {
    minLength: 1,
    maxLength: 255,
  }),
  digest: text("Pins the image; the tag is then only for the reader.", { pattern: "^sha256:[0-9a-f]{64}$" }),
  pullPolicy: oneOf("When the node pulls.", ["Always", "IfNotPresent", "Never"], { default: "IfNotPresent" }),
  pullSecrets: list("Secrets to pull with.", nameOf("Name of a Secret.", { required: true }), {
    default: [],
    maxItems: 8,
  }),
  command: list(
    "The server's command, if it is neither `quorate` nor, in a repository called etcd, `etcd`.",
    text("Word.", { required: true, maxLength: 512 }),
    { maxItems: 8, minItems: 1 },
  ),
});

export const resources = withRules(
  section("What each member's server asks of its node and may take.", {
    requests: resourceAmounts("What is set aside for it.", { cpu: "100m", memory: "256Mi" }),
    limits: resourceAmounts("What it may take at most.", {}),
  }),
  rule(
    `self.limits.all(k, !(k in self.requests) || ${quantityOf("self.limits[k]")}.compareTo(${quantityOf("self.requests[k]")}) >= 0)`,
    "a limit must not be below the request of the same name",
    ({ requests, limits }) =>
      Object.entries(limits).every(([name, limit]) => !(bytesOf(limit) < bytesOf(requests[name] ?? 0))),
  ),
);

const autoCompaction = withRules(
  section("How old revisions are dropped.", {
    mode: oneOf(
      "Periodic keeps a length of time, Revision a number of revisions.",
      ["Periodic", "Revision", "Disabled"],
      {
        default: "Periodic",
      },
    ),
    retention: text("How much is kept: a duration for Periodic, a number for Revision.", {
      default: "8h",
      minLength: 1,
      maxLength: 32,
      pattern: `^([0-9]{1,15}|${DURATION_PATTERN})$`,
    }),
  }),
  rule(
    "self.mode != 'Revision' || self.retention.matches('^[0-9]+$')",
    "retention must be a number of revisions for mode Revision",
    ({ mode, retention }) => mode !== "Revision" || /^[0-9]+$/.test(retention),
  ),
  rule(
    "self.mode != 'Periodic' || !self.retention.matches('^[0-9]+$')",
    "retention must be a duration, as 8h, for mode Periodic",
    ({ mode, retention }) => mode !== "Periodic" || !/^[0-9]+$/.test(retention),
  ),
);

const envVar = object(
  "One variable.",
  {
    name: text("Name.", { required: true, maxLength: 128, pattern: "^[A-Za-z_][A-Za-z0-9_]*$" }),
    value: text("Value.", { required: true, maxLength: 4096 }),
  },
  { required: true },
);

/** Flags that the operator sets from other fields, or that would take a member out of its hands. */
export const DENIED_FLAGS = [
  "name",
  "config-file",
  "data-dir",
  "wal-dir",
  "listen-peer-urls",
  "listen-client-urls",
  "listen-client-http-urls",
  "listen-metrics-urls",
  "initial-advertise-peer-urls",
  "advertise-client-urls",
  "initial-cluster",
  "initial-cluster-state",
  "initial-cluster-token",
  "discovery",
  "discovery-srv",
  "discovery-srv-name",
  "force-new-cluster",
  "force-new-cluster-bump-amount",
  "strict-reconfig-check",
  "cert-file",
  "key-file",
  "client-cert-file",
  "client-key-file",
  "client-cert-auth",
  "client-crl-file",
  "client-cert-allowed-hostname",
  "trusted-ca-file",
  "auto-tls",
  "peer-cert-file",
  "peer-key-file",
  "peer-client-cert-file",
  "peer-client-key-file",
  "peer-client-cert-auth",
  "peer-trusted-ca-file",
  "peer-cert-allowed-cn",
  "peer-cert-allowed-hostname",
  "peer-crl-file",
  "peer-auto-tls",
  "self-signed-cert-validity",
  "auth-token",
  "metrics",
  "quota-backend-bytes",
  "auto-compaction-mode",
  "auto-compaction-retention",
  "heartbeat-interval",
  "election-timeout",
  "snapshot-count",
  "max-request-bytes",
  "max-txn-ops",
  "log-level",
] as const;

const deniedFlags = new Set<string>(DENIED_FLAGS);

export const config = withRules(
  section("How the server is tuned.", {
    quotaBackendBytes: quantity("Size of the store that raises the NOSPACE alarm; 64Mi to 64Gi.", { default: "2Gi" }),
    autoCompaction,
    heartbeatInterval: duration("Time between two heartbeats of the leader; 10ms to 5s.", { default: "100ms" }),
    electionTimeout: duration("Time without a heartbeat after which a member stands for election; at most 50s.", {
      default: "1s",
    }),
    snapshotCount: longInteger(
      "Applied entries after which the log is cut; the server's own value if it is left out.",
      {
        min: 100,
      },
    ),
    maxRequestBytes: quantity("Largest request; at most 32Mi.", { default: "1536Ki" }),
    maxTxnOps: integer("Most operations in a transaction.", { default: 128, min: 1, max: 65536 }),
    logLevel: oneOf("From which level on the server logs.", ["debug", "info", "warn", "error"], { default: "info" }),
    extraArgs: map(
      "Further flags of the server by name, without dashes in front. Flags that the operator sets itself are refused.",
      text("Value.", { required: true, maxLength: 1024 }),
      { default: {}, maxProperties: 32 },
    ),
    extraEnv: list("Further environment variables. Names that begin with ETCD_ or QUORATE_ are refused.", envVar, {
      default: [],
      maxItems: 32,
      keys: ["name"],
    }),
  }),
  rule(
    `${atLeastCel("self.quotaBackendBytes", "64Mi")} && ${atMostCel("self.quotaBackendBytes", "64Gi")}`,
    "quotaBackendBytes must be between 64Mi and 64Gi",
    ({ quotaBackendBytes: quota }) => bytesOf(quota) >= 64 * MI && bytesOf(quota) <= 64 * GI,
  ),
  rule(
    `${atLeastCel("self.maxRequestBytes", "1Ki")} && ${atMostCel("self.maxRequestBytes", "32Mi")}`,
    "maxRequestBytes must be between 1Ki and 32Mi",
    ({ maxRequestBytes: most }) => bytesOf(most) >= 1024 && bytesOf(most) <= 32 * MI,
  ),
  rule(
    "duration(self.heartbeatInterval) >= duration('10ms') && duration(self.heartbeatInterval) <= duration('5s')",
    "heartbeatInterval must be between 10ms and 5s",
    ({ heartbeatInterval: interval }) => msOf(interval) >= 10 && msOf(interval) <= 5000,
  ),
  rule(
    "duration(self.electionTimeout) <= duration('50s')",
    "electionTimeout must be at most 50s",
    ({ electionTimeout }) => msOf(electionTimeout) <= 50_000,
  ),
  rule(
    `duration(self.electionTimeout) >= ${Array(5).fill("duration(self.heartbeatInterval)").join(" + ")}`,
    "electionTimeout must be at least five times heartbeatInterval",
    ({ electionTimeout, heartbeatInterval }) => msOf(electionTimeout) >= 5 * msOf(heartbeatInterval),
  ),
  rule(
    `self.extraArgs.all(k, !(k in [${DENIED_FLAGS.map((flag) => `'${flag}'`).join(", ")}]))`,
    "extraArgs must not name a flag that the operator sets",
    ({ extraArgs }) => Object.keys(extraArgs).every((name) => !deniedFlags.has(name)),
  ),
  rule(
    "self.extraArgs.all(k, k.matches('^[a-z][a-z0-9-]*$'))",
    "extraArgs names flags without dashes in front, in small letters",
    ({ extraArgs }) => Object.keys(extraArgs).every((name) => /^[a-z][a-z0-9-]*$/.test(name)),
  ),
  rule(
    "self.extraEnv.all(e, !e.name.startsWith('ETCD_') && !e.name.startsWith('QUORATE_'))",
    "extraEnv must not set variables that begin with ETCD_ or QUORATE_: the server reads flags from them",
    ({ extraEnv }) => extraEnv.every(({ name }) => !name.startsWith("ETCD_") && !name.startsWith("QUORATE_")),
  ),
);
