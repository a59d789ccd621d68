/** Where the gateway writes an answer: over HTTP, or to a WebSocket. */
export interface Reply {
  /** False while the client takes nothing; who has more waits for `onDrain`. */
  readonly writable: boolean;
  /** Bytes that have not left. */
  readonly bufferedBytes: number;
  onDrain: (() => void) | undefined;
  /** Called once when the client has gone, unless the answer was complete. */
  onGone: (() => void) | undefined;
  /** Begins the answer; once, before the first `write` or `end`. */
  start(status: number, headers: ReplyHeaders): void;
  /** Returns `writable`. */
  write(text: string): boolean;
  /** The answer is complete. */
  end(text?: string): void;
  /** Cuts the answer off, so that the client sees that it is not complete. */
  destroy(): void;
}

/** In the order in which they are sent; a name may have several values. */
export type ReplyHeaders = ReadonlyArray<readonly [name: string, value: string]>;
