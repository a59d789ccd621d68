import type { KubeObject, ObjectKey, Resource } from "../../core/index.ts";

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function versionPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Path of all objects of a kind, in one namespace or ("" or a cluster-scoped kind) everywhere. */
export function collectionPath(resource: Resource, namespace: string): string {
  const within = resource.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${versionPath(resource.apiVersion)}${within}/${resource.plural}`;
}

/** Path of one object, or of a subresource of it. */
export function objectPath(resource: Resource, key: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(resource, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** `namespace/name`, or the name alone. */
export function keyText(key: ObjectKey): string {
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}

/** As the API's `labelSelector`; "" as a value: the label is there, whatever its value. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .sort()
    .join(",");
}

export function hasLabels(object: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  const own = object.metadata.labels ?? {};
  return Object.entries(labels).every(([name, value]) =>
    value === "" ? own[name] !== undefined : own[name] === value,
  );
}
