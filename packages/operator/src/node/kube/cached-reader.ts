import { KubeError, type KubeObject, type KubeReader, type ObjectKey, type Resource } from "../../core/index.ts";
import type { Informer } from "./informer.ts";
import { hasLabels, keyText } from "./resource-path.ts";

/** Reads from what informers hold. Rejects for kinds and namespaces that none of them keeps: nothing is not the same as unknown. */
export class CachedReader implements KubeReader {
  readonly #byKind = new Map<string, Informer[]>();

  constructor(informers: readonly Informer[]) {
    for (const informer of informers) {
      const kind = kindOf(informer.scope.resource);
      this.#byKind.set(kind, [...(this.#byKind.get(kind) ?? []), informer]);
    }
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    const text = keyText(key);
    for (const informer of this.#informersOf(resource, key.namespace)) {
      const found = informer.get(text);
      if (found !== undefined) return found as T;
    }
    return undefined;
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    const found = new Map<string, T>();
    for (const informer of this.#informersOf(resource, namespace))
      for (const object of informer.values())
        if ((namespace === "" || object.metadata.namespace === namespace) && hasLabels(object, labels))
          found.set(keyText({ namespace: object.metadata.namespace ?? "", name: object.metadata.name }), object as T);
    return [...found.values()];
  }

  #informersOf(resource: Resource, namespace: string): readonly Informer[] {
    const found = (this.#byKind.get(kindOf(resource)) ?? []).filter(
      ({ scope }) => namespace === "" || scope.namespace === "" || scope.namespace === namespace,
    );
    if (found.length === 0)
      throw new KubeError(
        "Other",
        `${resource.plural} of namespace '${namespace}' are not watched, so no cache has them`,
      );
    return found;
  }
}

function kindOf(resource: Resource): string {
  return `${resource.apiVersion}/${resource.plural}`;
}
