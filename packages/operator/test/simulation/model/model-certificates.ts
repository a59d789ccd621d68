import type {
  AuthorityRequest,
  CertificateFacts,
  CertificateMaker,
  KeyPair,
  LeafRequest,
} from "../../../src/core/index.ts";

interface Parsed {
  readonly serial: string;
  /** Serial number of its authority; its own for an authority. */
  readonly issuer: string;
  readonly facts: CertificateFacts;
}

/** One line each, so that several of them are a file as those of PEM are. */
const LINE = /^cert (.*)$/gm;

/** Certificates without cryptography: what they say is believed. */
export class ModelCertificates implements CertificateMaker {
  #made = 0;

  async createAuthority(request: AuthorityRequest): Promise<KeyPair> {
    const serial = this.#serial();
    return pairOf(serial, serial, request, []);
  }

  async issue(authority: KeyPair, request: LeafRequest): Promise<KeyPair> {
    return pairOf(this.#serial(), must(authority.certPem).serial, request, request.hosts);
  }

  inspect(certPem: string): CertificateFacts | undefined {
    return parse(certPem)[0]?.facts;
  }

  isIssuedBy(pair: KeyPair, authorityPem: string): boolean {
    const [leaf, authority] = [parse(pair.certPem)[0], parse(authorityPem)[0]];
    if (leaf === undefined || authority === undefined) return false;
    return leaf.issuer === authority.serial && pair.keyPem === `key ${leaf.serial}`;
  }

  split(certsPem: string): readonly string[] {
    return [...certsPem.matchAll(LINE)].map(([line]) => `${line}\n`);
  }

  randomText(): string {
    return "password";
  }

  #serial(): string {
    this.#made += 1;
    return this.#made.toString(16).padStart(4, "0");
  }
}

/** Whether somebody who trusts `trusted` believes whom `certPem` was made out to; at a time, if it is given. */
export function believes(trusted: string, certPem: string, nowMs?: number): boolean {
  const [leaf] = parse(certPem);
  if (leaf === undefined || (nowMs !== undefined && nowMs >= leaf.facts.notAfterMs)) return false;
  return parse(trusted).some(({ serial }) => serial === leaf.issuer);
}

export function fingerprintOf(certPem: string): string | undefined {
  return parse(certPem)[0]?.facts.fingerprint;
}

function pairOf(serial: string, issuer: string, request: AuthorityRequest, hosts: readonly string[]): KeyPair {
  const { algorithm, commonName, notAfterMs, notBeforeMs } = request;
  const facts = { commonName, notBeforeMs, notAfterMs, hosts: hosts.toSorted(), algorithm };
  return { certPem: `cert ${JSON.stringify({ serial, issuer, facts })}\n`, keyPem: `key ${serial}` };
}

/** What was read before: a simulated day reads the same few files a million times. */
const parsed = new Map<string, readonly Parsed[]>();
const PARSED_MAX = 1000;

function parse(text: string): readonly Parsed[] {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  const made = parseLines(text);
  parsed.set(text, made);
  return made;
}

function parseLines(text: string): readonly Parsed[] {
  return [...text.matchAll(LINE)].map(([, json]) => {
    const { serial, issuer, facts } = JSON.parse(json ?? "") as Parsed;
    return { serial, issuer, facts: { ...facts, fingerprint: `fingerprint-${serial}`, serialNumber: serial } };
  });
}

function must(certPem: string): Parsed {
  const [first] = parse(certPem);
  if (first === undefined) throw new Error(`no certificate: ${certPem}`);
  return first;
}
