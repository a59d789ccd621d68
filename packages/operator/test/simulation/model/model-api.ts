import {
  CLAIMS,
  type DeleteOptions,
  DISRUPTION_BUDGETS,
  type DisruptionBudget,
  type KubeApi,
  KubeError,
  type KubeObject,
  type KubeReader,
  type ObjectKey,
  type ObjectMeta,
  PODS,
  type Pod,
  type Preconditions,
  type Resource,
} from "../../../src/core/index.ts";
import type { SimClock } from "./sim-clock.ts";

type Json = { readonly [field: string]: unknown };

interface Version {
  readonly atMs: number;
  readonly object: KubeObject | undefined;
}

interface Slot {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Oldest first; the last one is the present. */
  versions: Version[];
}

/** Versions older than this are not needed by any view, however stale. */
const KEPT_MS = 60_000;

/**
 * An API server as the operator knows it: versions, UIDs, generations, finalizers, preconditions, owners, Pods that end gracefully, claims
 * that stay while they are in use. Objects are never changed in place, so whoever holds one holds a moment of it.
 */
export class ModelApi implements KubeApi {
  readonly #clock: SimClock;
  readonly #slots = new Map<string, Slot>();
  #version = 0;
  #uid = 0;
  /** Told of every change; watches of the operator and of the kubelet. */
  readonly listeners: ((object: KubeObject) => void)[] = [];

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  // Reads.

  peek<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined {
    return this.#slots.get(slotKey(resource.kind, key))?.versions.at(-1)?.object as T | undefined;
  }

  /** All objects of a kind as they were `staleMs` ago. */
  all<T extends KubeObject>(
    resource: Resource<T>,
    namespace = "",
    labels: Readonly<Record<string, string>> = {},
    staleMs = 0,
  ): readonly T[] {
    const found: T[] = [];
    for (const slot of this.#slots.values()) {
      if (slot.kind !== resource.kind || (namespace !== "" && slot.namespace !== namespace)) continue;
      const object = this.#at(slot, staleMs);
      if (object !== undefined && carries(object, labels)) found.push(object as T);
    }
    return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  #at(slot: Slot, staleMs: number): KubeObject | undefined {
    if (staleMs === 0) return slot.versions.at(-1)?.object;
    const thenMs = this.#clock.nowMs() - staleMs;
    let found: KubeObject | undefined;
    for (const version of slot.versions) {
      if (version.atMs > thenMs) break;
      found = version.object;
    }
    return found;
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    return this.peek(resource, key);
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    return this.all(resource, namespace, labels);
  }

  /** What informers hold: everything as it was `staleMs()` ago. */
  cache(staleMs: () => number): KubeReader {
    return {
      get: async (resource, key) => {
        const slot = this.#slots.get(slotKey(resource.kind, key));
        return slot === undefined ? undefined : (this.#at(slot, staleMs()) as never);
      },
      list: async (resource, namespace, labels) => this.all(resource, namespace, labels, staleMs()),
    };
  }

  // Writes.

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const key = keyOf(object);
    if (this.peek(resource, key) !== undefined)
      throw new KubeError("AlreadyExists", `${resource.kind} ${key.name} already exists`);
    this.#uid += 1;
    const metadata: ObjectMeta = {
      ...object.metadata,
      uid: `${resource.kind.toLowerCase()}-${this.#uid}`,
      creationTimestamp: this.#clock.iso(),
      generation: 1,
    };
    const { status: _, ...rest } = object as T & { readonly status?: unknown };
    return this.#store(resource, { ...rest, metadata } as unknown as T);
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const live = this.peek(resource, keyOf(object));
    if (live === undefined) return await this.create(resource, object);
    return this.#update(resource, live, mergePatch(live as never, withoutUndefined(object) as Json) as never);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T> {
    const live = this.#must(resource, key);
    const { metadata } = patch as { readonly metadata?: ObjectMeta };
    checkPreconditions(live, metadata ?? {});
    const merged = mergePatch(live as never, withoutUndefined(patch) as Json) as unknown as T;
    return this.#update(resource, live, { ...merged, status: (live as T & { status?: unknown }).status } as T);
  }

  async patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    preconditions: Preconditions = {},
  ): Promise<T> {
    const live = this.#must(resource, key);
    checkPreconditions(live, preconditions);
    return this.#update(resource, live, { ...live, status: withoutUndefined(status) } as T);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<"deleted" | "gone"> {
    const live = this.peek(resource, key);
    if (live === undefined) return "gone";
    checkPreconditions(live, options);
    this.remove(resource, live, options.gracePeriodSeconds === 0);
    return "deleted";
  }

  async evict(pod: ObjectKey, preconditions: Preconditions = {}): Promise<"evicted" | "refused" | "gone"> {
    const live = this.peek(PODS, pod);
    if (live === undefined) return "gone";
    checkPreconditions(live, preconditions);
    if (!this.mayEvict(live)) return "refused";
    this.remove(PODS, live, false);
    return "evicted";
  }

  /** What the disruption controller would say. */
  mayEvict(pod: Pod): boolean {
    for (const budget of this.all(DISRUPTION_BUDGETS, pod.metadata.namespace) as readonly DisruptionBudget[]) {
      const labels = budget.spec.selector.matchLabels ?? {};
      if (!carries(pod, labels)) continue;
      const covered = this.all(PODS, pod.metadata.namespace, labels);
      const healthy = covered.filter((other) => isReady(other) && other.metadata.deletionTimestamp === undefined);
      if (!isReady(pod) && budget.spec.unhealthyPodEvictionPolicy === "AlwaysAllow") continue;
      const rest = healthy.length - (isReady(pod) ? 1 : 0);
      if (rest < budget.spec.minAvailable) return false;
    }
    return true;
  }

  /** By anybody. A Pod ends gracefully, unless it never ran; a claim stays while a Pod uses it; finalizers hold everything. */
  remove<T extends KubeObject>(resource: Resource<T>, live: T, isForced: boolean): void {
    const isHeld = this.#isHeld(resource, live, isForced);
    if (!isHeld) return this.#drop(resource, live);
    if (live.metadata.deletionTimestamp !== undefined) return;
    this.#store(resource, { ...live, metadata: { ...live.metadata, deletionTimestamp: this.#clock.iso() } });
  }

  #isHeld(resource: Resource, live: KubeObject, isForced: boolean): boolean {
    if ((live.metadata.finalizers ?? []).length > 0) return true;
    if (resource.kind === "Pod") return !isForced && (live as Pod).spec.nodeName !== undefined;
    if (resource.kind === "PersistentVolumeClaim") return this.#isInUse(live);
    return false;
  }

  #isInUse(claim: KubeObject): boolean {
    return this.all(PODS, claim.metadata.namespace).some((pod) =>
      pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === claim.metadata.name),
    );
  }

  /** Gone for good, with what it owned. */
  #drop(resource: Resource, live: KubeObject): void {
    const slot = this.#slots.get(slotKey(resource.kind, keyOf(live)));
    if (slot === undefined) return;
    slot.versions.push({ atMs: this.#clock.nowMs(), object: undefined });
    this.#tell(live);
    this.#clock.after(300, () => this.#collect(live.metadata.uid ?? ""));
    if (resource.kind === "Pod") this.#clock.after(50, () => this.#releaseClaims());
  }

  #collect(owner: string): void {
    for (const slot of this.#slots.values()) {
      const object = slot.versions.at(-1)?.object;
      if (object?.metadata.ownerReferences?.some((reference) => reference.uid === owner) === true) {
        this.remove({ apiVersion: object.apiVersion, kind: object.kind, plural: "", namespaced: true }, object, false);
      }
    }
  }

  #releaseClaims(): void {
    for (const claim of this.all(CLAIMS))
      if (claim.metadata.deletionTimestamp !== undefined) this.remove(CLAIMS, claim, false);
  }

  /** The kubelet's and other controllers' writes: no precondition, status and all. */
  put<T extends KubeObject>(resource: Resource<T>, object: T): T {
    return this.#store(resource, object);
  }

  #must<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T {
    const live = this.peek(resource, key);
    if (live === undefined) throw new KubeError("NotFound", `${resource.kind} ${key.name} not found`);
    return live;
  }

  #update<T extends KubeObject>(resource: Resource<T>, live: T, next: T): T {
    if (isEqual(live, next)) return live;
    const hasNewSpec = !isEqual((live as T & { spec?: unknown }).spec, (next as T & { spec?: unknown }).spec);
    const generation = (live.metadata.generation ?? 1) + (hasNewSpec ? 1 : 0);
    const stored = { ...next, metadata: { ...next.metadata, uid: live.metadata.uid, generation } } as T;
    const isLetGo = stored.metadata.deletionTimestamp !== undefined && !this.#isHeld(resource, stored, false);
    if (!isLetGo) return this.#store(resource, stored);
    this.#drop(resource, stored);
    return stored;
  }

  #store<T extends KubeObject>(resource: Resource<T>, object: T): T {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    const key = keyOf(stored);
    const id = slotKey(resource.kind, key);
    const nowMs = this.#clock.nowMs();
    const slot = this.#slots.get(id) ?? { kind: resource.kind, namespace: key.namespace, name: key.name, versions: [] };
    this.#slots.set(id, slot);
    slot.versions.push({ atMs: nowMs, object: stored });
    if (slot.versions.length > 50)
      slot.versions = slot.versions.filter(
        (version, index) => version.atMs >= nowMs - KEPT_MS || index >= slot.versions.length - 2,
      );
    this.#tell(stored);
    return stored;
  }

  #tell(object: KubeObject): void {
    for (const listener of this.listeners) listener(object);
  }
}

export function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true
  );
}

function carries(object: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([name, value]) => object.metadata.labels?.[name] === value);
}

function slotKey(kind: string, key: ObjectKey): string {
  return `${kind}/${key.namespace}/${key.name}`;
}

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

function checkPreconditions(live: KubeObject, wanted: Preconditions): void {
  if (wanted.uid !== undefined && wanted.uid !== live.metadata.uid)
    throw new KubeError("Conflict", `${live.kind} ${live.metadata.name} is another one`);
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== live.metadata.resourceVersion) {
    throw new KubeError("Conflict", `${live.kind} ${live.metadata.name} has been modified`);
  }
}

/** RFC 7386. */
function mergePatch(target: Json, patch: Json): Json {
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (isRecord(value)) result[key] = mergePatch(isRecord(result[key]) ? result[key] : {}, value);
    else result[key] = value;
  }
  return result;
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON carries it: a field without a value is not there. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) if (item !== undefined) result[key] = withoutUndefined(item);
  return result;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isEqual(a[key], b[key]));
}
