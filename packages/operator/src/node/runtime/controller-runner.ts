import type { Clock, Logger, Prng } from "@quorate/base";
import { KubeError, type KubeObject, type KubeReader, type ObjectKey } from "../../core/index.ts";
import {
  CachedReader,
  Informer,
  type InformerScope,
  type InformerSettings,
  keyOf,
  keyText,
  type ListWatch,
  selectorText,
} from "../kube/index.ts";
import type { Controller } from "./controller.ts";
import type { Timers } from "./timers.ts";
import { type WorkOutcome, WorkQueue, type WorkQueueSettings } from "./work-queue.ts";

export interface RunnerSettings {
  /** Namespaces whose objects are looked after; empty: all. */
  readonly namespaces: readonly string[];
  /** How often every primary object gets a pass although nothing changed. Milliseconds. */
  readonly resyncMs: number;
  readonly informer: InformerSettings;
  readonly queue: WorkQueueSettings;
}

/** What a pass was, for metrics. */
export interface PassRecord {
  readonly controller: string;
  readonly key: ObjectKey;
  readonly outcome: "done" | "failed";
  readonly step: string | undefined;
  readonly tookMs: number;
}

export interface RunnerDeps {
  readonly source: ListWatch;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly prng: Prng;
  readonly log: Logger;
  /** Told of each pass when it is over. */
  readonly onPass?: (record: PassRecord) => void;
}

/**
 * Runs controllers: watches what they ask to, turns changes into keys, and has each key worked on by one pass at a time.
 * Controllers are handed {@link cache} when they are made, and this runner is handed them when it starts.
 */
export class ControllerRunner {
  readonly #settings: RunnerSettings;
  readonly #deps: RunnerDeps;
  readonly #informers = new Map<
    string,
    { readonly informer: Informer; readonly listeners: ((o: KubeObject) => void)[] }
  >();
  readonly #controllers = new Map<string, Controller>();
  readonly #queue: WorkQueue;
  #reader: CachedReader | undefined;
  #cancelResync: () => void = () => {};

  constructor(settings: RunnerSettings, deps: RunnerDeps) {
    this.#settings = settings;
    this.#deps = deps;
    const { clock, timers, prng } = deps;
    this.#queue = new WorkQueue(settings.queue, { clock, timers, prng, work: (item) => this.#work(item) });
  }

  /** Reads what is watched; before {@link start} it rejects. */
  readonly cache: KubeReader = {
    get: (resource, key) => this.#started().get(resource, key),
    list: (resource, namespace, labels) => this.#started().list(resource, namespace, labels),
  };

  /** Watches, waits until everything was listed once, and begins to work. */
  async start(controllers: readonly Controller[]): Promise<void> {
    for (const controller of controllers) this.#add(controller);
    this.#reader = new CachedReader(this.informers);
    for (const informer of this.informers) informer.start();
    await Promise.all(this.informers.map(({ synced }) => synced));
    this.#deps.log.info("caches filled", { informers: this.#informers.size, objects: this.#countObjects() });
    for (const controller of controllers) this.#enqueueAll(controller);
    this.#queue.start();
    this.#scheduleResync();
  }

  get informers(): readonly Informer[] {
    return [...this.#informers.values()].map(({ informer }) => informer);
  }

  get queue(): Pick<WorkQueue, "depth" | "working" | "retries" | "longestWaitMs"> {
    return this.#queue;
  }

  get isSynced(): boolean {
    return this.#reader !== undefined && this.informers.every(({ isSynced }) => isSynced);
  }

  /** Begins no more passes, waits for those under way, then ends the watches. */
  async close(): Promise<void> {
    this.#cancelResync();
    await this.#queue.close();
    await Promise.all(this.informers.map((informer) => informer.close()));
  }

  #started(): CachedReader {
    if (this.#reader === undefined) throw new KubeError("Unavailable", "the caches are not filled yet");
    return this.#reader;
  }

  #add(controller: Controller): void {
    this.#controllers.set(controller.name, controller);
    const enqueue = (key: ObjectKey): void => this.#queue.add(itemOf(controller.name, key));
    this.#listen({ resource: controller.primary, labels: {} }, (object) => enqueue(keyOf(object)));
    for (const watch of controller.watches) {
      this.#listen({ resource: watch.resource, labels: watch.labels ?? {} }, (object) => {
        const key = watch.mapToPrimary(object);
        if (key !== undefined) enqueue(key);
      });
    }
  }

  #listen(
    { resource, labels }: Pick<InformerScope, "resource" | "labels">,
    listener: (object: KubeObject) => void,
  ): void {
    const { namespaces } = this.#settings;
    const scopes = resource.namespaced && namespaces.length > 0 ? namespaces : [""];
    for (const namespace of scopes) {
      const id = JSON.stringify([resource.apiVersion, resource.plural, namespace, selectorText(labels)]);
      const known = this.#informers.get(id);
      if (known !== undefined) {
        known.listeners.push(listener);
        continue;
      }
      const listeners = [listener];
      const { source, clock, timers, prng, log } = this.#deps;
      const onChange = (object: KubeObject): void => {
        for (const each of listeners) each(object);
      };
      const scope = { resource, namespace, labels };
      const informer = new Informer(scope, this.#settings.informer, { source, clock, timers, prng, log, onChange });
      this.#informers.set(id, { informer, listeners });
    }
  }

  #scheduleResync(): void {
    this.#cancelResync = this.#deps.timers.after(this.#settings.resyncMs, () => {
      for (const controller of this.#controllers.values()) this.#enqueueAll(controller);
      this.#scheduleResync();
    });
  }

  #enqueueAll(controller: Controller): void {
    for (const informer of this.informers) {
      const { resource } = informer.scope;
      if (resource.apiVersion !== controller.primary.apiVersion || resource.plural !== controller.primary.plural)
        continue;
      for (const object of informer.values()) this.#queue.add(itemOf(controller.name, keyOf(object)));
    }
  }

  async #work(item: string): Promise<WorkOutcome> {
    const { controller: name, key } = partsOf(item);
    const controller = this.#controllers.get(name);
    if (controller === undefined) return { kind: "failed", notBeforeMs: 0 };
    const startedMs = this.#deps.clock.nowMs();
    const tookMs = (): number => this.#deps.clock.nowMs() - startedMs;
    try {
      const { requeueAfterMs, step } = await controller.reconcile(key);
      this.#deps.onPass?.({ controller: name, key, outcome: "done", step, tookMs: tookMs() });
      return { kind: "done", requeueAfterMs };
    } catch (error) {
      this.#deps.onPass?.({ controller: name, key, outcome: "failed", step: undefined, tookMs: tookMs() });
      // What somebody else changed meanwhile is everyday life: the next pass sees it.
      const isConflict = error instanceof KubeError && error.reason === "Conflict";
      const stack = error instanceof Error && !(error instanceof KubeError) ? error.stack : undefined;
      const fields = { controller: name, namespace: key.namespace, name: key.name, error, stack };
      if (isConflict) this.#deps.log.info("a pass met a newer object and is repeated", fields);
      else this.#deps.log.warn("a pass failed and is repeated", fields);
      return { kind: "failed", notBeforeMs: error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0 };
    }
  }

  #countObjects(): number {
    return this.informers.reduce((sum, { size }) => sum + size, 0);
  }
}

function itemOf(controller: string, key: ObjectKey): string {
  return `${controller} ${keyText(key)}`;
}

function partsOf(item: string): { readonly controller: string; readonly key: ObjectKey } {
  const [controller = "", text = ""] = item.split(" ");
  const at = text.indexOf("/");
  return { controller, key: { namespace: at < 0 ? "" : text.slice(0, at), name: text.slice(at + 1) } };
}
