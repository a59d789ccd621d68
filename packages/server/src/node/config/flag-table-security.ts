import { type Flag, flagsOf } from "./flag.ts";

const security = flagsOf("Security");

/** A flag of TLS. `scope` is the section of the configuration file. */
function tls(scope: "client" | "peer", name: string, key: string | undefined, kind: Flag["kind"], help: string): Flag {
  return security(name, kind, kind === "bool" ? "false" : "", help, {
    fileKey: key === undefined ? undefined : `${scope}-transport-security.${key}`,
  });
}

const auth = flagsOf("Auth");

/** TLS and authentication. */
export const SECURITY_FLAGS: readonly Flag[] = [
  tls("client", "cert-file", "cert-file", "string", "Server certificate for clients."),
  tls("client", "key-file", "key-file", "string", "Key of the server certificate for clients."),
  tls("client", "client-cert-file", "client-cert-file", "string", "Certificate the member uses as its own client."),
  tls("client", "client-key-file", "client-key-file", "string", "Key of that certificate."),
  tls("client", "client-cert-auth", "client-cert-auth", "bool", "Demand certificates of clients."),
  tls("client", "client-crl-file", undefined, "string", "Revoked client certificates."),
  tls("client", "client-cert-allowed-hostname", "allowed-hostname", "list", "Names allowed in client certificates."),
  tls("client", "trusted-ca-file", "trusted-ca-file", "string", "CA of client certificates."),
  tls("client", "auto-tls", "auto-tls", "bool", "Serve clients with a certificate made at start."),
  tls("peer", "peer-cert-file", "cert-file", "string", "Certificate for other members."),
  tls("peer", "peer-key-file", "key-file", "string", "Key of the certificate for other members."),
  tls("peer", "peer-client-cert-file", "client-cert-file", "string", "Certificate shown to other members."),
  tls("peer", "peer-client-key-file", "client-key-file", "string", "Key of that certificate."),
  tls("peer", "peer-client-cert-auth", "client-cert-auth", "bool", "Demand certificates of other members."),
  tls("peer", "peer-trusted-ca-file", "trusted-ca-file", "string", "CA of other members."),
  tls("peer", "peer-auto-tls", "auto-tls", "bool", "Speak to other members with a certificate made at start."),
  tls("peer", "peer-crl-file", undefined, "string", "Revoked certificates of members."),
  tls("peer", "peer-cert-allowed-cn", "allowed-cn", "list", "Common names allowed to other members."),
  tls("peer", "peer-cert-allowed-hostname", "allowed-hostname", "list", "Host names allowed to other members."),
  tls(
    "peer",
    "peer-skip-client-san-verification",
    "skip-client-san-verification",
    "bool",
    "Do not check the names in certificates of members.",
  ),
  security("self-signed-cert-validity", "uint", "1", "Years a certificate made at start is valid."),
  security("cipher-suites", "list", "", "TLS cipher suites, by Go's names."),
  security("tls-min-version", "string", "TLS1.2", "Lowest TLS version: TLS1.2 or TLS1.3."),
  security("tls-max-version", "string", "", "Highest TLS version: TLS1.2 or TLS1.3; empty: the highest there is."),
  security("cors", "set", "*", "Origins allowed to browsers; empty or *: all."),
  security("host-whitelist", "set", "*", "Host names plain HTTP is answered for; empty or *: all."),
  auth("auth-token", "string", "simple", "Tokens: simple, or jwt,sign-method=RS256,pub-key=FILE,priv-key=FILE."),
  auth("bcrypt-cost", "uint", "10", "Cost of hashing a password, 4 to 31."),
  auth("auth-token-ttl", "uint", "300", "Seconds a simple token is valid after it was used last."),
];

/** What the configuration file alone can say, as in etcd. */
export const FILE_ONLY_SETTINGS: readonly Flag[] = [
  tls("client", "client-transport-security.allowed-cn", "allowed-cn", "list", "Common names allowed to clients."),
];
