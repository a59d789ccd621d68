import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "@quorate/base";
import type { TlsOptions } from "@quorate/grpc";
import type { ServerTlsConfig } from "../config/index.ts";
import { brokenRule } from "./certificate-rules.ts";
import { RenewedFiles } from "./renewed-files.ts";
import { loadRevocationReader } from "./revoked-serials.ts";
import { openSelfSigned } from "./self-signed.ts";
import { checkPair, readCertificates, readPrivateKey, suitesAndVersions, tlsInfo, warnOfTime } from "./tls-files.ts";

interface ClientTlsMaterial {
  readonly context: SecureContextOptions;
  readonly revoked: ReadonlySet<string>;
}

/**
 * TLS towards clients, from the files of the configuration, which are looked at for each new connection and read again when one has
 * changed. Makes the certificate of `--auto-tls` if there is none. Rejects when the files cannot be used at the start.
 */
export async function loadClientTls(config: ServerTlsConfig, logger: Logger): Promise<TlsOptions> {
  const { certFile, clientCertAuth, crlFile, keyFile, trustedCaFile } = config;
  const own = config.selfSigned === undefined ? undefined : await openSelfSigned(config, config.selfSigned, logger);
  logger.info("starting with client TLS", tlsInfo(config));
  const readRevoked = crlFile === undefined ? undefined : await loadRevocationReader();
  const files = new RenewedFiles([certFile, keyFile, trustedCaFile, crlFile], logger, (): ClientTlsMaterial => {
    const cert = readCertificates(certFile);
    const context: SecureContextOptions = {
      ...suitesAndVersions(config),
      cert,
      key: readPrivateKey(keyFile),
      ...(trustedCaFile === undefined ? {} : { ca: readCertificates(trustedCaFile) }),
      // A session that is resumed brings no certificate to verify; authorities and revocations may have changed since.
      ...(clientCertAuth ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
    };
    checkPair(context, config);
    warnOfTime(cert, certFile, logger);
    return { context, revoked: crlFile === undefined ? new Set() : (readRevoked?.(crlFile) ?? new Set()) };
  });
  let material = files.current();
  return {
    ...material.context,
    requestCert: clientCertAuth,
    rejectUnauthorized: clientCertAuth,
    renew: () => {
      own?.renewIfExpired();
      material = files.current();
      return material.context;
    },
    verify: (socket) => brokenRule(socket, { ...config, revoked: material.revoked }),
  };
}
