import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { assert } from "@quorate/base";
import type { AuthorityRequest, CertificateFacts, CertificateMaker, KeyPair, LeafRequest } from "../../core/index.ts";
import { algorithmOf, generateKeys, parametersOf, privatePem, signingKey } from "./key-algorithms.ts";
import { loadX509 } from "./x509-library.ts";

type Library = Awaited<ReturnType<typeof loadX509>>;

/** What was read and verified before, and may be forgotten: passes over clusters at rest read the same again and again. */
const REMEMBERED_MAX = 5_000;

/** {@link CertificateMaker} with the platform's cryptography. */
export class X509CertificateMaker implements CertificateMaker {
  readonly #facts = new Map<string, CertificateFacts | undefined>();
  /** By a digest, since no key is to be kept. */
  readonly #verdicts = new Map<string, boolean>();

  async createAuthority(request: AuthorityRequest): Promise<KeyPair> {
    const x509 = await loadX509();
    const keys = await generateKeys(request.algorithm);
    const { KeyUsageFlags } = x509;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: newSerial(),
        name: nameOf(request.commonName),
        notBefore: new Date(request.notBeforeMs),
        notAfter: new Date(request.notAfterMs),
        signingAlgorithm: parametersOf(request.algorithm) as webcrypto.EcdsaParams,
        keys,
        extensions: [
          // No authority below this one: it issues leafs only.
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return { certPem: `${certificate.toString("pem")}\n`, keyPem: await privatePem(keys.privateKey) };
  }

  async issue(authority: KeyPair, request: LeafRequest): Promise<KeyPair> {
    const x509 = await loadX509();
    const [keys, signing] = await Promise.all([generateKeys(request.algorithm), signingKey(authority.keyPem)]);
    const issuer = new x509.X509Certificate(authority.certPem);
    const { KeyUsageFlags } = x509;
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: newSerial(),
        subject: nameOf(request.commonName),
        issuer: issuer.subjectName,
        notBefore: new Date(request.notBeforeMs),
        notAfter: new Date(Math.min(request.notAfterMs, issuer.notAfter.getTime())),
        publicKey: keys.publicKey,
        signingKey: signing.key,
        signingAlgorithm: parametersOf(signing.algorithm) as webcrypto.EcdsaParams,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
          new x509.ExtendedKeyUsageExtension(usages(x509, request)),
          await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
          ...alternativeNames(x509, request.hosts),
        ],
      },
      webcrypto,
    );
    return { certPem: `${certificate.toString("pem")}\n`, keyPem: await privatePem(keys.privateKey) };
  }

  inspect(certPem: string): CertificateFacts | undefined {
    return remembered(this.#facts, certPem, () => factsOf(certPem));
  }

  split(certsPem: string): readonly string[] {
    return (certsPem.match(CERTIFICATE) ?? []).map((pem) => `${pem}\n`);
  }

  randomText(): string {
    return randomBytes(24).toString("base64url");
  }

  isIssuedBy(pair: KeyPair, authorityPem: string): boolean {
    const question = [pair.certPem, pair.keyPem, authorityPem].join("\0");
    const digest = createHash("sha256").update(question).digest("base64");
    return remembered(this.#verdicts, digest, () => verified(pair, authorityPem));
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined || known.has(key)) return before as T;
  if (known.size >= REMEMBERED_MAX) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

function factsOf(certPem: string): CertificateFacts | undefined {
  const certificate = read(certPem);
  if (certificate === undefined) return undefined;
  return {
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? "",
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    hosts: hostsOf(certificate),
    algorithm: algorithmOf(certificate.publicKey),
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    serialNumber: certificate.serialNumber.toLowerCase(),
  };
}

function verified(pair: KeyPair, authorityPem: string): boolean {
  const [certificate, authority] = [read(pair.certPem), read(authorityPem)];
  if (certificate === undefined || authority === undefined) return false;
  try {
    return certificate.checkPrivateKey(createPrivateKey(pair.keyPem)) && certificate.verify(authority.publicKey);
  } catch {
    // What is no key belongs to no certificate.
    return false;
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Positive, and of the 20 bytes that RFC 5280 section 4.1.2.2 allows at most. */
function newSerial(): string {
  return `01${randomBytes(15).toString("hex")}`;
}

/** Names of Kubernetes objects, with blanks and slashes between: nothing that names of certificates could take for their syntax. */
const PLAIN_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ./-]*[A-Za-z0-9])?$/;
/** Source: RFC 5280, ub-common-name. */
const COMMON_NAME_LENGTH_MAX = 64;

function nameOf(commonName: string): string {
  assert(PLAIN_NAME.test(commonName), "a common name is made of names of objects");
  return `CN=${commonName.slice(0, COMMON_NAME_LENGTH_MAX).trim()}`;
}

function usages(x509: Library, { usage }: LeafRequest): string[] {
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  return usage === "Client" ? [clientAuth] : [serverAuth, clientAuth];
}

function alternativeNames(
  x509: Library,
  hosts: readonly string[],
): InstanceType<Library["SubjectAlternativeNameExtension"]>[] {
  if (hosts.length === 0) return [];
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ("dns" as const) : ("ip" as const), value: host }));
  return [new x509.SubjectAlternativeNameExtension(names)];
}

function hostsOf(certificate: X509Certificate): readonly string[] {
  const names = (certificate.subjectAltName ?? "").split(", ").flatMap((entry) => {
    const match = /^(?:DNS|IP Address):(.*)$/.exec(entry);
    return match?.[1] === undefined ? [] : [plainHost(match[1])];
  });
  return [...new Set(names)].sort();
}

/** One spelling for a name or an address, so that lists can be compared. */
export function plainHost(host: string): string {
  return isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
