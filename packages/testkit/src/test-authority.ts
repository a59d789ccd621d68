import { randomBytes, webcrypto } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

const DAY_MS = 24 * 3600 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

type Library = typeof import("@peculiar/x509");
type CryptoPair = webcrypto.CryptoKeyPair;

/** What a certificate says beside its name. */
export interface IssueOptions {
  /** Common name; default: the name of the files. */
  readonly commonName?: string;
  /** Names and addresses it is for; default: loopback. */
  readonly hosts?: readonly string[];
  /** Milliseconds since the epoch; default: a day ago, and a day from now. */
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

/** A certificate and its key, in PEM, as texts and files. */
export interface IssuedPair {
  readonly certificate: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
}

/**
 * A certificate authority for tests. Its files, and those of what it issues, lie in one directory: `<name>.pem` and `<name>.key.pem`;
 * issuing the same name again replaces them, the certificate first.
 */
export class TestAuthority {
  readonly #directory: string;
  readonly #library: Library;
  readonly #keys: CryptoPair;
  readonly #issuer: string;
  /** The authority's own certificate, PEM, and where it lies. */
  readonly certificate: string;
  readonly caFile: string;

  private constructor(directory: string, name: string, library: Library, keys: CryptoPair, certificate: string) {
    this.#directory = directory;
    this.#library = library;
    this.#keys = keys;
    this.#issuer = `CN=${name}`;
    this.certificate = certificate;
    this.caFile = join(directory, `${name}.pem`);
  }

  static async create(directory: string, name: string = "ca"): Promise<TestAuthority> {
    // What the library builds on asks for this before anything else.
    await import("reflect-metadata");
    const library = await import("@peculiar/x509");
    const keys = await generateKeys();
    const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509CertificateGenerator } = library;
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    const authority = new TestAuthority(directory, name, library, keys, `${certificate.toString("pem")}\n`);
    writeFileSync(authority.caFile, authority.certificate);
    return authority;
  }

  /** Issues a certificate for servers and clients alike. */
  async issue(name: string, options: IssueOptions = {}): Promise<IssuedPair> {
    const { commonName = name, hosts = LOOPBACK } = options;
    const { ExtendedKeyUsage, ExtendedKeyUsageExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } =
      this.#library;
    const keys = await generateKeys();
    const serialNumber = newSerial();
    const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      subject: commonName === "" ? "O=nameless" : `CN=${commonName}`,
      issuer: this.#issuer,
      notBefore: new Date(options.notBeforeMs ?? Date.now() - DAY_MS),
      notAfter: new Date(options.notAfterMs ?? Date.now() + DAY_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    });
    const pair = { certificate: `${certificate.toString("pem")}\n`, key: await privateKeyPem(keys.privateKey) };
    const [certFile, keyFile] = [`${name}.pem`, `${name}.key.pem`].map((file) => join(this.#directory, file)) as [
      string,
      string,
    ];
    replaceFile(certFile, pair.certificate);
    replaceFile(keyFile, pair.key);
    return { ...pair, certFile, keyFile, serialNumber };
  }

  /** Writes a list of revoked certificates, DER as etcd wants it, and returns its path. */
  async revoke(file: string, serialNumbers: readonly string[]): Promise<string> {
    const list = await this.#library.X509CrlGenerator.create({
      issuer: this.#issuer,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + DAY_MS),
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
    });
    const path = join(this.#directory, file);
    replaceFile(path, Buffer.from(list.rawData));
    return path;
  }
}

async function generateKeys(): Promise<CryptoPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

/** Positive, and no longer than RFC 5280 allows. */
function newSerial(): string {
  return `01${randomBytes(15).toString("hex")}`;
}

/** At once, as tools that renew certificates do. */
function replaceFile(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}
