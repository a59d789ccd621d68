import { must } from "@quorate/base";
import { advertiseProblem, bindProblem, parseUrls } from "./endpoint-url.ts";
import { parseFeatureGates } from "./feature-gates.ts";
import { formatDuration } from "./go-values.ts";
import { parseLogRotation } from "./log-rotation.ts";
import type { EndpointUrl } from "./server-config.ts";
import type { Settings } from "./settings.ts";
import { tlsProblems } from "./tls-settings.ts";

const LISTEN_FLAGS = ["listen-peer-urls", "listen-client-urls", "listen-client-http-urls", "listen-metrics-urls"];
const LOG_LEVELS = ["debug", "info", "warn", "error", "panic", "fatal"];
const ELECTION_TIMEOUT_MAX_MS = 50_000;

/**
 * Every contradiction among the settings, in etcd's words where it has them (server/embed/config.go `Validate`), and every
 * promise this version cannot keep. `fromFile`: they came from a configuration file.
 */
export function settingsProblems(settings: Settings, fromFile: boolean): readonly string[] {
  return [
    ...unsupported(settings),
    ...loggingProblems(settings),
    ...addressProblems(settings, fromFile),
    ...bootstrapFlagProblems(settings),
    ...timingProblems(settings),
    ...featureProblems(settings),
    ...tlsProblems(settings),
  ];
}

/** Flags whose promise is not kept are refused, not ignored. */
function unsupported(settings: Settings): string[] {
  return settings
    .explicit()
    .filter((flag) => flag.support === "refused" && !settings.isDefault(flag))
    .map((flag) => {
      const note = flag.note === undefined ? "" : `: ${flag.note}`;
      return `--${flag.name} is not supported by this version of Quorate${note}`;
    });
}

function loggingProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const logger = settings.text("logger");
  if (logger === "capnslog") problems.push("--logger=capnslog is removed in v3.5");
  else if (logger !== "zap") problems.push(`unknown logger option ${JSON.stringify(logger)}`);
  const outputs = settings.list("log-outputs");
  if (outputs.length > 1 && outputs.includes("default")) {
    problems.push('multi logoutput for "default" is not supported yet');
  }
  if (settings.bool("enable-log-rotation")) {
    const files = outputs.filter((name) => !["default", "stderr", "stdout"].includes(name));
    if (files.length > 1 || outputs.length === 0 || (outputs.length === 1 && files.length === 0)) {
      problems.push("--log-outputs requires a single file path when --log-rotate-config-json is defined");
    } else {
      const rotation = parseLogRotation(settings.text("log-rotation-config-json"));
      if ("error" in rotation) problems.push(rotation.error);
    }
  }
  const level = settings.text("log-level");
  if (!LOG_LEVELS.includes(level)) {
    problems.push(`--log-level ${JSON.stringify(level)} is none of ${LOG_LEVELS.join(", ")}`);
  }
  const format = settings.text("log-format");
  if (format !== "json" && format !== "console") {
    problems.push(`--log-format ${JSON.stringify(format)} is neither json nor console`);
  }
  return problems;
}

function addressProblems(settings: Settings, fromFile: boolean): string[] {
  const problems = LISTEN_FLAGS.flatMap((name) => bindProblem(settings.urls(name)) ?? []);
  const peers = settings.urls("initial-advertise-peer-urls");
  const peerProblem = advertiseProblem(peers);
  if (peerProblem !== undefined) {
    problems.push(`--initial-advertise-peer-urls ${quoted(peers)} must be "host:port" (${peerProblem})`);
  }
  const clients = settings.urls("advertise-client-urls");
  const clientProblem = advertiseProblem(clients);
  if (clientProblem !== undefined) {
    problems.push(
      `--advertise-client-urls ${quoted(clients)} must be in the format "host:port", "unix:/path/to/socket" or ` +
        `"unixs:/path/to/socket" (${clientProblem})`,
    );
  }
  if (!fromFile && settings.isSet("listen-client-urls") && !settings.isSet("advertise-client-urls")) {
    problems.push("--advertise-client-urls is required when --listen-client-urls is set explicitly");
  }
  const grpcUrls = new Set(settings.urls("listen-client-urls").map((url) => url.text));
  for (const url of settings.urls("listen-client-http-urls")) {
    if (grpcUrls.has(url.text)) {
      problems.push(`cannot bind both --listen-client-urls and --listen-client-http-urls on the same url ${url.text}`);
    }
  }
  for (const origin of settings.list("cors")) {
    if (origin === "*" || origin === "") continue;
    const parsed = parseUrls(origin);
    if ("error" in parsed) problems.push(`--cors: ${parsed.error}`);
  }
  return problems;
}

function bootstrapFlagProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const endpoints = settings.list("discovery-endpoints");
  const ways = [settings.text("initial-cluster") !== "", settings.text("discovery-srv") !== "", endpoints.length > 0];
  if (ways.filter(Boolean).length > 1) {
    problems.push(
      'multiple discovery or bootstrap flags are set. Choose one of "initial-cluster", "discovery-endpoints" or ' +
        '"discovery-srv"',
    );
  }
  if ((settings.text("discovery-token") !== "") !== endpoints.length > 0) {
    problems.push("both --discovery-token and --discovery-endpoints must be set");
  }
  if (endpoints.some((endpoint) => endpoint.trim() === "")) {
    problems.push("--discovery-endpoints must not contain empty endpoints");
  }
  if (settings.text("discovery-fallback") === "proxy") {
    problems.push(`v2 proxy is deprecated, and --discovery-fallback can't be configured as "proxy"`);
  }
  return problems;
}

function timingProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const heartbeat = settings.number("heartbeat-interval");
  const election = settings.number("election-timeout");
  if (heartbeat === 0) problems.push(`--heartbeat-interval must be >0 (set to ${heartbeat}ms)`);
  if (election === 0) problems.push(`--election-timeout must be >0 (set to ${election}ms)`);
  else if (5 * heartbeat > election) {
    problems.push(
      `--election-timeout[${election}ms] should be at least as 5 times as --heartbeat-interval[${heartbeat}ms]`,
    );
  }
  if (election > ELECTION_TIMEOUT_MAX_MS) {
    problems.push(
      `--election-timeout[${election}ms] is too long, and should be set less than ${ELECTION_TIMEOUT_MAX_MS}ms`,
    );
  }
  const hashCheck = settings.number("compact-hash-check-time");
  if (hashCheck <= 0) problems.push(`--compact-hash-check-time must be >0 (set to ${formatDuration(hashCheck)})`);
  return problems;
}

function featureProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const mode = settings.text("auto-compaction-mode");
  if (mode === "") problems.push("undefined auto-compaction-mode");
  else if (mode !== "periodic" && mode !== "revision") {
    problems.push(`unknown auto-compaction-mode ${JSON.stringify(mode)}`);
  }
  if (settings.bool("enable-distributed-tracing")) {
    const rate = settings.number("distributed-tracing-sampling-rate");
    if (rate < 0) problems.push("tracing sampling rate must be positive");
    if (rate > 1_000_000) problems.push("tracing sampling rate must be less than 1000000");
  }
  const parsed = parseFeatureGates(settings.text("feature-gates"));
  const gates = must("value" in parsed ? parsed.value : undefined, "feature gates were parsed before");
  if (gates.LeaseCheckpointPersist && !gates.LeaseCheckpoint) {
    problems.push("enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint");
  }
  return problems;
}

function quoted(urls: readonly EndpointUrl[]): string {
  return JSON.stringify(urls.map((url) => url.text).join(","));
}
