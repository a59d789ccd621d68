import type { KubeObject, ObjectKey } from "../../core/index.ts";

/** Maps an object to the one of its namespace that a label of it names. */
export function belongsToLabel(label: string): (object: KubeObject) => ObjectKey | undefined {
  return ({ metadata }) => {
    const name = metadata.labels?.[label];
    return name === undefined || name === "" ? undefined : { namespace: metadata.namespace ?? "", name };
  };
}
