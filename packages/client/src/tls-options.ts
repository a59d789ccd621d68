import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import type { EndpointAddress } from "./endpoint-address.ts";

/** How the client and its servers prove who they are. All material is PEM. */
export interface TlsOptions {
  /** Certificates of authorities to trust; default: those that Node.js trusts. */
  readonly ca?: string | Uint8Array;
  /** The client's certificate, with its chain; only together with `key`. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** What an encrypted key is opened with. */
  readonly passphrase?: string;
  /** The name that the server's certificate must bear, where that is not the endpoint's host; also sent as SNI. */
  readonly serverName?: string;
  /** Accepts any certificate: for tests; it leaves connections open to interception. Default false. */
  readonly insecureSkipVerify?: boolean;
}

/** Credentials of a channel, and the channel options that belong to them. */
export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: Readonly<Record<string, string>>;
}

/** Sent as SNI for addresses, which SNI cannot name; Node.js would warn about each. A name nobody has, by RFC 2606. */
const NO_NAME = "address.invalid";

/** The security of a connection to `address`. Throws TypeError for https without usable material. */
export function channelSecurity(address: EndpointAddress, tls: TlsOptions | undefined): ChannelSecurity {
  if (address.security === "forbidden" || (address.security === "optional" && tls === undefined)) {
    return { credentials: credentials.createInsecure(), options: {} };
  }
  const expected = tls?.serverName ?? address.host;
  const verifyOptions = {
    rejectUnauthorized: tls?.insecureSkipVerify !== true,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(expected, certificate),
  };
  return {
    credentials: credentials.createFromSecureContext(secureContext(tls ?? {}), verifyOptions),
    options: { "grpc.ssl_target_name_override": isIP(expected) === 0 ? expected : NO_NAME },
  };
}

function secureContext(tls: TlsOptions): ReturnType<typeof createSecureContext> {
  if ((tls.cert === undefined) !== (tls.key === undefined)) throw new TypeError("tls.cert and tls.key go together");
  try {
    return createSecureContext({
      minVersion: "TLSv1.2",
      ca: pem(tls.ca),
      cert: pem(tls.cert),
      key: pem(tls.key),
      passphrase: tls.passphrase,
    });
  } catch (error) {
    throw new TypeError(`the TLS material cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

function pem(material: string | Uint8Array | undefined): string | Buffer | undefined {
  return material === undefined || typeof material === "string" ? material : Buffer.from(material);
}
