import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";
import type { Logger } from "@quorate/base";
import { opensslCiphers, type ServerTlsConfig } from "../config/index.ts";

const VERSIONS: Readonly<Record<ServerTlsConfig["minVersion"], SecureVersion>> = {
  "TLS1.2": "TLSv1.2",
  "TLS1.3": "TLSv1.3",
};

/** What there is to know of a configuration at a start, in etcd's form. */
export function tlsInfo(config: ServerTlsConfig): Readonly<Record<string, unknown>> {
  const { certFile, cipherSuites, clientCertAuth, crlFile = "", keyFile, trustedCaFile = "" } = config;
  return {
    "tls-info":
      `cert = ${certFile}, key = ${keyFile}, trusted-ca = ${trustedCaFile}, client-cert-auth = ${clientCertAuth}, ` +
      `crl-file = ${crlFile}`,
    "cipher-suites": cipherSuites,
  };
}

/** As the runtime takes them. */
export interface SuitesAndVersions {
  readonly ciphers?: string;
  readonly minVersion: SecureVersion;
  readonly maxVersion?: SecureVersion;
}

/** The suites and versions of a configuration. */
export function suitesAndVersions(
  config: Pick<ServerTlsConfig, "cipherSuites" | "minVersion" | "maxVersion">,
): SuitesAndVersions {
  const ciphers = opensslCiphers(config.cipherSuites);
  return {
    minVersion: VERSIONS[config.minVersion],
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(config.maxVersion === undefined ? {} : { maxVersion: VERSIONS[config.maxVersion] }),
  };
}

/**
 * The certificates of a PEM file. Throws, naming the file, unless there is one and all of them are whole: OpenSSL would take as many as
 * it can read of a file that is just being written, down to none.
 */
export function readCertificates(path: string): Buffer {
  const bytes = readFileSync(path);
  const text = bytes.toString("latin1");
  const whole = text.match(
    /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (TRUSTED |X509 )?CERTIFICATE-----/g,
  );
  const begun = text.match(/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/g)?.length ?? 0;
  if (whole === null || whole.length !== begun) {
    throw new Error(`${path} holds ${begun === 0 ? "no certificate" : "an incomplete certificate"}`);
  }
  for (const certificate of whole) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw new Error(`${path} holds a certificate that cannot be read`, { cause: error });
    }
  }
  return bytes;
}

/** The private key of a PEM file. Throws, naming the file, when there is none that can be read. */
export function readPrivateKey(path: string): Buffer {
  const bytes = readFileSync(path);
  try {
    createPrivateKey(bytes);
  } catch (error) {
    throw new Error(`${path} holds no private key that can be read`, { cause: error });
  }
  return bytes;
}

/** Throws, naming the files, when a certificate and a key cannot be used, with each other or at all; before a connection finds out. */
export function checkPair(context: SecureContextOptions, { certFile, keyFile }: PairFiles): void {
  try {
    createSecureContext(context);
  } catch (error) {
    const { code, reason, message } = error as {
      readonly code?: string;
      readonly reason?: string;
      readonly message?: string;
    };
    // etcd's words.
    const isOther = code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH" || code === "ERR_OSSL_X509_KEY_TYPE_MISMATCH";
    const problem = isOther ? "tls: private key does not match public key" : (reason ?? message ?? "");
    throw new Error(`${problem} (${certFile}, ${keyFile})`, { cause: error });
  }
}

/** Warns of a certificate whose time is over or has not begun: it can be served, and nobody will trust it. */
export function warnOfTime(certificates: Buffer, path: string, logger: Logger): void {
  const { validFrom, validTo } = new X509Certificate(certificates);
  const fields = { path, "not-before": validFrom, "not-after": validTo };
  if (Date.parse(validTo) < Date.now()) logger.warn("certificate has expired", fields);
  else if (Date.parse(validFrom) > Date.now()) logger.warn("certificate is not valid yet", fields);
}

interface PairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}
