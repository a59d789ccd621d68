import type { KubernetesObject, RestAnswer, RestClient, WatchedChange } from "./rest-client.ts";

/** Where the suite's config maps live. */
export const COLLECTION = "/api/v1/namespaces/default/configmaps";

export function configMapName(index: number): string {
  return `cm-${String(index).padStart(4, "0")}`;
}

/** A config map with a payload that depends on its index. */
export function configMap(index: number): KubernetesObject & Readonly<Record<string, unknown>> {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: configMapName(index), labels: { suite: "conformance", part: String(index % 4) } },
    data: { index: String(index), count: "0", payload: `${index} `.repeat(150) },
  };
}

/** All config maps of the suite, read page by page at one resource version. */
export async function listInPages(rest: RestClient, limit: number): Promise<readonly KubernetesObject[]> {
  const items: KubernetesObject[] = [];
  let next = "";
  do {
    const token = next === "" ? "" : `&continue=${encodeURIComponent(next)}`;
    const page = mustBe(
      200,
      await rest.call("GET", `${COLLECTION}?labelSelector=suite%3Dconformance&limit=${limit}${token}`),
    );
    items.push(...(page.items ?? []));
    next = page.metadata?.continue ?? "";
  } while (next !== "");
  return items;
}

/** The resource version of the collection now. */
export async function currentVersion(rest: RestClient): Promise<string> {
  const list = mustBe(200, await rest.call("GET", `${COLLECTION}?limit=1`));
  return list.metadata?.resourceVersion ?? "";
}

/** Reads a config map, changes its count and writes it back; the answer of the write. */
export async function increment(rest: RestClient, name: string): Promise<RestAnswer> {
  const now = mustBe(200, await rest.call("GET", `${COLLECTION}/${name}`));
  return await rest.call("PUT", `${COLLECTION}/${name}`, withCount(now, Number(now.data?.["count"]) + 1));
}

export function withCount(object: KubernetesObject, count: number): KubernetesObject {
  return { ...object, data: { ...object.data, count: String(count) } };
}

/** The body of an answer that must have this status. */
export function mustBe(status: number, answer: RestAnswer): KubernetesObject {
  if (answer.status === status) return answer.body;
  throw new Error(`status ${answer.status} instead of ${status}: ${answer.body.message ?? ""}`);
}

/** What is wrong with a stream of changes: an error, a version that goes back, a change told twice. */
export function streamProblems(changes: readonly WatchedChange[]): readonly string[] {
  const problems: string[] = [];
  let last = 0;
  for (const { type, object } of changes) {
    const version = Number(object.metadata?.resourceVersion);
    if (type === "ERROR") problems.push(`an error: ${object.message ?? ""}`);
    else if (version === last) problems.push(`version ${version} told twice`);
    else if (version < last) problems.push(`version ${version} after ${last}`);
    last = Math.max(last, version || 0);
  }
  return problems;
}

/** The suite's changes of one type, by name of the config map. */
export function named(changes: readonly WatchedChange[], type: WatchedChange["type"]): readonly string[] {
  return changes
    .filter((change) => change.type === type && change.object.metadata?.labels?.["suite"] === "conformance")
    .map((change) => change.object.metadata?.name ?? "");
}
