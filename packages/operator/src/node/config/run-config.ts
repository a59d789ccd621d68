import { type FlagSpec, type FlagValue, type ParsedFlags, parseFlags } from "./flags.ts";

/** Set-up of `quorate-operator run`. */
export interface RunConfig {
  /** Namespaces looked after; empty: all. */
  readonly namespaces: readonly string[];
  /** Namespace of the operator; "": as the connection to the API tells. */
  readonly operatorNamespace: string;
  readonly operatorImage: string;
  readonly serverImageRepository: string;
  readonly defaultServerVersion: string;
  /** "": found from the resolver's configuration. */
  readonly clusterDomain: string;
  readonly canReadNodes: boolean;
  readonly canReadStorageClasses: boolean;
  readonly mustElect: boolean;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  readonly concurrency: number;
  readonly resyncMs: number;
  /** Time for what runs to come to its end after a request to stop. */
  readonly graceMs: number;
  readonly listenHost: string;
  readonly listenPort: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** "": the Pod's own service account, or else as kubectl finds it. */
  readonly kubeconfig: string;
  readonly context: string;
}

export const ENVIRONMENT_PREFIX = "QUORATE_OPERATOR_";

export const RUN_FLAGS: readonly FlagSpec[] = [
  { name: "namespaces", kind: "list", usage: "Namespaces to look after; empty: all." },
  {
    name: "operator-namespace",
    kind: "string",
    usage: "Namespace of the operator itself, for its Lease; empty: that of its service account.",
  },
  {
    name: "operator-image",
    kind: "string",
    usage: "Image of this operator, run by init containers of members and by Jobs of backups. Required.",
  },
  {
    name: "server-image-repository",
    kind: "string",
    default: "quorate/quorate",
    usage: "Repository of the server's image for clusters that name none; the tag is the cluster's version.",
  },
  {
    name: "default-server-version",
    kind: "string",
    default: "3.7.1",
    usage: "Version of clusters that name none.",
  },
  {
    name: "cluster-domain",
    kind: "string",
    usage: "Domain of the Kubernetes cluster; empty: found from /etc/resolv.conf, else cluster.local.",
  },
  {
    name: "read-nodes",
    kind: "bool",
    default: "true",
    usage: "Whether nodes may be read, for zones and for members on lost nodes.",
  },
  {
    name: "read-storage-classes",
    kind: "bool",
    default: "true",
    usage: "Whether storage classes may be read, to know if volumes can grow.",
  },
  { name: "leader-elect", kind: "bool", default: "true", usage: "Whether only one of several operators is to act." },
  { name: "lease-name", kind: "string", default: "quorate-operator", usage: "Name of the Lease." },
  {
    name: "lease-duration",
    kind: "duration",
    default: "15s",
    min: 3000,
    max: 600_000,
    usage: "How long others wait for a leader that is silent.",
  },
  {
    name: "max-concurrent-reconciles",
    kind: "int",
    default: "5",
    min: 1,
    max: 100,
    usage: "Objects worked on at a time.",
  },
  {
    name: "resync",
    kind: "duration",
    default: "10m",
    min: 10_000,
    usage: "How often every object gets a pass although nothing changed.",
  },
  {
    name: "grace-period",
    kind: "duration",
    default: "20s",
    usage: "Time for passes under way to end after a request to stop.",
  },
  { name: "listen", kind: "string", default: ":8080", usage: "Address for /healthz, /readyz and /metrics." },
  {
    name: "log-level",
    kind: "string",
    default: "info",
    choices: ["debug", "info", "warn", "error"],
    usage: "Least severe lines that are logged",
  },
  {
    name: "kubeconfig",
    kind: "string",
    usage: "Kubeconfig file; empty: the Pod's service account, or else as kubectl finds it.",
  },
  { name: "context", kind: "string", usage: "Context of the kubeconfig; empty: its current one." },
];

export type RunConfigOutcome =
  | { readonly kind: "config"; readonly config: RunConfig }
  | { readonly kind: "help" }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Reads the set-up from flags and environment; tells everything that is wrong with it at once. */
export function parseRunConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): RunConfigOutcome {
  const parsed = parseFlags(RUN_FLAGS, { argv, environment, prefix: ENVIRONMENT_PREFIX });
  if (parsed.wantsHelp) return { kind: "help" };
  const problems = [...parsed.problems];
  const listen = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>\d{1,5})$/.exec(text(parsed, "listen"));
  if (listen === null || Number(listen.groups?.["port"]) > 65_535)
    problems.push(`--listen: '${text(parsed, "listen")}' is no host:port`);
  if (text(parsed, "operator-image") === "") problems.push("--operator-image is required");
  if (problems.length > 0) return { kind: "problems", problems };
  return {
    kind: "config",
    config: {
      namespaces: value(parsed, "namespaces") as readonly string[],
      operatorNamespace: text(parsed, "operator-namespace"),
      operatorImage: text(parsed, "operator-image"),
      serverImageRepository: text(parsed, "server-image-repository"),
      defaultServerVersion: text(parsed, "default-server-version"),
      clusterDomain: text(parsed, "cluster-domain"),
      canReadNodes: value(parsed, "read-nodes") === true,
      canReadStorageClasses: value(parsed, "read-storage-classes") === true,
      mustElect: value(parsed, "leader-elect") === true,
      leaseName: text(parsed, "lease-name"),
      leaseDurationMs: Number(value(parsed, "lease-duration")),
      concurrency: Number(value(parsed, "max-concurrent-reconciles")),
      resyncMs: Number(value(parsed, "resync")),
      graceMs: Number(value(parsed, "grace-period")),
      listenHost: (listen?.groups?.["host"] ?? "").replace(/^\[|\]$/g, ""),
      listenPort: Number(listen?.groups?.["port"]),
      logLevel: text(parsed, "log-level") as RunConfig["logLevel"],
      kubeconfig: text(parsed, "kubeconfig"),
      context: text(parsed, "context"),
    },
  };
}

function value(parsed: ParsedFlags, name: string): FlagValue {
  const found = parsed.values.get(name);
  if (found === undefined) throw new Error(`there is no flag --${name}`);
  return found;
}

function text(parsed: ParsedFlags, name: string): string {
  return String(value(parsed, name));
}
