import type { Clock, Logger, Prng } from "@quorate/base";
import type { EtcdApi, EventNote, KubeApi, KubeObject, KubeReader, ObjectKey, Resource } from "../../core/index.ts";

/**
 * Keeps the objects of one kind as their specs ask. The manager calls `reconcile` with one key at a time, never twice at once for a key,
 * whenever something watched changed, the requeue time came, or the pass before failed.
 */
export interface Controller {
  /** In logs, metrics and as the events' reporting controller; kebab-case. */
  readonly name: string;
  /** Objects whose keys are reconciled. */
  readonly primary: Resource;
  /** Other objects whose changes make a primary one worth a pass. */
  readonly watches: readonly Watch[];
  /**
   * One pass: looks at the world, does at most one step and never waits for its effect.
   * Rejects if the pass failed; then it is repeated with growing delays. Also called for keys that are gone.
   */
  reconcile(key: ObjectKey): Promise<ReconcileResult>;
}

export interface ReconcileResult {
  /** Milliseconds until the next pass if nothing changes before; absent: only when something changes, or at the resync. */
  readonly requeueAfterMs?: number;
  /** Which rule decided, for the metric of steps; absent: nothing was done. */
  readonly step?: string;
}

/** What of a kind is watched, and whose pass a change of it asks for. */
export interface Watch {
  readonly resource: Resource;
  /** Only objects with all these labels are watched and kept; absent: all. "" as a value: the label is there, whatever its value. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The primary object that this one belongs to. Must not throw. */
  mapToPrimary(object: KubeObject): ObjectKey | undefined;
}

/** Everything that a controller touches the world through; in the simulation all of it is a model. */
export interface ControllerDeps {
  /** Live: each call is a request. */
  readonly api: KubeApi;
  /** What the controllers watch, as last seen: a hint. Reads of a kind that nobody watches reject. */
  readonly cache: KubeReader;
  readonly etcd: EtcdApi;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly events: EventSink;
  readonly options: OperatorOptions;
}

/** Tells users of a transition through an Event. Best effort: never rejects, never waits; the same note repeated becomes a series. */
export interface EventSink {
  emit(regarding: KubeObject, note: EventNote): void;
}

/** How this operator was set up (flags, environment); the same for all clusters. */
export interface OperatorOptions {
  /** Namespace that the operator itself runs in. */
  readonly operatorNamespace: string;
  /** Image of this operator, for init containers and for the Jobs of snapshots. */
  readonly operatorImage: string;
  /** Repository of the server's image where a cluster names none; the tag is the version. */
  readonly serverImageRepository: string;
  /** Version of clusters that name none, as 3.6.4. */
  readonly defaultServerVersion: string;
  /** Of the Kubernetes cluster, as `cluster.local`. */
  readonly clusterDomain: string;
  /** False where the operator may not read nodes. */
  readonly canReadNodes: boolean;
  /** False where the operator may not read storage classes. */
  readonly canReadStorageClasses: boolean;
  /** False once leadership was lost: nothing may be written any more (gate G10). */
  isLeader(): boolean;
}
