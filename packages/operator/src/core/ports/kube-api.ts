import type { KubeObject, ObjectKey, Resource } from "./kube-object.ts";

/** How the API server refused a request; `Timeout` and `Unavailable` leave open whether it was carried out. */
export type KubeErrorReason =
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Invalid"
  | "Forbidden"
  | "TooManyRequests"
  | "Gone"
  | "Timeout"
  | "Unavailable"
  | "Other";

/** A request that the API server refused or that never reached it. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly reason: KubeErrorReason;
  /** Milliseconds after which the server asked to be asked again; undefined if it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: KubeErrorReason, message: string, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface DeleteOptions extends Preconditions {
  readonly gracePeriodSeconds?: number;
  readonly propagation?: "Foreground" | "Background" | "Orphan";
}

/** Reads. Of a cache they may be stale: a hint. Before an irreversible act read from the {@link KubeApi} itself. */
export interface KubeReader {
  /** The object, or undefined if there is none. */
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined>;
  /** Objects of one namespace ("" for all) that carry all these labels; "" as a label's value: it is there, whatever its value. */
  list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<readonly T[]>;
}

/** The Kubernetes API as the controllers use it. Every call is one request; all reject with {@link KubeError}. */
export interface KubeApi extends KubeReader {
  /** Rejects with `AlreadyExists` if there is one of this name. */
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /** Server-side apply: the fields given are owned by `fieldManager`, by force; other fields stay. Creates what is not there. */
  apply<T extends KubeObject>(resource: Resource<T>, object: T, fieldManager: string): Promise<T>;
  /** JSON merge patch (RFC 7386); with `resourceVersion` in the patch's metadata rejects with `Conflict` if it changed. */
  patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T>;
  /** Replaces the whole status, on the subresource; `resourceVersion` guards against overwriting a newer one. */
  patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    preconditions?: Preconditions,
  ): Promise<T>;
  /** `gone` if there was none; rejects with `Conflict` if it is not the one that the preconditions mean. */
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<"deleted" | "gone">;
  /** Through the Eviction API, so that disruption budgets count: `refused` when one says no. */
  evict(pod: ObjectKey, preconditions?: Preconditions): Promise<"evicted" | "refused" | "gone">;
}
