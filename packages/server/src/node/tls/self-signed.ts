import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import type { Logger } from "@quorate/base";
import type { SelfSignedConfig } from "../config/index.ts";
import { errorText } from "../peer/peer-dialer.ts";
import { loadX509 } from "./x509-library.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;
/** A certificate that could not be made is tried again after so long. */
const RETRY_MS = 60_000;
/** Clocks of clients may be behind. */
const BACKDATED_MS = 60_000;

/** Where a certificate that the member makes itself, and its key, are kept. */
export interface SelfSignedFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate of the member's own making. */
export interface SelfSigned {
  /** Begins to make a new one if the present one is no longer valid; the files change when it is there. */
  renewIfExpired(): void;
}

/**
 * Makes a certificate and its key unless they are there, belong together and are valid. As etcd does for `--auto-tls` and
 * `--peer-auto-tls`, except that one which has expired is made anew. `wallMs` is for tests.
 */
export async function openSelfSigned(
  files: SelfSignedFiles,
  config: SelfSignedConfig,
  logger: Logger,
  wallMs: () => number = Date.now,
): Promise<SelfSigned> {
  let expiresMs = expiry(files);
  const make = async (): Promise<void> => {
    expiresMs = wallMs() + config.validityYears * YEAR_MS;
    logger.warn("automatically generate certificates", {
      "certificate-validity-bound-not-after": new Date(expiresMs).toISOString(),
      path: files.certFile,
    });
    await writePair(files, config.hosts, wallMs() - BACKDATED_MS, expiresMs);
  };
  if (expiresMs <= wallMs()) await make();
  return {
    renewIfExpired() {
      if (expiresMs > wallMs()) return;
      make().catch((error: unknown) => {
        expiresMs = wallMs() + RETRY_MS;
        logger.warn("cannot make a new certificate; the one that has expired stays in use", {
          error: errorText(error),
        });
      });
    },
  };
}

/** When the present certificate expires; 0 if there is none, or none that can be used. */
function expiry({ certFile, keyFile }: SelfSignedFiles): number {
  if (!existsSync(certFile) || !existsSync(keyFile)) return 0;
  try {
    const certificate = new X509Certificate(readFileSync(certFile));
    const isPair = certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
    return isPair ? Date.parse(certificate.validTo) : 0;
  } catch {
    return 0;
  }
}

async function writePair(
  { certFile, keyFile }: SelfSignedFiles,
  hosts: readonly string[],
  notBeforeMs: number,
  notAfterMs: number,
): Promise<void> {
  const { certificate, key } = await generate(hosts, notBeforeMs, notAfterMs);
  mkdirSync(dirname(certFile), { recursive: true, mode: 0o700 });
  // The certificate comes last: where there is one, there is its key.
  replaceFile(keyFile, key, 0o600);
  replaceFile(certFile, certificate, 0o644);
}

async function generate(
  hosts: readonly string[],
  notBeforeMs: number,
  notAfterMs: number,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const x509 = await loadX509();
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { KeyUsageFlags } = x509;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive, and of the 20 bytes that RFC 5280 section 4.1.2.2 allows at most.
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    name: "O=quorate",
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ...(hosts.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName))]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" });
  return { certificate: `${certificate.toString("pem")}\n`, key: String(key) };
}

function alternativeName(host: string): { readonly type: "ip" | "dns"; readonly value: string } {
  return { type: isIP(host) === 0 ? "dns" : "ip", value: host };
}

function replaceFile(path: string, text: string, mode: number): void {
  const next = `${path}.new`;
  writeFileSync(next, text, { mode });
  renameSync(next, path);
}
