import type { KeyPair } from "./certificates.ts";

/** Looks at a TLS listener from outside. */
export interface TlsProbe {
  /** Undefined if nothing was reached, or nothing came in time. Never rejects. */
  look(request: TlsLook): Promise<TlsSight | undefined>;
}

export interface TlsLook {
  readonly host: string;
  readonly port: number;
  /** Shown to the listener. */
  readonly pair: KeyPair;
  /** Whether it matters that the listener takes it, which costs a request. */
  readonly asks: boolean;
}

export interface TlsSight {
  /** SHA-256 of the certificate that the listener showed, hexadecimal; undefined if it ended the handshake before. */
  readonly fingerprint: string | undefined;
  /** It answered a request; undefined where nothing was asked. */
  readonly isAccepted: boolean | undefined;
}
