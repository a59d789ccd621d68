import { KubeError, type KubeObject, type Resource } from "../../core/index.ts";
import type { RestClient } from "./rest-client.ts";

const WANTED = "policy/v1";
/** All that servers before 1.21 have. */
const OLD = "policy/v1beta1";
/** An API server may be upgraded under us. */
const VALID_MS = 10 * 60_000;

/**
 * Which version of disruption budgets and evictions this API server has. Controllers say `policy/v1`; what they write and
 * read is renamed on its way where the server is older.
 */
export class PolicyVersion {
  readonly #rest: RestClient;
  readonly #nowMs: () => number;
  #known: { readonly version: string; readonly sinceMs: number } | undefined;

  constructor(rest: RestClient, nowMs: () => number) {
    this.#rest = rest;
    this.#nowMs = nowMs;
  }

  /** `policy/v1` where served. */
  async served(): Promise<string> {
    if (this.#known === undefined || this.#nowMs() - this.#known.sinceMs > VALID_MS) {
      const group = (await this.#rest.call({ method: "GET", path: "/apis/policy" })) as {
        readonly versions?: readonly { readonly groupVersion: string }[];
      };
      const versions = (group.versions ?? []).map(({ groupVersion }) => groupVersion);
      const version = [WANTED, OLD].find((each) => versions.includes(each));
      if (version === undefined) throw new KubeError("Other", `the API server has neither ${WANTED} nor ${OLD}`);
      this.#known = { version, sinceMs: this.#nowMs() };
    }
    return this.#known.version;
  }

  /** The resource as this server names it. */
  async resolve<T extends KubeObject>(resource: Resource<T>): Promise<Resource<T>> {
    if (resource.apiVersion !== WANTED) return resource;
    return { ...resource, apiVersion: await this.served() };
  }
}

/** The object as a server with `apiVersion` takes it. */
export function forVersion<T extends object>(object: T, apiVersion: string): T {
  if (!("apiVersion" in object) || object.apiVersion === apiVersion) return object;
  if (apiVersion !== OLD || !("spec" in object) || typeof object.spec !== "object" || object.spec === null)
    return { ...object, apiVersion };
  // Younger than the old version: a server would refuse to apply what it does not know.
  const { unhealthyPodEvictionPolicy: _, ...spec } = object.spec as Record<string, unknown>;
  return { ...object, apiVersion, spec };
}
