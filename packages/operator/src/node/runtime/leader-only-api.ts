import {
  type DeleteOptions,
  type KubeApi,
  KubeError,
  type KubeObject,
  type ObjectKey,
  type Preconditions,
  type Resource,
} from "../../core/index.ts";

/** Writes only while this process leads (gate G10): asked right before each request, so that what a pass decided before it lost the lead is not done. */
export class LeaderOnlyApi implements KubeApi {
  readonly #api: KubeApi;
  readonly #isLeader: () => boolean;

  constructor(api: KubeApi, isLeader: () => boolean) {
    this.#api = api;
    this.#isLeader = isLeader;
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    return await this.#api.get(resource, key);
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<readonly T[]> {
    return await this.#api.list(resource, namespace, labels);
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    return await this.#leading().create(resource, object);
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: T, fieldManager: string): Promise<T> {
    return await this.#leading().apply(resource, object, fieldManager);
  }

  async patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T> {
    return await this.#leading().patch(resource, key, patch);
  }

  async patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    preconditions?: Preconditions,
  ): Promise<T> {
    return await this.#leading().patchStatus(resource, key, status, preconditions);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<"deleted" | "gone"> {
    return await this.#leading().delete(resource, key, options);
  }

  async evict(pod: ObjectKey, preconditions?: Preconditions): Promise<"evicted" | "refused" | "gone"> {
    return await this.#leading().evict(pod, preconditions);
  }

  #leading(): KubeApi {
    if (!this.#isLeader()) throw new KubeError("Forbidden", "this operator does not lead any more");
    return this.#api;
  }
}
