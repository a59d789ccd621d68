/** What keys are made of; names as in the custom resource. */
export type KeyAlgorithm = "ECDSA-P256" | "ECDSA-P384" | "RSA-3072" | "Ed25519";

/** A certificate and its private key, both PEM. The key is a secret: it goes into Secrets and nowhere else, never into a log line. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface AuthorityRequest {
  readonly commonName: string;
  readonly algorithm: KeyAlgorithm;
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface LeafRequest extends AuthorityRequest {
  /** Names and addresses that the certificate is for; empty for clients. */
  readonly hosts: readonly string[];
  /** Every leaf may act as a client; servers' may serve as well. */
  readonly usage: "ServerAndClient" | "Client";
}

/** What can be read from a certificate without its key. */
export interface CertificateFacts {
  readonly commonName: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS names in lower case and addresses, sorted. */
  readonly hosts: readonly string[];
  readonly algorithm: KeyAlgorithm | undefined;
  /** SHA-256 of this certificate, hexadecimal. */
  readonly fingerprint: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
}

/** Makes certificates. */
export interface CertificateMaker {
  createAuthority(request: AuthorityRequest): Promise<KeyPair>;
  /** The leaf does not outlive its authority. Rejects if the authority cannot be read. */
  issue(authority: KeyPair, request: LeafRequest): Promise<KeyPair>;
  /** Undefined if this is no certificate. Of several certificates the first. */
  inspect(certPem: string): CertificateFacts | undefined;
  /** Each certificate of a file that holds several. */
  split(certsPem: string): readonly string[];
  /** Letters and digits that nobody can guess, for passwords. */
  randomText(): string;
  /** Whether the certificate is of this authority and belongs to this key. */
  isIssuedBy(pair: KeyPair, authorityPem: string): boolean;
}
