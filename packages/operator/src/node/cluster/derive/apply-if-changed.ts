import { fingerprint, GROUP, type KubeApi, type KubeObject, MANAGED_BY, type Resource } from "../../../core/index.ts";

/** What was last applied: fields that are no longer wanted change it, though all that is wanted is there. */
export const APPLIED_ANNOTATION: string = `${GROUP}/applied`;

/**
 * Applies an object unless it is as wanted already: a cluster at rest writes nothing. `live` may be stale; what is written too often does no
 * harm. `expected` is what the API server makes of it, where that is less. Gives true if something was written.
 */
export async function applyIfChanged<T extends KubeObject>(
  api: KubeApi,
  resource: Resource<T>,
  wanted: T,
  live: KubeObject | undefined,
  expected: object = wanted,
): Promise<boolean> {
  const hash = fingerprint(wanted);
  if (live?.metadata.annotations?.[APPLIED_ANNOTATION] === hash && covers(live, expected)) return false;
  const annotations = { ...wanted.metadata.annotations, [APPLIED_ANNOTATION]: hash };
  await api.apply(resource, { ...wanted, metadata: { ...wanted.metadata, annotations } }, MANAGED_BY);
  return true;
}

/** Whether everything in `wanted` is in `live` as well; lists have to be equal in length. */
export function covers(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined || live === wanted) return true;
  if (typeof wanted !== "object" || wanted === null || typeof live !== "object" || live === null) return false;
  if (Array.isArray(wanted) || Array.isArray(live)) {
    if (!Array.isArray(wanted) || !Array.isArray(live) || wanted.length !== live.length) return false;
    return wanted.every((item, i) => covers(live[i], item));
  }
  const have = live as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([key, value]) => covers(have[key], value));
}
