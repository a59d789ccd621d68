/** What a store knows of one of its objects. */
export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch; by the store's clock. */
  readonly modifiedMs: number;
}

/** What became of a stream that was put. */
export interface PutResult {
  readonly sizeBytes: number;
  /** SHA-256 of what was sent, in hexadecimal. */
  readonly sha256: string;
  /**
   * True if the store itself said that it holds exactly these bytes; false if it gave no checksum that could be compared, so that only
   * reading it back tells.
   */
  readonly isConfirmed: boolean;
}

/**
 * Where artifacts are kept. Keys are relative to the destination. All methods reject with {@link AgentError}; what can be tried again
 * was tried again before.
 */
export interface ArtifactStore {
  /** For messages. */
  readonly name: string;
  /**
   * Writes a whole object or nothing: it appears once `source` has ended well, and is never written over (`AlreadyExists`).
   * `sizeBytesExpected` is what parts are sized by; the stream may be smaller or somewhat larger.
   */
  put(key: string, source: AsyncIterable<Uint8Array>, sizeBytesExpected: number): Promise<PutResult>;
  /** The bytes of an object, in pieces that the receiver may keep; rejects with `NotFound`. */
  get(key: string): AsyncIterable<Uint8Array>;
  /** Undefined if there is none. */
  stat(key: string): Promise<StoredObject | undefined>;
  /** Every object below a folder, which ends in a slash; rejects rather than giving some of them. */
  list(folder: string): Promise<readonly StoredObject[]>;
  /** Resolves also if there was none. */
  delete(key: string): Promise<void>;
  /** Gives up unfinished writes below a folder that were begun before then; resolves to how many. */
  abandonWrites(folder: string, beforeMs: number): Promise<number>;
}
