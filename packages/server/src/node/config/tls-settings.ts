import { resolve } from "node:path";
import { unknownCipherSuite } from "./cipher-suites.ts";
import type { EndpointUrl, PeerTlsConfig, SelfSignedConfig, ServerTlsConfig, TlsVersion } from "./server-config.ts";
import type { Settings } from "./settings.ts";

/** In the configuration file alone. */
const CLIENT_CNS = "client-transport-security.allowed-cn";
const CLIENT_URLS = ["listen-client-urls", "listen-client-http-urls"];

/** What contradicts itself among the settings of TLS, in etcd's words where it has them. */
export function tlsProblems(settings: Settings): readonly string[] {
  return [
    ...versionProblems(settings),
    ...cipherProblems(settings),
    ...peerProblems(settings),
    ...clientProblems(settings),
    ...validityProblems(settings),
  ];
}

/** Files and rules of TLS towards clients; undefined if there is no certificate for it, or no URL that would show it. */
export function clientTlsConfig(settings: Settings, dataDir: string): ServerTlsConfig | undefined {
  if (!isSecureForClients(settings)) return undefined;
  const pair = certificatePair(settings, "", dataDir);
  if (pair === undefined) return undefined;
  const trustedCaFile = settings.text("trusted-ca-file") || undefined;
  return {
    ...pair,
    trustedCaFile,
    crlFile: settings.text("client-crl-file") || undefined,
    // An authority alone is enough for etcd to ask for certificates.
    clientCertAuth: settings.bool("client-cert-auth") || trustedCaFile !== undefined,
    allowedCns: settings.list(CLIENT_CNS),
    allowedHostnames: settings.list("client-cert-allowed-hostname"),
    ...suitesAndVersions(settings),
  };
}

/** Files and rules of TLS between members; undefined if there is no certificate for it. */
export function peerTlsConfig(settings: Settings, dataDir: string): PeerTlsConfig | undefined {
  const pair = certificatePair(settings, "peer-", dataDir);
  if (pair === undefined) return undefined;
  const trustedCaFile = settings.text("peer-trusted-ca-file") || undefined;
  return {
    ...pair,
    clientCertFile: settings.text("peer-client-cert-file") || pair.certFile,
    clientKeyFile: settings.text("peer-client-key-file") || pair.keyFile,
    trustedCaFile,
    crlFile: settings.text("peer-crl-file") || undefined,
    clientCertAuth: settings.bool("peer-client-cert-auth") || trustedCaFile !== undefined,
    allowedCns: settings.list("peer-cert-allowed-cn"),
    allowedHostnames: settings.list("peer-cert-allowed-hostname"),
    skipClientSanVerification: settings.bool("peer-skip-client-san-verification"),
    ...suitesAndVersions(settings),
    // Found by a domain and vouched for by the system's authorities, members must be those of the domain.
    serverName: trustedCaFile === undefined ? settings.text("discovery-srv") || undefined : undefined,
  };
}

/** The given files, or those of `--auto-tls`, which files that are given make superfluous. */
function certificatePair(
  settings: Settings,
  prefix: "" | "peer-",
  dataDir: string,
): Pick<ServerTlsConfig, "certFile" | "keyFile" | "selfSigned"> | undefined {
  const certFile = settings.text(`${prefix}cert-file`);
  const keyFile = settings.text(`${prefix}key-file`);
  if (certFile !== "" || keyFile !== "") return { certFile, keyFile, selfSigned: undefined };
  if (!settings.bool(`${prefix}auto-tls`)) return undefined;
  const folder = resolve(dataDir, "fixtures", prefix === "" ? "client" : "peer");
  const urls = prefix === "" ? CLIENT_URLS : ["listen-peer-urls"];
  return { certFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem`, selfSigned: selfSigned(settings, urls) };
}

function selfSigned(settings: Settings, flags: readonly string[]): SelfSignedConfig {
  const hosts = flags.flatMap((flag) => settings.urls(flag).map((url) => url.host));
  return {
    hosts: [...new Set(hosts.filter((host) => host !== ""))],
    validityYears: settings.number("self-signed-cert-validity"),
  };
}

function suitesAndVersions(settings: Settings): Pick<ServerTlsConfig, "cipherSuites" | "minVersion" | "maxVersion"> {
  const max = settings.text("tls-max-version");
  return {
    cipherSuites: settings.list("cipher-suites"),
    minVersion: settings.text("tls-min-version") === "TLS1.3" ? "TLS1.3" : "TLS1.2",
    maxVersion: max === "" ? undefined : (max as TlsVersion),
  };
}

function versionProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const min = settings.text("tls-min-version");
  const max = settings.text("tls-max-version");
  for (const version of [min, max]) {
    if (!["", "TLS1.2", "TLS1.3"].includes(version)) {
      problems.push(`unexpected TLS version ${JSON.stringify(version)} (must be one of: TLS1.2, TLS1.3)`);
    }
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
  const problems = pairProblems(settings, "peer-");
  const secure = settings.urls("listen-peer-urls").find(isSecure);
  const automatic = settings.bool("peer-auto-tls");
  const given = isGiven(settings, "peer-");
  if (!given && !automatic && secure !== undefined) {
    problems.push(
      `TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url ${secure.text} with HTTPS scheme`,
    );
  }
  // etcd drops the demand without a word; whoever asks for it must not get less.
  if (!given && automatic) {
    const demand = settings.bool("peer-client-cert-auth")
      ? "peer-client-cert-auth"
      : settings.text("peer-trusted-ca-file") !== "" && "peer-trusted-ca-file";
    if (demand !== false) {
      problems.push(
        `--${demand} cannot be kept with --peer-auto-tls: nobody vouches for certificates that members make`,
      );
    }
  }
  return [...problems, ...nameProblems(settings, "peer-cert-allowed-cn", "peer-cert-allowed-hostname")];
}

function nameProblems(settings: Settings, cnFlag: string, hostnameFlag: string): string[] {
  const [cns, hostnames] = [settings.list(cnFlag), settings.list(hostnameFlag)];
  if (cns.length === 0 || hostnames.length === 0) return [];
  return [`AllowedCNs and AllowedHostnames are mutually exclusive (cns=${shown(cns)}, hostnames=${shown(hostnames)})`];
}

function clientProblems(settings: Settings): string[] {
  const problems = [
    // Where every URL is plain, etcd warns that the files are ignored, and does not so much as look for them.
    ...(isSecureForClients(settings) ? pairProblems(settings, "") : []),
    ...nameProblems(settings, CLIENT_CNS, "client-cert-allowed-hostname"),
  ];
  if (hasCertificate(settings, "")) return problems;
  const secure = CLIENT_URLS.flatMap((flag) => settings.urls(flag)).find(isSecure);
  if (secure !== undefined) {
    problems.push(
      `TLS key/cert (--cert-file, --key-file) must be provided for client url ${secure.text} with HTTPS scheme`,
    );
  }
  if (settings.urls("listen-metrics-urls").some(isSecure)) {
    problems.push("client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url");
  }
  return problems;
}

/** A certificate without its key, or the other way round. */
function pairProblems(settings: Settings, prefix: "" | "peer-"): string[] {
  const problems: string[] = [];
  const [cert, key] = [settings.text(`${prefix}cert-file`), settings.text(`${prefix}key-file`)];
  if ((cert === "") !== (key === "")) {
    problems.push(`KeyFile and CertFile must both be present[key: ${key}, cert: ${cert}]`);
  }
  const clientCert = settings.text(`${prefix}client-cert-file`);
  const clientKey = settings.text(`${prefix}client-key-file`);
  if ((clientCert === "") !== (clientKey === "")) {
    problems.push(
      `ClientKeyFile and ClientCertFile must both be present or both absent: key: ${clientKey}, cert: ${clientCert}]`,
    );
  }
  return problems;
}

function validityProblems(settings: Settings): string[] {
  const isAsked = ["", "peer-"].some((prefix) => settings.bool(`${prefix}auto-tls`) && !isGiven(settings, prefix));
  if (!isAsked || settings.number("self-signed-cert-validity") > 0) return [];
  return ["selfSignedCertValidity is invalid,it should be greater than 0"];
}

/** True if there is a certificate, given or made, or half of one. */
export function hasCertificate(settings: Settings, prefix: "" | "peer-"): boolean {
  return isGiven(settings, prefix) || settings.bool(`${prefix}auto-tls`);
}

function isGiven(settings: Settings, prefix: string): boolean {
  return settings.text(`${prefix}cert-file`) !== "" || settings.text(`${prefix}key-file`) !== "";
}

function isSecureForClients(settings: Settings): boolean {
  return [...CLIENT_URLS, "listen-metrics-urls"].some((flag) => settings.urls(flag).some(isSecure));
}

function isSecure(url: EndpointUrl): boolean {
  return url.scheme === "https" || url.scheme === "unixs";
}

/** A list as Go prints it with %q. */
function shown(list: readonly string[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;
}
