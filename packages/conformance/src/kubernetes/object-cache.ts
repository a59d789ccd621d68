import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject, RestClient, WatchedChange } from "./rest-client.ts";

const RETRY_MS = 200;

/** What a cache keeps: anything with a name. */
export interface Named {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion?: string;
  };
}

export interface CacheChange<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** `namespace/name`, or the name alone of what has no namespace. */
export function keyOf(object: Named): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * The objects of one collection as the API server told them last: listed once, then watched, and listed anew whenever the
 * watch ends. Listeners get every difference, also what changed while no watch was open. An object that was deleted and
 * made again under the same name is told as both.
 */
export class ObjectCache<T extends Named> {
  readonly #rest: RestClient;
  readonly #path: string;
  readonly #query: string;
  readonly #listeners: ((change: CacheChange<T>) => void)[] = [];
  readonly #objects = new Map<string, T>();
  readonly #stop = new AbortController();
  #synced: (() => void) | undefined;
  #loop: Promise<void> | undefined;

  /** `query` narrows the collection, such as `labelSelector=…`. */
  constructor(rest: RestClient, path: string, query: string = "") {
    this.#rest = rest;
    this.#path = path;
    this.#query = query === "" ? "" : `&${query}`;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  all(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Must be called before `start`. */
  onChange(listener: (change: CacheChange<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves after the first list. */
  async start(): Promise<void> {
    const synced = new Promise<void>((resolve) => {
      this.#synced = resolve;
    });
    this.#loop = this.#run();
    await synced;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#synced?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const version = await this.#list().catch(() => undefined);
      if (version !== undefined) {
        this.#synced?.();
        const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=${version}${this.#query}`;
        await this.#rest.follow(`${this.#path}?${query}`, (change) => this.#take(change), this.#stop.signal);
      }
      await sleep(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #list(): Promise<string | undefined> {
    const { status, body } = await this.#rest.call("GET", `${this.#path}?limit=0${this.#query}`);
    if (status !== 200) return undefined;
    const seen = new Set<string>();
    for (const item of (body.items ?? []) as unknown as T[]) {
      seen.add(keyOf(item));
      this.#put(item);
    }
    for (const [key, object] of this.#objects) {
      if (!seen.has(key)) this.#delete(key, object);
    }
    return body.metadata?.resourceVersion;
  }

  #take({ type, object }: WatchedChange): void {
    if (type === "BOOKMARK" || type === "ERROR") return;
    const item = object as KubernetesObject & T;
    if (type === "DELETED") this.#delete(keyOf(item), item);
    else this.#put(item);
  }

  #put(object: T): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.#delete(key, before);
    const known = this.#objects.get(key);
    if (known !== undefined && known.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(key, object);
    this.#tell({ type: known === undefined ? "ADDED" : "MODIFIED", object });
  }

  #delete(key: string, object: T): void {
    if (this.#objects.delete(key)) this.#tell({ type: "DELETED", object });
  }

  #tell(change: CacheChange<T>): void {
    if (this.#stop.signal.aborted) return;
    for (const listener of this.#listeners) listener(change);
  }
}
