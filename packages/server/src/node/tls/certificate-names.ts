import { isIP } from "node:net";
import type { PeerCertificate } from "node:tls";

/** The alternative names of a certificate's subject. */
export interface SubjectNames {
  readonly addresses: readonly string[];
  readonly hosts: readonly string[];
}

export function subjectNames({ subjectaltname = "" }: Pick<PeerCertificate, "subjectaltname">): SubjectNames {
  const [addresses, hosts]: [string[], string[]] = [[], []];
  for (const { kind, name } of alternativeNames(subjectaltname)) {
    if (kind === "DNS") hosts.push(name);
    else if (kind === "IP Address") addresses.push(plainAddress(name));
  }
  return { addresses, hosts };
}

/** One of `kind:name, kind:name`. Node quotes a name in which a comma might be taken for the end of it. */
const ALTERNATIVE_NAME = /(?:, )?([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/y;

/** Those without quotes: what needs them is neither a host name nor an address, but may be made to look like several (CVE-2021-44532). */
function* alternativeNames(text: string): Generator<{ readonly kind: string; readonly name: string }> {
  const pattern = new RegExp(ALTERNATIVE_NAME);
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return;
    const [, kind = "", name = ""] = match;
    if (!name.startsWith('"')) yield { kind, name };
  }
}

/** Of several common names Go, and so etcd, goes by the last. Empty if there is none. */
export function commonName(certificate: PeerCertificate): string {
  return [certificate.subject?.CN ?? ""].flat().at(-1) ?? "";
}

/** Whether the names are those of `host`, a name or an address. */
export function isFor({ hosts, addresses }: SubjectNames, host: string): boolean {
  return hosts.some((pattern) => matches(pattern, host)) || addresses.includes(plainAddress(host));
}

/** A wildcard stands for one label. */
export function matches(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), host.toLowerCase().replace(/\.$/, "")];
  if (!wanted.startsWith("*.")) return wanted === given;
  const dot = given.indexOf(".");
  return dot > 0 && given.slice(dot) === wanted.slice(1);
}

/** IPv4 as such even where the socket speaks IPv6, IPv6 in one spelling. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return isIP(address) === 6 ? new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1) : address;
}
