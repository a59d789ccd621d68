import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { commonName, isFor, subjectNames } from "./certificate-names.ts";
import { plainSerial } from "./revoked-serials.ts";

/** What a certificate must satisfy beside the chain, which OpenSSL verifies. */
export interface CertificateRules {
  /** Whether certificates are asked for at all. */
  readonly clientCertAuth: boolean;
  /** If not empty, the certificate must have one of these common names. */
  readonly allowedCns: readonly string[];
  /** If not empty, the certificate must be for one of these hosts. */
  readonly allowedHostnames: readonly string[];
  /** Serial numbers that are not accepted anywhere in the chain, see `readRevokedSerials`. */
  readonly revoked: ReadonlySet<string>;
}

/** Longer chains are cut: OpenSSL accepts none of a hundred. */
const CHAIN_MAX = 100;

/** Why the certificate of the other side, whose chain has been verified, does not do; undefined if it does. */
export function brokenRule(socket: TLSSocket, rules: CertificateRules): string | undefined {
  if (!rules.clientCertAuth) return undefined;
  const { allowedCns, allowedHostnames, revoked } = rules;
  const certificate = socket.getPeerCertificate(revoked.size > 0);
  const name = commonName(certificate);
  if (allowedCns.length > 0 && !allowedCns.includes(name)) {
    return `client certificate authentication failed: common name ${JSON.stringify(name)} is not allowed`;
  }
  const names = subjectNames(certificate);
  if (allowedHostnames.length > 0 && !allowedHostnames.some((host) => isFor(names, host))) {
    return "client certificate authentication failed: it is for none of the allowed host names";
  }
  if (revoked.size === 0) return undefined;
  const serial = chainSerials(certificate as DetailedPeerCertificate).find((one) => revoked.has(one));
  return serial === undefined ? undefined : `transport: certificate serial ${serial} revoked`;
}

/** Of the certificate and those above it, but for a root, which vouches for itself. */
function chainSerials(leaf: DetailedPeerCertificate): string[] {
  const serials = [plainSerial(leaf.serialNumber)];
  let certificate = leaf;
  for (let i = 0; i < CHAIN_MAX; i++) {
    const issuer = certificate.issuerCertificate;
    if (issuer === undefined || issuer === certificate) break;
    if (issuer.issuerCertificate !== issuer) serials.push(plainSerial(issuer.serialNumber));
    certificate = issuer;
  }
  return serials;
}
