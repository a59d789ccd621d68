import {
  type DeleteOptions,
  type KubeApi,
  KubeError,
  type KubeObject,
  type ObjectKey,
  type Preconditions,
  type Resource,
} from "../../core/index.ts";
import { ApiRefusal } from "./kube-failure.ts";
import { forVersion, PolicyVersion } from "./policy-version.ts";
import { collectionPath, objectPath, selectorText } from "./resource-path.ts";
import type { RestCall, RestClient } from "./rest-client.ts";

/** What a role has to allow for a request, and what came of it. */
export interface RequestRecord {
  readonly verb: "get" | "list" | "watch" | "create" | "patch" | "delete";
  readonly resource: Resource;
  readonly subresource: string | undefined;
  /** `ok`, or the reason of a {@link KubeError}. */
  readonly outcome: string;
  readonly tookMs: number;
}

export interface KubeClientDeps {
  readonly rest: RestClient;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Told of every request when it is over; for metrics. */
  readonly onRequest?: (record: RequestRecord) => void;
}

/** One page of a list, and what a watch goes on from. */
export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** What a watch reports; `error` has the status that ends it. */
export type WatchChange =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string }
  | { readonly type: "ERROR"; readonly code: number; readonly message: string };

export interface WatchRequest {
  readonly resource: Resource;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  onOpen(): void;
  onChange(change: WatchChange): void;
}

const PAGE_ITEMS = 500;
const LIST_TIMEOUT_MS = 60_000;
const APPLY = "application/apply-patch+yaml";
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

/** The {@link KubeApi} port on a real API server. `managedFields` are dropped from everything read. */
export class KubeClient implements KubeApi {
  readonly #deps: KubeClientDeps;
  readonly #policy: PolicyVersion;

  constructor(deps: KubeClientDeps) {
    this.#deps = deps;
    this.#policy = new PolicyVersion(deps.rest, deps.nowMs);
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    return await this.#unlessGone(this.#object("get", resource, key, { method: "GET" }));
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    return (await this.listPage(resource, namespace, labels)).items;
  }

  /** All objects, asked for in pages, of one point in time. Rejects with `Gone` if the pages took longer than the server keeps that time. */
  async listPage<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<ListPage<T>> {
    const served = await this.#policy.resolve(resource);
    const items: T[] = [];
    let from = "";
    for (;;) {
      const query: Record<string, string> = { limit: String(PAGE_ITEMS) };
      if (Object.keys(labels).length > 0) query["labelSelector"] = selectorText(labels);
      if (from !== "") query["continue"] = from;
      const path = collectionPath(served, namespace);
      const page = (await this.#call("list", resource, undefined, {
        method: "GET",
        path,
        query,
        timeoutMs: LIST_TIMEOUT_MS,
      })) as RawList;
      // Built-in kinds leave out of a list's items what they are.
      for (const item of page.items ?? []) items.push(received(resource, item));
      from = page.metadata?.continue ?? "";
      if (from === "") return { items, resourceVersion: page.metadata?.resourceVersion ?? "" };
    }
  }

  /** Resolves when the watch has ended, as all do; rejects with {@link KubeError} when it was refused or cut off. */
  async watch(request: WatchRequest): Promise<void> {
    const served = await this.#policy.resolve(request.resource);
    const startedMs = this.#deps.nowMs();
    const query: Record<string, string> = {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: request.resourceVersion,
      timeoutSeconds: String(request.timeoutSeconds),
    };
    if (Object.keys(request.labels).length > 0) query["labelSelector"] = selectorText(request.labels);
    const report = (outcome: string): void => this.#report("watch", request.resource, undefined, outcome, startedMs);
    let isOpen = false;
    try {
      await this.#deps.rest.stream({
        path: collectionPath(served, request.namespace),
        query,
        signal: request.signal,
        onOpen: () => {
          isOpen = true;
          report("ok");
          request.onOpen();
        },
        onLine: (line) => request.onChange(changeOf(request.resource, line as RawChange)),
      });
    } catch (error) {
      if (!isOpen) report(outcomeOf(error));
      throw error;
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const served = await this.#policy.resolve(resource);
    const body = forVersion(object, served.apiVersion);
    const path = collectionPath(served, object.metadata.namespace ?? "");
    return received(resource, await this.#call("create", resource, undefined, { method: "POST", path, body }));
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: T, fieldManager: string): Promise<T> {
    const { namespace = "", name } = object.metadata;
    const served = await this.#policy.resolve(resource);
    return await this.#object(
      "patch",
      resource,
      { namespace, name },
      {
        method: "PATCH",
        contentType: APPLY,
        query: { fieldManager, force: "true" },
        body: forVersion(object, served.apiVersion),
      },
    );
  }

  async patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: object): Promise<T> {
    return await this.#object("patch", resource, key, { method: "PATCH", contentType: MERGE, body: patch });
  }

  async patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    status: object,
    preconditions: Preconditions = {},
  ): Promise<T> {
    // Not a merge patch: that would leave what is no longer in the status. Written metadata is compared, not replaced.
    const guards = Object.entries(preconditions)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ op: "replace", path: `/metadata/${name}`, value }));
    const body = [...guards, { op: "add", path: "/status", value: status }];
    const call = { method: "PATCH", contentType: JSON_PATCH, body } as const;
    try {
      return await this.#object("patch", resource, key, call, "status");
    } catch (error) {
      // Another object of this name; older servers call that invalid.
      const { uid } = preconditions;
      if (uid === undefined || !(error instanceof ApiRefusal) || error.reason !== "Invalid") throw error;
      if (!(error.status.details?.causes ?? []).some(({ field }) => field === "metadata.uid")) throw error;
      throw new KubeError("Conflict", error.message);
    }
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<"deleted" | "gone"> {
    const { gracePeriodSeconds, propagation } = options;
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      // Always said: some kinds' own default leaves orphans behind.
      propagationPolicy: propagation ?? "Background",
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...guarded(options),
    };
    const deleted = await this.#unlessGone(this.#object("delete", resource, key, { method: "DELETE", body }));
    return deleted === undefined ? "gone" : "deleted";
  }

  async evict(pod: ObjectKey, preconditions: Preconditions = {}): Promise<"evicted" | "refused" | "gone"> {
    const body = {
      apiVersion: await this.#policy.served(),
      kind: "Eviction",
      metadata: { name: pod.name, namespace: pod.namespace },
      deleteOptions: guarded(preconditions),
    };
    try {
      const path = objectPath(PODS, pod, "eviction");
      await this.#call("create", PODS, "eviction", { method: "POST", path, body });
      return "evicted";
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (error.reason === "NotFound") return "gone";
      // A server that sheds load answers with the same code, but without this cause.
      if (isCausedBy(error, "DisruptionBudget")) return "refused";
      throw error;
    }
  }

  /** A call on one object that answers with the object. */
  async #object<T extends KubeObject>(
    verb: RequestRecord["verb"],
    resource: Resource<T>,
    key: ObjectKey,
    call: Omit<RestCall, "path">,
    subresource?: string,
  ): Promise<T> {
    const served = await this.#policy.resolve(resource);
    const path = objectPath(served, key, subresource);
    return received(resource, await this.#call(verb, resource, subresource, { ...call, path }));
  }

  async #call(
    verb: RequestRecord["verb"],
    resource: Resource,
    subresource: string | undefined,
    call: RestCall,
  ): Promise<unknown> {
    const startedMs = this.#deps.nowMs();
    try {
      const answer = await this.#deps.rest.call(call);
      this.#report(verb, resource, subresource, "ok", startedMs);
      return answer;
    } catch (error) {
      this.#report(verb, resource, subresource, outcomeOf(error), startedMs);
      throw error;
    }
  }

  #report(
    verb: RequestRecord["verb"],
    resource: Resource,
    subresource: string | undefined,
    outcome: string,
    startedMs: number,
  ): void {
    this.#deps.onRequest?.({ verb, resource, subresource, outcome, tookMs: this.#deps.nowMs() - startedMs });
  }

  async #unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      // A kind that the server does not have is answered with the same code but with a text: that is no missing object.
      if (error instanceof ApiRefusal && error.reason === "NotFound" && error.status.kind === "Status")
        return undefined;
      throw error;
    }
  }
}

const PODS: Resource = { apiVersion: "v1", kind: "Pod", plural: "pods", namespaced: true };

interface RawList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly unknown[];
}

interface RawChange {
  readonly type: string;
  readonly object?: unknown;
}

function changeOf(resource: Resource, { type, object }: RawChange): WatchChange {
  if (type === "ADDED" || type === "MODIFIED" || type === "DELETED")
    return { type, object: received(resource, object) };
  if (type === "BOOKMARK")
    return { type, resourceVersion: (object as KubeObject | undefined)?.metadata?.resourceVersion ?? "" };
  const status = (object ?? {}) as { readonly code?: number; readonly message?: string };
  return { type: "ERROR", code: status.code ?? 0, message: status.message ?? `a change of type '${type}'` };
}

/** The object named as the controllers name it, without the bookkeeping of field managers, which is often its larger part. */
function received<T extends KubeObject>(resource: Resource<T>, answer: unknown): T {
  const { metadata, ...rest } = answer as T & { readonly metadata: { readonly managedFields?: unknown } };
  const { managedFields: _, ...kept } = metadata as typeof metadata & { readonly managedFields?: unknown };
  return { ...rest, apiVersion: resource.apiVersion, kind: resource.kind, metadata: kept } as unknown as T;
}

function guarded({ uid, resourceVersion }: Preconditions): object {
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return Object.keys(preconditions).length === 0 ? {} : { preconditions };
}

function isCausedBy(error: KubeError, cause: string): boolean {
  return error instanceof ApiRefusal && (error.status.details?.causes ?? []).some(({ reason }) => reason === cause);
}

function outcomeOf(error: unknown): string {
  return error instanceof KubeError ? error.reason : "Other";
}
