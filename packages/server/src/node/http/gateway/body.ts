/** Where the gateway reads a request's messages from: the body of an HTTP request, or a WebSocket. */
export interface Body {
  /** Called with bytes (borrowed). */
  onChunk: (chunk: Uint8Array) => void;
  /** Called once when everything has come. */
  onEnd: () => void;
  pause(): void;
  resume(): void;
  /** The rest is of no interest: a little is read so that the client sees the answer, then the connection goes. */
  discard(): void;
}
