import { isSameJson } from "../api/index.ts";

/**
 * The whole status with the fields that `wanted` names as they are wanted, as `KubeApi.patchStatus` takes it; undefined if it is so
 * already. The order of fields means nothing.
 */
export function changedStatus(before: object | undefined, wanted: object): object | undefined {
  const had = (before ?? {}) as Readonly<Record<string, unknown>>;
  const named = Object.entries(wanted).filter(([, value]) => value !== undefined);
  if (named.every(([field, value]) => isSameJson(had[field], value))) return undefined;
  return { ...had, ...Object.fromEntries(named) };
}
