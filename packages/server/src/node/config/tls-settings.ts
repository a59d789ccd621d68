import { unknownCipherSuite } from "./cipher-suites.ts";
import type { PeerTlsConfig, TlsVersion } from "./server-config.ts";
import type { Settings } from "./settings.ts";

/** What contradicts itself among the settings of TLS, in etcd's words where it has them. */
export function tlsProblems(settings: Settings): readonly string[] {
  return [...versionProblems(settings), ...cipherProblems(settings), ...peerProblems(settings)];
}

/** Files and rules of TLS between members; undefined if there is no certificate for it. */
export function peerTlsConfig(settings: Settings): PeerTlsConfig | undefined {
  const certFile = settings.text("peer-cert-file");
  const keyFile = settings.text("peer-key-file");
  if (certFile === "" && keyFile === "") return undefined;
  const trustedCaFile = settings.text("peer-trusted-ca-file") || undefined;
  const max = settings.text("tls-max-version");
  return {
    certFile,
    keyFile,
    clientCertFile: settings.text("peer-client-cert-file") || certFile,
    clientKeyFile: settings.text("peer-client-key-file") || keyFile,
    trustedCaFile,
    crlFile: settings.text("peer-crl-file") || undefined,
    // An authority alone is enough for etcd to ask for certificates.
    clientCertAuth: settings.bool("peer-client-cert-auth") || trustedCaFile !== undefined,
    allowedCns: settings.list("peer-cert-allowed-cn"),
    allowedHostnames: settings.list("peer-cert-allowed-hostname"),
    skipClientSanVerification: settings.bool("peer-skip-client-san-verification"),
    cipherSuites: settings.list("cipher-suites"),
    minVersion: settings.text("tls-min-version") === "TLS1.3" ? "TLS1.3" : "TLS1.2",
    maxVersion: max === "" ? undefined : (max as TlsVersion),
    // Found by a domain and vouched for by the system's authorities, members must be those of the domain.
    serverName: trustedCaFile === undefined ? settings.text("discovery-srv") || undefined : undefined,
  };
}

function versionProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const min = settings.text("tls-min-version");
  const max = settings.text("tls-max-version");
  for (const version of [min, max]) {
    if (!["", "TLS1.2", "TLS1.3"].includes(version)) problems.push(`unexpected TLS version ${JSON.stringify(version)}`);
  }
  if (max !== "" && min > max) problems.push(`min version (${min}) is greater than max version (${max})`);
  return problems;
}

function cipherProblems(settings: Settings): string[] {
  const suites = settings.list("cipher-suites");
  if (suites.length === 0) return [];
  if (settings.text("tls-min-version") === "TLS1.3") {
    return ["cipher suites cannot be configured when only TLS1.3 is enabled"];
  }
  const unknown = unknownCipherSuite(suites);
  return unknown === undefined ? [] : [`unexpected TLS cipher suite ${JSON.stringify(unknown)}`];
}

function peerProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const cert = settings.text("peer-cert-file");
  const key = settings.text("peer-key-file");
  const secure = settings.urls("listen-peer-urls").find((url) => url.scheme === "https" || url.scheme === "unixs");
  if ((cert === "") !== (key === "")) {
    problems.push(`KeyFile and CertFile must both be present[key: ${key}, cert: ${cert}]`);
  } else if (cert === "" && secure !== undefined) {
    problems.push(
      `TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url ${secure.text} with HTTPS scheme`,
    );
  }
  if ((settings.text("peer-client-cert-file") === "") !== (settings.text("peer-client-key-file") === "")) {
    problems.push("--peer-client-cert-file and --peer-client-key-file must be given together");
  }
  const cns = settings.list("peer-cert-allowed-cn");
  const hostnames = settings.list("peer-cert-allowed-hostname");
  if (cns.length > 0 && hostnames.length > 0) {
    const shown = (list: readonly string[]): string => `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;
    problems.push(
      `AllowedCN and AllowedHostname are mutually exclusive (cns=${shown(cns)}, hostnames=${shown(hostnames)})`,
    );
  }
  return problems;
}
