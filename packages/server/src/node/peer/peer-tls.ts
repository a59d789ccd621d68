import { lookup, reverse } from "node:dns/promises";
import { isIP } from "node:net";
import type { PeerCertificate, SecureContextOptions, SecureVersion, TLSSocket } from "node:tls";

/** PEM texts, already loaded: where they come from is the caller's business. */
interface TlsMaterial {
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Certificates of authorities the other side's certificate must lead to; the system's if absent. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** OpenSSL cipher list; the runtime's default if absent. */
  readonly ciphers?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
}

/** Material that may be replaced while it is in use, as files are. */
interface Renewable<T> {
  /** Asked for each new connection: what to use from now on, and the same object as before while nothing has changed. */
  readonly renew?: () => T;
}

/** What peers that connect are shown, and what is asked of them. */
export interface PeerServerTls extends TlsMaterial, Renewable<PeerServerTls> {
  /** Peers must show a certificate that `ca` vouches for. */
  readonly clientCertAuth: boolean;
  /** Revoked certificates, PEM. */
  readonly crl?: string | Buffer;
  /** If not empty, a peer's certificate must have one of these common names. */
  readonly allowedCns: readonly string[];
  /** If not empty, a peer's certificate must be valid for one of these host names. */
  readonly allowedHostnames: readonly string[];
  /** Do not compare the names in a peer's certificate with the address it comes from. */
  readonly skipClientSanVerify: boolean;
}

/** What this member shows to peers it connects to, and what it asks of them. */
export interface PeerClientTls extends TlsMaterial, Renewable<PeerClientTls> {
  /** False where all members use certificates of their own making (`--peer-auto-tls`). */
  readonly verifyServer: boolean;
  /** Name that peers' certificates are to be valid for, instead of the host dialled. */
  readonly serverName?: string;
}

/** Encryption between members, both directions. */
export interface PeerTls {
  readonly server: PeerServerTls;
  readonly client: PeerClientTls;
}

/** The material as the runtime wants it. */
export function secureContextOptions(material: TlsMaterial & { readonly crl?: string | Buffer }): SecureContextOptions {
  const { cert, key, ca, crl, ciphers, minVersion, maxVersion } = material;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca: [ca].flat() as (string | Buffer)[] }),
    ...(crl === undefined ? {} : { crl }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

/**
 * Why a connected peer's certificate does not do, or undefined. The certificate's chain has been verified before. Where a
 * certificate names addresses or hosts, the peer must come from one of them. Peer protocol page, section 11.
 */
export async function certificateProblem(socket: TLSSocket, tls: PeerServerTls): Promise<string | undefined> {
  if (!tls.clientCertAuth) return undefined;
  const certificate = socket.getPeerCertificate();
  const commonName = [certificate.subject?.CN ?? ""].flat().at(-1) ?? "";
  if (tls.allowedCns.length > 0 && !tls.allowedCns.includes(commonName)) {
    return `client certificate has common name ${JSON.stringify(commonName)}, which is not allowed`;
  }
  const names = subjectNames(certificate);
  if (tls.allowedHostnames.length > 0 && !tls.allowedHostnames.some((host) => isFor(names, host))) {
    return "client certificate is for none of the allowed host names";
  }
  const address = socket.remoteAddress;
  if (tls.skipClientSanVerify || address === undefined) return undefined;
  return (await comesFrom(names, address)) ? undefined : `client certificate is not for ${address}`;
}

interface SubjectNames {
  readonly addresses: readonly string[];
  readonly hosts: readonly string[];
}

function subjectNames(certificate: PeerCertificate): SubjectNames {
  const entries = (certificate.subjectaltname ?? "").split(", ");
  const of = (prefix: string): string[] =>
    entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  return { addresses: of("IP Address:").map(plainAddress), hosts: of("DNS:") };
}

function isFor({ hosts, addresses }: SubjectNames, host: string): boolean {
  return hosts.some((pattern) => matches(pattern, host)) || addresses.includes(plainAddress(host));
}

async function comesFrom({ addresses, hosts }: SubjectNames, remote: string): Promise<boolean> {
  const address = plainAddress(remote);
  if (addresses.length === 0 && hosts.length === 0) return true;
  if (addresses.includes(address)) return true;
  for (const host of hosts) {
    const found = host.startsWith("*") ? [] : await lookup(host, { all: true }).catch(() => []);
    if (found.some((entry) => plainAddress(entry.address) === address)) return true;
  }
  const reversed = hosts.length === 0 ? [] : await reverse(address).catch(() => []);
  return reversed.some((name) => hosts.some((pattern) => matches(pattern, name)));
}

/** A wildcard stands for one label. */
function matches(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), host.toLowerCase().replace(/\.$/, "")];
  if (!wanted.startsWith("*.")) return wanted === given;
  const dot = given.indexOf(".");
  return dot > 0 && given.slice(dot) === wanted.slice(1);
}

/** IPv4 as such even where the socket speaks IPv6, IPv6 in one spelling. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return isIP(address) === 6 ? new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1) : address;
}
