/** Flags, environment and configuration file into one immutable record. */
export { opensslCiphers } from "./cipher-suites.ts";
export { peerUrlsOf } from "./endpoint-url.ts";
export { FEATURE_GATES } from "./feature-gates.ts";
export { bootstrapProblems, parseInitialCluster } from "./initial-cluster.ts";
export type { Notice } from "./notice.ts";
export { type ConfigInput, type ConfigOutcome, parseServerConfig } from "./parse.ts";
export type {
  AutoCompaction,
  EndpointUrl,
  FeatureGate,
  InitialMember,
  LogConfig,
  LogLevel,
  PeerTlsConfig,
  ServerConfig,
} from "./server-config.ts";
export type { Platform } from "./usage.ts";
