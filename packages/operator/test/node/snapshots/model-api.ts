import {
  type KubeApi,
  KubeError,
  type KubeObject,
  type ObjectKey,
  type Resource,
  rfc3339,
} from "../../../src/core/index.ts";

interface Stored {
  readonly resource: Resource;
  object: KubeObject;
}

/** Called before (`false`) and after (`true`) each call that changes something; what it throws is what the caller gets. */
export type Disturbance = (call: string, isDone: boolean) => void;

/**
 * An API server in memory, as far as the snapshot controllers use it: names, UIDs, resource versions, merge patches, finalizers, owners.
 * Every change is told to `onChange`. Objects that it gives are never changed afterwards: a change makes another.
 */
export class ModelApi implements KubeApi {
  readonly #objects = new Map<string, Stored>();
  readonly #nowMs: () => number;
  #version = 0;
  disturb: Disturbance = () => {};
  onChange: (resource: Resource, object: KubeObject) => void = () => {};
  /** Calls that changed something. */
  writes = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    return Promise.resolve(this.peek(resource, key));
  }

  list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    const wanted = Object.entries(labels);
    return Promise.resolve(
      this.all(resource).filter(
        ({ metadata }) =>
          (namespace === "" || metadata.namespace === namespace) &&
          wanted.every(([name, value]) => metadata.labels?.[name] === value),
      ),
    );
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    return this.#change(`create ${object.kind} ${object.metadata.name}`, () => {
      const path = pathOf(resource, keyOf(object));
      if (this.#objects.has(path)) throw new KubeError("AlreadyExists", `${path} exists`);
      this.#version += 1;
      const made = structuredClone({
        ...object,
        metadata: {
          ...object.metadata,
          uid: `uid-${this.#version}`,
          generation: 1,
          resourceVersion: String(this.#version),
          creationTimestamp: rfc3339(this.#nowMs()),
        },
      });
      this.#objects.set(path, { resource, object: made });
      this.onChange(resource, made);
      return made;
    });
  }

  apply<T extends KubeObject>(): Promise<T> {
    throw new Error("the snapshot controllers apply nothing");
  }

  patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T> {
    return this.#change(`patch ${resource.kind} ${key.name}`, () => this.#merge(resource, key, patch));
  }

  patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    { resourceVersion }: { readonly resourceVersion?: string } = {},
  ): Promise<T> {
    return this.#change(`status ${resource.kind} ${key.name}`, () => {
      const guard = resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
      return this.#merge(resource, key, { ...guard, status }, { status: undefined });
    });
  }

  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    { uid }: { readonly uid?: string } = {},
  ): Promise<"deleted" | "gone"> {
    return this.#change(`delete ${resource.kind} ${key.name}`, () => {
      const found = this.#objects.get(pathOf(resource, key));
      if (found === undefined) return "gone";
      if (uid !== undefined && found.object.metadata.uid !== uid) throw new KubeError("Conflict", "another UID");
      if ((found.object.metadata.finalizers ?? []).length > 0) {
        this.#merge(resource, key, { metadata: { deletionTimestamp: rfc3339(this.#nowMs()) } });
      } else {
        this.#remove(resource, key);
      }
      return "deleted";
    });
  }

  evict(): Promise<"evicted" | "refused" | "gone"> {
    throw new Error("the snapshot controllers evict nothing");
  }

  /** For tests: reads without a call. */
  peek<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined {
    return this.#objects.get(pathOf(resource, key))?.object as T | undefined;
  }

  /** For tests: all objects of a kind, by name. */
  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...this.#objects.values()]
      .filter((stored) => stored.resource.kind === resource.kind)
      .map(({ object }) => object as T)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** For tests: changes an object as somebody else would. */
  edit<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): T {
    return this.#merge(resource, key, patch);
  }

  #change<R>(call: string, act: () => R): Promise<R> {
    try {
      this.disturb(call, false);
      const result = act();
      this.writes += 1;
      this.disturb(call, true);
      return Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** `cleared`: fields that are emptied before. */
  #merge<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object, cleared: object = {}): T {
    const found = this.#objects.get(pathOf(resource, key));
    if (found === undefined) throw new KubeError("NotFound", `${key.name} is not there`);
    const wanted = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== found.object.metadata.resourceVersion) {
      throw new KubeError("Conflict", `${key.name} was changed`);
    }
    this.#version += 1;
    const merged = mergePatch({ ...found.object, ...cleared }, patch) as unknown as T;
    found.object = {
      ...merged,
      metadata: { ...merged.metadata, resourceVersion: String(this.#version) },
    };
    const { deletionTimestamp, finalizers = [] } = found.object.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0) this.#remove(resource, key);
    else this.onChange(resource, found.object);
    return found.object as T;
  }

  /** The garbage collector goes along at once: what the object owned goes with it. */
  #remove(resource: Resource, key: ObjectKey): void {
    const found = this.#objects.get(pathOf(resource, key));
    if (found === undefined) return;
    this.#objects.delete(pathOf(resource, key));
    this.onChange(resource, found.object);
    const rest = [...this.#objects.values()];
    for (const other of rest) {
      const owners = other.object.metadata.ownerReferences ?? [];
      if (owners.some(({ uid }) => uid === found.object.metadata.uid))
        this.#remove(other.resource, keyOf(other.object));
    }
  }
}

export function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function pathOf({ kind }: Resource, { namespace, name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return structuredClone(patch);
  const result: Record<string, unknown> =
    typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = mergePatch(result[name], value);
  }
  return result;
}
