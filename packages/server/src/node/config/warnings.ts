import { isBcryptCost } from "./auth-settings.ts";
import { FEATURE_GATES, type GateValues } from "./feature-gates.ts";
import type { Notice } from "./notice.ts";
import type { FeatureGate, ServerConfig } from "./server-config.ts";
import type { Settings } from "./settings.ts";
import { hasCertificate } from "./tls-settings.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const RAFT_TIMEOUT_MIN_MS = 5000;

/** What an operator should know about settings that are accepted all the same; one notice each. */
export function settingsNotices(settings: Settings, config: ServerConfig): readonly Notice[] {
  const notices: Notice[] = [];
  const warn = (message: string, fields: Notice["fields"]): void => {
    notices.push({ level: "warn", message, fields });
  };
  for (const flag of settings.explicit()) {
    const why = flag.note === undefined ? {} : { reason: flag.note };
    if (flag.support === "noMeaning")
      warn("flag has no meaning in Quorate and is ignored", { flag: flag.name, ...why });
    // Switching off what is not there anyway needs no warning.
    if (flag.support === "notYet" && settings.value(flag) !== false) {
      warn("flag is not supported yet and has no effect", { flag: flag.name, ...why });
    }
  }
  const gates = changedGates(config.featureGates);
  if (gates.length > 0) warn("feature gates have no effect in this version", { gates });
  if (config.featureGates.LeaseCheckpoint && !config.featureGates.LeaseCheckpointPersist) {
    warn("leases are checkpointed but checkpoints are not kept", { gate: "LeaseCheckpointPersist" });
  }
  if (config.name === "default") warn("the member has the default name; set --name", { name: config.name });
  if ((config.quotaBackendBytes ?? 0) > 8 * GIB) {
    warn("quota exceeds the recommended maximum", {
      "quota-bytes": config.quotaBackendBytes,
      "recommended-maximum-bytes": 8 * GIB,
    });
  }
  if (config.maxRequestBytes > 10 * MIB) {
    warn("request size limit exceeds the recommended maximum", {
      "max-request-bytes": config.maxRequestBytes,
      "recommended-maximum-bytes": 10 * MIB,
    });
  }
  if (!isBcryptCost(settings)) {
    warn("use default bcrypt cost instead of the invalid given cost", {
      "given-cost": settings.number("bcrypt-cost"),
      "default-cost": config.auth.bcryptCost,
    });
  }
  notices.push(...plainTextNotices(settings, config));
  if (config.log.outputs.includes("systemd/journal")) {
    warn("journald is not supported; logs go to standard error", {});
  }
  for (const flag of ["raft-read-timeout", "raft-write-timeout"]) {
    if (settings.number(flag) < RAFT_TIMEOUT_MIN_MS) {
      notices.push({ level: "info", message: "raised a timeout to its minimum", fields: { flag, minimum: "5s" } });
    }
  }
  if (
    settings.number("watch-progress-notify-interval") > 0 &&
    settings.number("watch-progress-notify-interval") < 100
  ) {
    warn("raised the watch progress interval to its minimum", { minimum: "100ms" });
  }
  return notices;
}

/** Where certificates are given and plain text is spoken, or given twice. In etcd's words. */
function plainTextNotices(settings: Settings, config: ServerConfig): Notice[] {
  const notices: Notice[] = [];
  const warn = (message: string, fields: Notice["fields"] = {}): void => {
    notices.push({ level: "warn", message, fields });
  };
  const ignored = (scheme: string, key: string, url: string, prefix: "" | "peer-"): void => {
    if (hasCertificate(settings, prefix)) {
      warn(`scheme is ${scheme} while key and cert files are present; ignoring key and cert files`, { [key]: url });
    }
    if (settings.bool(`${prefix}client-cert-auth`)) {
      warn(`scheme is ${scheme} while --${prefix}client-cert-auth is enabled; ignoring client cert auth for this URL`, {
        [key]: url,
      });
    }
  };
  for (const { scheme, text } of config.listenPeerUrls) {
    if (scheme === "http") ignored("HTTP", "peer-url", text, "peer-");
  }
  for (const { scheme, text } of [...config.listenClientUrls, ...config.listenClientHttpUrls]) {
    if (scheme !== "http" && scheme !== "unix") continue;
    ignored("http or unix", "client-url", text, "");
  }
  for (const [kind, prefix] of [
    ["client", ""],
    ["peer", "peer-"],
  ]) {
    const isGiven = settings.text(`${prefix}cert-file`) !== "";
    if (isGiven && settings.bool(`${prefix}auto-tls`)) warn(`ignoring ${kind} auto TLS since certs given`);
  }
  return notices;
}

/** Gates that do here what they do in etcd. */
const GATES_IN_USE: ReadonlySet<FeatureGate> = new Set<FeatureGate>([
  "CompactHashCheck",
  "InitialCorruptCheck",
  "StopGRPCServiceOnDefrag",
]);

function changedGates(gates: GateValues): string[] {
  return (Object.keys(FEATURE_GATES) as FeatureGate[])
    .filter((gate) => gates[gate] !== FEATURE_GATES[gate].enabled && !GATES_IN_USE.has(gate))
    .map((gate) => `${gate}=${gates[gate]}`);
}
