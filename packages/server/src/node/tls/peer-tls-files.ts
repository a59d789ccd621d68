import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureVersion } from "node:tls";
import type { Logger } from "@quorate/base";
import { opensslCiphers, type PeerTlsConfig } from "../config/index.ts";
import type { PeerClientTls, PeerServerTls, PeerTls } from "../peer/index.ts";
import { secureContextOptions } from "../peer/peer-tls.ts";

const VERSIONS: Readonly<Record<PeerTlsConfig["minVersion"], SecureVersion>> = {
  "TLS1.2": "TLSv1.2",
  "TLS1.3": "TLSv1.3",
};

/**
 * Certificates and keys between members, from the files of the configuration, which are looked at for each new connection and read
 * again when one has changed. Files that cannot be used leave what was there before in use, with one warning. Throws when they
 * cannot be used at the start.
 */
export function loadPeerTls(config: PeerTlsConfig, logger: Logger): PeerTls {
  const { certFile, clientCertFile, clientKeyFile, crlFile, keyFile, trustedCaFile } = config;
  const common = {
    ...optional("ciphers", opensslCiphers(config.cipherSuites)),
    minVersion: VERSIONS[config.minVersion],
    ...optional("maxVersion", config.maxVersion === undefined ? undefined : VERSIONS[config.maxVersion]),
  };
  const server: RenewedFiles<PeerServerTls> = new RenewedFiles(
    [certFile, keyFile, trustedCaFile, crlFile],
    logger,
    () => ({
      ...common,
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      ...optional("ca", trustedCaFile === undefined ? undefined : readFileSync(trustedCaFile)),
      ...optional("crl", crlFile === undefined ? undefined : readCrl(crlFile)),
      clientCertAuth: config.clientCertAuth,
      allowedCns: config.allowedCns,
      allowedHostnames: config.allowedHostnames,
      skipClientSanVerify: config.skipClientSanVerification,
      renew: () => server.current(),
    }),
  );
  const client: RenewedFiles<PeerClientTls> = new RenewedFiles(
    [clientCertFile, clientKeyFile, trustedCaFile],
    logger,
    () => ({
      ...common,
      cert: readFileSync(clientCertFile),
      key: readFileSync(clientKeyFile),
      ...optional("ca", trustedCaFile === undefined ? undefined : readFileSync(trustedCaFile)),
      verifyServer: true,
      ...optional("serverName", config.serverName),
      renew: () => client.current(),
    }),
  );
  return { server: server.current(), client: client.current() };
}

/** A value made from files, made anew when they have changed. */
class RenewedFiles<T extends PeerServerTls | PeerClientTls> {
  readonly #paths: readonly string[];
  readonly #logger: Logger;
  readonly #read: () => T;
  #signature: string;
  #value: T;

  constructor(paths: readonly (string | undefined)[], logger: Logger, read: () => T) {
    this.#paths = paths.filter((path) => path !== undefined);
    this.#logger = logger;
    this.#read = read;
    this.#signature = this.#look();
    this.#value = this.#make();
  }

  current(): T {
    const signature = this.#look();
    if (signature === this.#signature) return this.#value;
    this.#signature = signature;
    try {
      this.#value = this.#make();
    } catch (error) {
      // Half of a pair may have been replaced: the other half changes the signature again.
      this.#logger.warn("cannot use the changed TLS files; the ones before stay in use", {
        files: this.#paths,
        error: error instanceof Error ? error.message : String(error),
      });
    }
    return this.#value;
  }

  #make(): T {
    const value = this.#read();
    // Finds a key that is not the certificate's before a connection does.
    createSecureContext(secureContextOptions(value));
    return value;
  }

  /** Changes whenever one of the files does. */
  #look(): string {
    return this.#paths
      .map((path) => {
        const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
        return stat === undefined ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
      })
      .join(",");
  }
}

/** Lists of revoked certificates come as PEM and as the bytes inside it. */
function readCrl(path: string): string {
  const bytes = readFileSync(path);
  const text = bytes.toString("latin1");
  if (text.includes("-----BEGIN")) return text;
  const lines = bytes.toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`;
}

/** The field, unless it has no value. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}
