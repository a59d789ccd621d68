import type { EndpointUrl, InitialMember } from "@quorate/protocol";
import type { LogRotation } from "./log-rotation.ts";

export type { EndpointUrl, InitialMember };

/** What the server is told when it starts: one complete, immutable record. Nothing below applies defaults of its own. */

export type LogLevel = "debug" | "info" | "warn" | "error" | "panic" | "fatal";

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "json" | "console";
  /** `default` (stderr), `stderr`, `stdout`, `systemd/journal` (falls back to stderr) or file paths; at least one, no two equal. */
  readonly outputs: readonly string[];
  /** How the file among the outputs is rotated; undefined: it grows. */
  readonly rotation: LogRotation | undefined;
}

/** How much history a member keeps by itself. `off` leaves compaction to clients. */
export type AutoCompaction =
  | { readonly mode: "off" }
  | { readonly mode: "periodic"; readonly periodMs: number }
  | { readonly mode: "revision"; readonly revisions: number };

/** Names of etcd 3.7's feature gates. */
export type FeatureGate =
  | "StopGRPCServiceOnDefrag"
  | "InitialCorruptCheck"
  | "CompactHashCheck"
  | "TxnModeWriteWithSharedBuffer"
  | "LeaseCheckpoint"
  | "LeaseCheckpointPersist"
  | "SetMemberLocalAddr"
  | "FastLeaseKeepAlive"
  | "PriorityRequest";

export type TlsVersion = "TLS1.2" | "TLS1.3";

/** A certificate that the member makes itself, where there is none yet. */
export interface SelfSignedConfig {
  /** Names and addresses it is for. */
  readonly hosts: readonly string[];
  /** Of 365 days. */
  readonly validityYears: number;
}

/** What those who connect are shown, and what is asked of them. Files are PEM; `undefined`: none. */
export interface ServerTlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate and key are made by the member; undefined: they are given. */
  readonly selfSigned: SelfSignedConfig | undefined;
  /** Authorities of the other side's certificates; those of the system if undefined. */
  readonly trustedCaFile: string | undefined;
  readonly crlFile: string | undefined;
  /** Those who connect must show a certificate. */
  readonly clientCertAuth: boolean;
  /** If not empty, their certificates must have one of these common names. */
  readonly allowedCns: readonly string[];
  /** If not empty, their certificates must be for one of these hosts. */
  readonly allowedHostnames: readonly string[];
  /** Go's names; empty: the runtime's choice. */
  readonly cipherSuites: readonly string[];
  readonly minVersion: TlsVersion;
  /** The highest there is if undefined. */
  readonly maxVersion: TlsVersion | undefined;
}

/** TLS between members. */
export interface PeerTlsConfig extends ServerTlsConfig {
  /** What this member shows to those it connects to. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  readonly skipClientSanVerification: boolean;
  /** Name that certificates of others must be valid for instead of the host dialled; the host if undefined. */
  readonly serverName: string | undefined;
}

/** Where SRV records tell of the members of a new cluster. */
export interface SrvDiscovery {
  /** DNS domain. */
  readonly domain: string;
  /** Appended to the names of the services, hyphen included; may be empty. */
  readonly serviceSuffix: string;
}

/** How users log in. */
export interface AuthConfig {
  /** Kind of tokens and their options, as given: `simple`, `jwt,sign-method=…`, or empty for none. */
  readonly token: string;
  /** 0: etcd's 300 s. */
  readonly simpleTokenTtlMs: number;
  /** 4 to 31. */
  readonly bcryptCost: number;
}

/** Times in milliseconds, sizes in bytes. Field names are the flags' names; each flag's meaning is in the flag table. */
export interface ServerConfig {
  /** Path of the configuration file all this came from; undefined when it came from flags and environment. */
  readonly configFile: string | undefined;

  readonly name: string;
  readonly dataDir: string;
  /** Directory of the write-ahead log, `<dataDir>/member/wal` unless set. */
  readonly walDir: string;
  readonly snapshotCount: number;
  readonly snapshotCatchupEntries: number;
  /** 0: unlimited. */
  readonly maxSnapshots: number;
  /** 0: unlimited. */
  readonly maxWals: number;
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly initialElectionTickAdvance: boolean;
  readonly preVote: boolean;
  readonly unsafeNoFsync: boolean;

  readonly listenPeerUrls: readonly EndpointUrl[];
  readonly listenClientUrls: readonly EndpointUrl[];
  /** When not empty, HTTP/1 is served here and `listenClientUrls` serves gRPC alone. */
  readonly listenClientHttpUrls: readonly EndpointUrl[];
  /** Extra listeners for metrics and health checks. */
  readonly listenMetricsUrls: readonly EndpointUrl[];
  readonly initialAdvertisePeerUrls: readonly EndpointUrl[];
  readonly advertiseClientUrls: readonly EndpointUrl[];
  readonly socketReusePort: boolean;
  /** For the `https` and `unixs` URLs of clients; undefined: there are none. */
  readonly clientTls: ServerTlsConfig | undefined;
  /** `--client-cert-auth`: the common name of a client's certificate is its user, unless it sends a token. */
  readonly clientCertAuth: boolean;
  /** Undefined: members speak plain text, but for connections to `https` URLs. */
  readonly peerTls: PeerTlsConfig | undefined;
  readonly auth: AuthConfig;

  /** Empty where `discoverySrv` is to tell. */
  readonly initialCluster: readonly InitialMember[];
  readonly discoverySrv: SrvDiscovery | undefined;
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  readonly strictReconfigCheck: boolean;
  /** Start as the only member of the cluster, whatever the log says. */
  readonly forceNewCluster: boolean;
  readonly maxLearners: number;

  /** Resolved: 0 became 2 GiB; undefined when the quota is switched off (negative flag). */
  readonly quotaBackendBytes: number | undefined;
  /** What clients and metrics are told of it: the quota, or the negative number that switches it off. */
  readonly quotaToldBytes: number;
  readonly backendBatchIntervalMs: number;
  readonly backendBatchLimit: number;
  readonly maxTxnOps: number;
  readonly maxRequestBytes: number;
  readonly maxConcurrentStreams: number;
  readonly grpcKeepaliveMinTimeMs: number;
  /** 0: no pings. */
  readonly grpcKeepaliveIntervalMs: number;
  readonly grpcKeepaliveTimeoutMs: number;

  readonly autoCompaction: AutoCompaction;
  readonly compactionBatchLimit: number;
  /** Undefined: the server's own pace. */
  readonly compactionSleepIntervalMs: number | undefined;
  readonly watchProgressNotifyIntervalMs: number;
  readonly corruptCheckTimeMs: number;
  readonly compactHashCheckTimeMs: number;
  /** 0: never. */
  readonly downgradeCheckTimeMs: number;
  readonly warningApplyDurationMs: number;
  readonly warningUnaryRequestDurationMs: number;
  /** Defragment at start when that frees at least so many bytes; 0: never. */
  readonly bootstrapDefragThresholdBytes: number;
  readonly featureGates: Readonly<Record<FeatureGate, boolean>>;

  readonly log: LogConfig;
  /** True with `--enable-pprof` or at log level debug. */
  readonly enablePprof: boolean;
  /** Whether the API is served as JSON over HTTP too. */
  readonly enableGrpcGateway: boolean;
  /** `extensive` adds the latency histogram of each RPC. */
  readonly metrics: "basic" | "extensive";
  /** Origins allowed by CORS; `*` among them allows all. */
  readonly cors: readonly string[];
  /** Host names plain HTTP is answered for; empty or `*` among them allows all. */
  readonly hostWhitelist: readonly string[];
}
