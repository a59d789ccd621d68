/** Flags, environment and configuration file into one immutable record. */

export { bootstrapProblems, parseInitialCluster } from "@quorate/protocol";
export { opensslCiphers } from "./cipher-suites.ts";
export { peerUrlsOf } from "./endpoint-url.ts";
export { FEATURE_GATES } from "./feature-gates.ts";
export { parseDuration } from "./go-values.ts";
export type { Notice } from "./notice.ts";
export { type ConfigInput, type ConfigOutcome, parseServerConfig } from "./parse.ts";
export type {
  AuthConfig,
  AutoCompaction,
  EndpointUrl,
  FeatureGate,
  InitialMember,
  LogConfig,
  LogLevel,
  PeerTlsConfig,
  SelfSignedConfig,
  ServerConfig,
  ServerTlsConfig,
} from "./server-config.ts";
export type { Platform } from "./usage.ts";
