/** What the server is told when it starts: one complete, immutable record. Nothing below applies defaults of its own. */

/** A URL of `--listen-…-urls` or `--…advertise-…-urls`. */
export interface EndpointUrl {
  /** As it is advertised and hashed into the member ID, e.g. `http://10.0.0.1:2379`. */
  readonly text: string;
  readonly scheme: "http" | "https" | "unix" | "unixs";
  /** Host without brackets; empty for all addresses, and for unix sockets. */
  readonly host: string;
  /** TCP port; 0 for unix sockets. */
  readonly port: number;
  /** Path of a unix socket; undefined for TCP. */
  readonly socketPath: string | undefined;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "panic" | "fatal";

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "json" | "console";
  /** `default` (stderr), `stderr`, `stdout`, `systemd/journal` (falls back to stderr) or file paths; at least one, no two equal. */
  readonly outputs: readonly string[];
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

/** One member of `--initial-cluster`. */
export interface InitialMember {
  readonly name: string;
  /** Sorted as etcd sorts them before it hashes them. */
  readonly peerUrls: readonly EndpointUrl[];
}

export type TlsVersion = "TLS1.2" | "TLS1.3";

/** TLS between members. Files are PEM; `undefined`: none. */
export interface PeerTlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** What this member shows to those it connects to. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** Authorities of the other members; those of the system if undefined. */
  readonly trustedCaFile: string | undefined;
  readonly crlFile: string | undefined;
  /** Members that connect must show a certificate. */
  readonly clientCertAuth: boolean;
  readonly allowedCns: readonly string[];
  readonly allowedHostnames: readonly string[];
  readonly skipClientSanVerification: boolean;
  /** Go's names; empty: the runtime's choice. */
  readonly cipherSuites: readonly string[];
  readonly minVersion: TlsVersion;
  /** The highest there is if undefined. */
  readonly maxVersion: TlsVersion | undefined;
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
  /** Undefined: members speak plain text, but for connections to `https` URLs. */
  readonly peerTls: PeerTlsConfig | undefined;

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
  readonly compactionSleepIntervalMs: number;
  readonly watchProgressNotifyIntervalMs: number;
  readonly corruptCheckTimeMs: number;
  readonly compactHashCheckTimeMs: number;
  readonly warningApplyDurationMs: number;
  readonly warningUnaryRequestDurationMs: number;
  /** Defragment at start when that frees at least so many bytes; 0: never. */
  readonly bootstrapDefragThresholdBytes: number;
  readonly featureGates: Readonly<Record<FeatureGate, boolean>>;

  readonly log: LogConfig;
  /** True with `--enable-pprof` or at log level debug. */
  readonly enablePprof: boolean;
  /** `extensive` adds the latency histogram of each RPC. */
  readonly metrics: "basic" | "extensive";
  /** Origins allowed by CORS; `*` among them allows all. */
  readonly cors: readonly string[];
  /** Host names plain HTTP is answered for; empty or `*` among them allows all. */
  readonly hostWhitelist: readonly string[];
}
