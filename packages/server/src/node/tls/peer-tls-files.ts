import { constants } from "node:crypto";
import type { Logger } from "@quorate/base";
import type { PeerTlsConfig } from "../config/index.ts";
import type { PeerClientTls, PeerServerTls, PeerTls } from "../peer/index.ts";
import { secureContextOptions, type TlsMaterial } from "../peer/peer-tls.ts";
import { RenewedFiles } from "./renewed-files.ts";
import { loadRevocationReader } from "./revoked-serials.ts";
import { openSelfSigned } from "./self-signed.ts";
import { checkPair, readCertificates, readPrivateKey, suitesAndVersions, tlsInfo, warnOfTime } from "./tls-files.ts";

/**
 * Certificates and keys between members, from the files of the configuration, which are looked at for each new connection and read
 * again when one has changed. Makes the certificate of `--peer-auto-tls` if there is none. Rejects when the files cannot be used at
 * the start.
 */
export async function loadPeerTls(config: PeerTlsConfig, logger: Logger): Promise<PeerTls> {
  const { certFile, clientCertFile, clientKeyFile, crlFile, keyFile, trustedCaFile } = config;
  const own = config.selfSigned === undefined ? undefined : await openSelfSigned(config, config.selfSigned, logger);
  logger.info("starting with peer TLS", tlsInfo(config));
  const readRevoked = crlFile === undefined ? undefined : await loadRevocationReader();
  const pair = (files: Pick<PeerTlsConfig, "certFile" | "keyFile">): TlsMaterial => {
    const cert = readCertificates(files.certFile);
    const material = {
      ...suitesAndVersions(config),
      ...(trustedCaFile === undefined ? {} : { ca: readCertificates(trustedCaFile) }),
      cert,
      key: readPrivateKey(files.keyFile),
    };
    checkPair(secureContextOptions(material), files);
    warnOfTime(cert, files.certFile, logger);
    return material;
  };
  const renewed = <T>(files: RenewedFiles<T>): T => {
    own?.renewIfExpired();
    return files.current();
  };
  const server: RenewedFiles<PeerServerTls> = new RenewedFiles(
    [certFile, keyFile, trustedCaFile, crlFile],
    logger,
    () => ({
      ...pair({ certFile, keyFile }),
      // A session that is resumed brings no certificate to verify; authorities and revocations may have changed since.
      ...(config.clientCertAuth ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
      clientCertAuth: config.clientCertAuth,
      allowedCns: config.allowedCns,
      allowedHostnames: config.allowedHostnames,
      revoked: crlFile === undefined ? new Set() : (readRevoked?.(crlFile) ?? new Set()),
      skipClientSanVerify: config.skipClientSanVerification,
      renew: () => renewed(server),
    }),
  );
  const client: RenewedFiles<PeerClientTls> = new RenewedFiles(
    [clientCertFile, clientKeyFile, trustedCaFile],
    logger,
    () => ({
      ...pair({ certFile: clientCertFile, keyFile: clientKeyFile }),
      // Nobody vouches for certificates that members make themselves.
      verifyServer: config.selfSigned === undefined,
      ...(config.serverName === undefined ? {} : { serverName: config.serverName }),
      renew: () => renewed(client),
    }),
  );
  return { server: server.current(), client: client.current() };
}
