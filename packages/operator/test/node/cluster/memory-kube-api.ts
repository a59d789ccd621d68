import {
  type DeleteOptions,
  type KubeApi,
  KubeError,
  type KubeObject,
  type ObjectKey,
  type Preconditions,
  type Resource,
} from "../../../src/core/index.ts";

type Json = Record<string, unknown>;

/** An API server of the few things that one controller asks of it, with a record of every write. Nothing is collected as garbage. */
export class MemoryKubeApi implements KubeApi {
  readonly #objects = new Map<string, KubeObject>();
  #version = 0;
  /** `verb kind/name`, in order. */
  readonly writes: string[] = [];
  /** Called before every write; may throw. */
  onWrite: (write: string) => void = () => {};

  put<T extends KubeObject>(resource: Resource<T>, object: T): T {
    return this.#store(resource, {
      ...object,
      metadata: { uid: `uid-of-${object.metadata.name}`, ...object.metadata },
    } as T);
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    return Promise.resolve(this.#find(resource, key));
  }

  list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    const found = [...this.#objects]
      .filter(([id]) => id.startsWith(`${resource.plural}/${namespace}${namespace === "" ? "" : "/"}`))
      .map(([, object]) => object as T)
      .filter(({ metadata }) => Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value));
    return Promise.resolve(found);
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#note("create", resource, object.metadata.name);
    if (this.#find(resource, keyOf(object)) !== undefined) throw new KubeError("AlreadyExists", "there is one");
    return await Promise.resolve(this.put(resource, object));
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#note("apply", resource, object.metadata.name);
    const live = this.#find(resource, keyOf(object));
    if (live === undefined) return await Promise.resolve(this.put(resource, object));
    return this.#store(resource, merged(live, object) as T);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T> {
    this.#note("patch", resource, key.name);
    const live = this.#must(resource, key);
    const { uid, resourceVersion } = (patch as { metadata?: Preconditions }).metadata ?? {};
    check(live, {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
    const next = merged(live, patch) as T;
    if (next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) {
      this.#objects.delete(idOf(resource, key));
      return await Promise.resolve(next);
    }
    return this.#store(resource, next);
  }

  async patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    preconditions: Preconditions = {},
  ): Promise<T> {
    this.#note("status", resource, key.name);
    const live = this.#must(resource, key);
    check(live, preconditions);
    return await Promise.resolve(this.#store(resource, JSON.parse(JSON.stringify({ ...live, status })) as T));
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<"deleted" | "gone"> {
    this.#note("delete", resource, key.name);
    const live = this.#find(resource, key);
    if (live === undefined) return "gone";
    check(live, options);
    if ((live.metadata.finalizers ?? []).length === 0) this.#objects.delete(idOf(resource, key));
    else this.#store(resource, merged(live, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }) as T);
    return await Promise.resolve("deleted");
  }

  async evict(pod: ObjectKey, preconditions: Preconditions = {}): Promise<"evicted" | "refused" | "gone"> {
    const pods: Resource = { apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true };
    return (await this.delete(pods, pod, preconditions)) === "gone" ? "gone" : "evicted";
  }

  #note(verb: string, resource: Resource, name: string): void {
    const write = `${verb} ${resource.kind}/${name}`;
    this.onWrite(write);
    this.writes.push(write);
  }

  #store<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.#objects.set(idOf(resource, keyOf(object)), stored);
    return stored;
  }

  #find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined {
    return this.#objects.get(idOf(resource, key)) as T | undefined;
  }

  #must<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T {
    const live = this.#find(resource, key);
    if (live === undefined) throw new KubeError("NotFound", `there is no ${resource.kind} ${key.name}`);
    return live;
  }
}

function idOf(resource: Resource, { namespace, name }: ObjectKey): string {
  return `${resource.plural}/${namespace}/${name}`;
}

function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

function check({ metadata }: KubeObject, { uid, resourceVersion }: Preconditions): void {
  if (uid !== undefined && uid !== metadata.uid) throw new KubeError("Conflict", "another UID");
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw new KubeError("Conflict", "another version");
  }
}

/** RFC 7386. */
function merged(live: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Json = typeof live === "object" && live !== null && !Array.isArray(live) ? { ...(live as Json) } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = merged(result[key], value);
  }
  return result;
}
