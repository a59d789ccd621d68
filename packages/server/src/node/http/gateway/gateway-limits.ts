/** What requests as JSON may cost. Sizes in bytes, times in ms. */
export interface GatewayLimits {
  /** Encoded size of a request message; that of gRPC. */
  readonly messageBytesMax: number;
  /** Requests under way, streams among them, over all connections. */
  readonly openCallsMax: number;
  /** The same of one client, which must not keep out all others by streams that cost it nothing. */
  readonly openCallsPerClientMax: number;
  /** JSON held of messages that are not complete, over all requests. */
  readonly heldBytesMax: number;
  /** A message that has begun, and the first message in any case, is there within. */
  readonly messageTimeoutMs: number;
  /** A client that takes nothing of what waits for it for so long is cut off. */
  readonly stallTimeoutMs: number;
}

export const GATEWAY_LIMITS: Omit<GatewayLimits, "messageBytesMax"> = {
  openCallsMax: 2048,
  openCallsPerClientMax: 512,
  heldBytesMax: 64 * 1024 * 1024,
  messageTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
};

/** Base64 takes four bytes for three; the rest is for names, space and escapes. */
export const JSON_BYTES_PER_MESSAGE_BYTE = 2;
