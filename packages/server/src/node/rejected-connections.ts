import type { Logger } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";

/** Failures that say no more than that the other side went away: a probe of the port does that all the time. etcd: debug, too. */
const GONE: readonly string[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT"];

/** What ends a connection before it has carried anything, in etcd's words or plain ones. */
const REJECTIONS: Readonly<Record<string, string>> = {
  "tls-handshake": "tls: handshake failed",
  "tls-certificate": "client certificate authentication failed",
  "tls-on-plain-port": "the client speaks TLS, and this address does not",
  "unknown-protocol": "the client speaks neither HTTP nor gRPC",
  "too-many-handshakes": "too many TLS handshakes are under way",
  "too-many-connections": "too many connections are open",
  "preface-timeout": "the client has said nothing for too long",
};

/** OpenSSL's names of what went wrong in a handshake, in etcd's words; others are told as they are. */
const HANDSHAKE_FAILURES: Readonly<Record<string, string>> = {
  "http request": "tls: first record does not look like a TLS handshake",
  "wrong version number": "tls: first record does not look like a TLS handshake",
  "peer did not return a certificate": "tls: client didn't provide a certificate",
  "no shared cipher": "tls: no cipher suite supported by both client and server",
  "unsupported protocol": "tls: client offered only unsupported versions",
};

/**
 * An observer that also logs why connections of clients were rejected, under etcd's message, and what those that were served did that
 * they must not. One line each; the log keeps to a hundred equal ones a second.
 */
export function reportRejections(
  observer: GrpcObserver,
  logger: Logger,
): GrpcObserver & Required<Pick<GrpcObserver, "abuse">> {
  return {
    ...observer,
    abuse(kind, peer, reason) {
      observer.abuse?.(kind, peer, reason);
      const rejection = REJECTIONS[kind];
      if (rejection === undefined) {
        logger.warn("client connection broke a limit or the protocol", { "remote-addr": peer, breach: kind });
        return;
      }
      const isGone = kind === "tls-handshake" && reason !== undefined && GONE.includes(reason);
      logger[isGone ? "debug" : "warn"]("rejected connection on client endpoint", {
        "remote-addr": peer,
        error: reason === undefined ? rejection : handshakeWords(reason),
      });
    },
  };
}

function handshakeWords(reason: string): string {
  // What the client has said, such as that it does not trust the certificate it was shown.
  const alert = /^(?:sslv3|tlsv1|tlsv13) alert (.+)$/.exec(reason)?.[1];
  return alert === undefined ? (HANDSHAKE_FAILURES[reason] ?? reason) : `remote error: tls: ${alert}`;
}
