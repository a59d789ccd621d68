import type { Clock, Logger, Prng } from "@quorate/base";
import { KubeError, type KubeObject, type Resource } from "../../core/index.ts";
import type { Timers } from "../runtime/timers.ts";
import type { ListPage, WatchChange, WatchRequest } from "./kube-client.ts";
import { keyOf, keyText } from "./resource-path.ts";

/** What an informer asks of the API. */
export interface ListWatch {
  listPage(
    resource: Resource,
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<ListPage<KubeObject>>;
  watch(request: WatchRequest): Promise<void>;
}

/** Which objects an informer keeps. */
export interface InformerScope {
  readonly resource: Resource;
  /** "" for all. */
  readonly namespace: string;
  /** Only objects with all of them; "" as a value: any. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface InformerSettings {
  /** Milliseconds after which the server is asked to end a watch; up to as much again is added at random. */
  readonly watchTimeoutMs: number;
  /** A watch from which nothing came for so long, not even a bookmark, is given up. Milliseconds. */
  readonly silenceMs: number;
  /** How often everything is listed anew, in case a change was missed. Milliseconds. */
  readonly relistMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export const INFORMER_DEFAULTS: InformerSettings = {
  watchTimeoutMs: 240_000,
  // Servers send a bookmark every minute.
  silenceMs: 180_000,
  relistMs: 600_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
};

/** How long after its own end a watch that the server should have ended is given up. */
const OVERDUE_MS = 60_000;

export interface InformerDeps {
  readonly source: ListWatch;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly prng: Prng;
  readonly log: Logger;
  /** An object came, went or became another; told in the order of its versions. Must not throw. */
  onChange(object: KubeObject): void;
}

/** Why a watch was begun anew. */
export type RestartReason = "ended" | "error" | "gone" | "silent" | "overdue" | "relist";

/**
 * Keeps a copy of objects as the API server has them: lists, watches from there on, and begins anew whenever that ends, breaks,
 * falls silent or lost its place. What it holds is late by the time a change takes to arrive: a hint.
 */
export class Informer {
  readonly scope: InformerScope;
  readonly #settings: InformerSettings;
  readonly #deps: InformerDeps;
  readonly #objects = new Map<string, KubeObject>();
  readonly #restarts = new Map<RestartReason, number>();
  readonly #stop = new AbortController();
  readonly #synced: Promise<void>;
  #isSynced = false;
  #resolveSynced: () => void = () => {};
  #resourceVersion: string | undefined;
  #listedAtMs = 0;
  #heardAtMs: number;
  #activeAtMs: number;
  #failures = 0;
  #running: Promise<void> | undefined;

  constructor(scope: InformerScope, settings: InformerSettings, deps: InformerDeps) {
    this.scope = scope;
    this.#settings = settings;
    this.#deps = deps;
    this.#heardAtMs = deps.clock.nowMs();
    this.#activeAtMs = this.#heardAtMs;
    this.#synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Resolves once everything was listed. */
  get synced(): Promise<void> {
    return this.#synced;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Milliseconds since the API server was last heard of: a list, a change, a bookmark. */
  get ageMs(): number {
    return this.#deps.clock.nowMs() - this.#heardAtMs;
  }

  /** Milliseconds since it last did anything at all, failing included; a large one means that it hangs. */
  get idleMs(): number {
    return this.#deps.clock.nowMs() - this.#activeAtMs;
  }

  /** Restarts of the watch so far. */
  get restarts(): ReadonlyMap<RestartReason, number> {
    return this.#restarts;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** By `namespace/name`. */
  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<KubeObject> {
    return this.#objects.values();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch(this.#resourceVersion ?? "");
      } catch (error) {
        this.#failed(error);
        await this.#deps.timers.sleep(this.#backoffMs(error), this.#stop.signal);
      }
    }
  }

  async #list(): Promise<void> {
    const { resource, namespace, labels } = this.scope;
    const page = await this.#deps.source.listPage(resource, namespace, labels);
    if (this.#stop.signal.aborted) return;
    this.#heard();
    this.#listedAtMs = this.#deps.clock.nowMs();
    const listed = new Set<string>();
    for (const object of page.items) {
      listed.add(keyText(keyOf(object)));
      this.#put(object);
    }
    for (const [key, object] of this.#objects) if (!listed.has(key)) this.#drop(key, object);
    this.#resourceVersion = page.resourceVersion;
    this.#isSynced = true;
    this.#resolveSynced();
  }

  /** One watch, from `from` to its end. */
  async #watch(from: string): Promise<void> {
    const { resource, namespace, labels } = this.scope;
    const { clock, prng, source } = this.#deps;
    const startedMs = clock.nowMs();
    const timeoutMs = this.#settings.watchTimeoutMs + prng.below(this.#settings.watchTimeoutMs);
    const watch = new AbortController();
    let reason = "ended" as RestartReason;
    const end = (why: RestartReason): void => {
      reason = why;
      watch.abort();
    };
    const stopped = (): void => watch.abort();
    this.#stop.signal.addEventListener("abort", stopped, { once: true });
    const cancel = this.#superviseWatch(startedMs, timeoutMs, end);
    try {
      await source.watch({
        resource,
        namespace,
        labels,
        resourceVersion: from,
        timeoutSeconds: Math.ceil(timeoutMs / 1000),
        signal: watch.signal,
        onOpen: () => this.#heard(),
        onChange: (change) => {
          if (!watch.signal.aborted) this.#changed(change, end);
        },
      });
    } finally {
      cancel();
      this.#stop.signal.removeEventListener("abort", stopped);
    }
    if (this.#stop.signal.aborted) return;
    this.#restarted(reason);
    if (reason === "gone" || reason === "relist") this.#resourceVersion = undefined;
    // A server that ends each watch at once must not be asked in a loop.
    if (clock.nowMs() - startedMs < 1000) throw new KubeError("Other", `the watch was ended at once (${reason})`);
    this.#failures = 0;
  }

  /** Ends a watch that is silent, overdue, or due for a new list. Returns what stops the supervision. */
  #superviseWatch(startedMs: number, timeoutMs: number, end: (why: RestartReason) => void): () => void {
    const { clock, timers } = this.#deps;
    const check = (): void => {
      const nowMs = clock.nowMs();
      const dues: readonly (readonly [RestartReason, number])[] = [
        ["relist", this.#listedAtMs + this.#settings.relistMs],
        ["silent", Math.max(this.#heardAtMs, startedMs) + this.#settings.silenceMs],
        ["overdue", startedMs + timeoutMs + OVERDUE_MS],
      ];
      const due = dues.find(([, dueMs]) => nowMs >= dueMs);
      if (due !== undefined) end(due[0]);
      else cancel = timers.after(Math.min(...dues.map(([, dueMs]) => dueMs)) - nowMs, check);
    };
    let cancel = (): void => {};
    check();
    return () => cancel();
  }

  #changed(change: WatchChange, end: (why: RestartReason) => void): void {
    this.#heard();
    switch (change.type) {
      case "BOOKMARK":
        this.#resourceVersion = change.resourceVersion;
        return;
      case "ERROR":
        end(change.code === 410 ? "gone" : "error");
        return;
      case "DELETED":
        this.#resourceVersion = change.object.metadata.resourceVersion;
        this.#drop(keyText(keyOf(change.object)), change.object);
        return;
      default:
        this.#resourceVersion = change.object.metadata.resourceVersion;
        this.#put(change.object);
    }
  }

  #put(object: KubeObject): void {
    const key = keyText(keyOf(object));
    const known = this.#objects.get(key);
    if (
      known !== undefined &&
      known.metadata.uid === object.metadata.uid &&
      known.metadata.resourceVersion === object.metadata.resourceVersion
    )
      return;
    this.#objects.set(key, object);
    this.#deps.onChange(object);
  }

  #drop(key: string, last: KubeObject): void {
    if (this.#objects.delete(key)) this.#deps.onChange(last);
  }

  #heard(): void {
    this.#heardAtMs = this.#deps.clock.nowMs();
    this.#activeAtMs = this.#heardAtMs;
  }

  #failed(error: unknown): void {
    this.#activeAtMs = this.#deps.clock.nowMs();
    this.#failures++;
    const isGone = error instanceof KubeError && error.reason === "Gone";
    if (isGone) this.#resourceVersion = undefined;
    this.#restarted(isGone ? "gone" : "error");
    const { resource, namespace } = this.scope;
    this.#deps.log[this.#failures > 1 && !isGone ? "warn" : "info"]("a watch failed and is begun anew", {
      resource: resource.plural,
      namespace,
      failures: this.#failures,
      error,
    });
  }

  #restarted(reason: RestartReason): void {
    this.#restarts.set(reason, (this.#restarts.get(reason) ?? 0) + 1);
  }

  #backoffMs(error: unknown): number {
    const { backoffMinMs, backoffMaxMs } = this.#settings;
    const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures - 1, 20));
    const jitteredMs = fullMs / 2 + this.#deps.prng.below(Math.ceil(fullMs / 2) + 1);
    const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(jitteredMs, Math.min(askedMs, 2 * backoffMaxMs));
  }
}
