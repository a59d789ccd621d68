import { lookup, reverse } from "node:dns/promises";
import type { SecureContextOptions, SecureVersion, TLSSocket } from "node:tls";
import { matches, plainAddress, type SubjectNames, subjectNames } from "../tls/certificate-names.ts";
import { brokenRule, type CertificateRules } from "../tls/certificate-rules.ts";

/** PEM texts, already loaded: where they come from is the caller's business. */
export interface TlsMaterial {
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Certificates of authorities the other side's certificate must lead to; the system's if absent. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** OpenSSL cipher list; the runtime's default if absent. */
  readonly ciphers?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** `SSL_OP_…` flags of `node:crypto`. */
  readonly secureOptions?: number;
}

/** Material that may be replaced while it is in use, as files are. */
interface Renewable<T> {
  /** Asked for each new connection: what to use from now on, and the same object as before while nothing has changed. */
  readonly renew?: () => T;
}

/** What peers that connect are shown, and what is asked of them: with `clientCertAuth` a certificate that `ca` vouches for. */
export interface PeerServerTls extends TlsMaterial, CertificateRules, Renewable<PeerServerTls> {
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
export function secureContextOptions(material: TlsMaterial): SecureContextOptions {
  const { cert, key, ca, ciphers, minVersion, maxVersion, secureOptions } = material;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca: [ca].flat() as (string | Buffer)[] }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(secureOptions === undefined ? {} : { secureOptions }),
  };
}

/**
 * Why a connected peer's certificate does not do, or undefined. The certificate's chain has been verified before. Where a
 * certificate names addresses or hosts, the peer must come from one of them. Peer protocol page, section 11.
 */
export async function certificateProblem(socket: TLSSocket, tls: PeerServerTls): Promise<string | undefined> {
  if (!tls.clientCertAuth) return undefined;
  const problem = brokenRule(socket, tls);
  const address = socket.remoteAddress;
  if (problem !== undefined || tls.skipClientSanVerify || address === undefined) return problem;
  const names = subjectNames(socket.getPeerCertificate());
  return (await comesFrom(names, address)) ? undefined : `client certificate is not for ${address}`;
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
