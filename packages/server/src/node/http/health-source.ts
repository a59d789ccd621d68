/** What the HTTP endpoints want to know about the member. The server implements it. */

/** One raised alarm; `kind` as etcd spells it. */
export interface RaisedAlarm {
  readonly memberId: bigint;
  readonly kind: "NOSPACE" | "CORRUPT" | "UNKNOWN";
}

/** Called once: undefined when the read was served, else the text of the error (etcd's wording, e.g. `etcdserver: request timed out`). */
export type ReadDone = (error: string | undefined) => void;

/** Versions as text, e.g. `3.7.1`, `3.7.0`; undefined while not decided. */
export interface Versions {
  readonly server: string;
  readonly cluster: string | undefined;
  readonly storage: string | undefined;
}

/** All methods are called on the event loop, return at once and do not throw. */
export interface HealthSource {
  /** Whether this member knows a leader. */
  hasLeader(): boolean;
  isLearner(): boolean;
  /** Alarms raised in the cluster, in any order. */
  alarms(): readonly RaisedAlarm[];
  /** A one-key, keys-only range through read-index. `done` may be called at once; if never, the handler gives up by itself. */
  linearizableRead(done: ReadDone): void;
  /** The same from local state. */
  serializableRead(done: ReadDone): void;
  versions(): Versions;
  /** Raft status for `/debug/vars`, ids as lowercase hex strings; plain JSON values. */
  raftStatus(): Readonly<Record<string, unknown>>;
}
