import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Informer, RequestRecord } from "../kube/index.ts";
import type { PassRecord } from "../runtime/controller-runner.ts";

/** What is looked at when metrics are asked for. */
export interface MetricSources {
  readonly informers: () => readonly Informer[];
  readonly queue: () => { readonly depth: number; readonly working: number; readonly longestWaitMs: number };
  readonly isLeader: () => boolean;
}

/** Seconds. */
const PASS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
const PREFIX = "quorate_operator_";

/** The operator's own metrics. What is counted is reported to it; what is a state is read when asked for. */
export class OperatorMetrics {
  readonly registry: Registry = new Registry();
  readonly #passes: Counter;
  readonly #passSeconds: Histogram;
  readonly #lastPass: Gauge;
  readonly #retries: Counter;
  readonly #steps: Counter;
  readonly #requests: Counter;
  readonly #requestSeconds: Histogram;

  constructor(version: string) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#passes = new Counter({
      name: `${PREFIX}reconciles_total`,
      help: "Passes over an object, by how they ended: done or failed.",
      labelNames: ["controller", "result"],
      registers,
    });
    this.#passSeconds = new Histogram({
      name: `${PREFIX}reconcile_duration_seconds`,
      help: "How long passes took.",
      labelNames: ["controller"],
      buckets: PASS_BUCKETS,
      registers,
    });
    this.#lastPass = new Gauge({
      name: `${PREFIX}last_reconcile_timestamp_seconds`,
      help: "When the last pass ended, in seconds since the Unix epoch.",
      labelNames: ["controller"],
      registers,
    });
    this.#retries = new Counter({
      name: `${PREFIX}reconcile_retries_total`,
      help: "Passes that failed and were put back with a delay.",
      labelNames: ["controller"],
      registers,
    });
    this.#steps = new Counter({
      name: `${PREFIX}steps_total`,
      help: "Passes that carried out a step, by the rule that decided it.",
      labelNames: ["controller", "step"],
      registers,
    });
    this.#requests = new Counter({
      name: `${PREFIX}api_requests_total`,
      help: "Requests to the Kubernetes API, by outcome: ok, or the reason of the refusal.",
      labelNames: ["verb", "resource", "outcome"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: `${PREFIX}api_request_duration_seconds`,
      help: "How long requests to the Kubernetes API took, watches aside.",
      labelNames: ["verb"],
      buckets: REQUEST_BUCKETS,
      registers,
    });
    new Gauge({
      name: `${PREFIX}build_info`,
      help: "Always 1; the version is a label.",
      labelNames: ["version"],
      registers,
    }).set({ version }, 1);
  }

  onPass({ controller, outcome, step, tookMs }: PassRecord): void {
    this.#passes.inc({ controller, result: outcome });
    this.#passSeconds.observe({ controller }, tookMs / 1000);
    this.#lastPass.set({ controller }, Date.now() / 1000);
    if (outcome === "failed") this.#retries.inc({ controller });
    if (step !== undefined) this.#steps.inc({ controller, step });
  }

  onRequest({ verb, resource, subresource, outcome, tookMs }: RequestRecord): void {
    const name = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
    this.#requests.inc({ verb, resource: name, outcome });
    if (verb !== "watch") this.#requestSeconds.observe({ verb }, tookMs / 1000);
  }

  /** Adds the gauges whose values are read from the running parts. Call once. */
  observe(sources: MetricSources): void {
    this.#gauge("leader", "1 if this process leads, 0 if it waits.", [], (set) => set({}, sources.isLeader() ? 1 : 0));
    this.#gauge("queue_depth", "Keys that wait for a worker.", [], (set) => set({}, sources.queue().depth));
    this.#gauge("queue_working", "Keys that are worked on.", [], (set) => set({}, sources.queue().working));
    this.#gauge("queue_longest_wait_seconds", "How long the key at the front has waited for a worker.", [], (set) =>
      set({}, sources.queue().longestWaitMs / 1000),
    );
    const labels = ["resource", "namespace"];
    const eachInformer = (value: (informer: Informer) => number) => (set: SetGauge) => {
      const sums = new Map<string, { readonly labels: Record<string, string>; readonly value: number }>();
      for (const informer of sources.informers()) {
        const { resource, namespace } = informer.scope;
        const id = `${resource.plural} ${namespace}`;
        // Of several of one kind the worst is shown.
        const most = Math.max(value(informer), sums.get(id)?.value ?? 0);
        sums.set(id, { labels: { resource: resource.plural, namespace }, value: most });
      }
      for (const each of sums.values()) set(each.labels, each.value);
    };
    this.#gauge(
      "cache_age_seconds",
      "Seconds since the API server was last heard of for this kind: a list, a change or a bookmark.",
      labels,
      eachInformer(({ ageMs }) => ageMs / 1000),
    );
    this.#gauge(
      "cache_objects",
      "Objects in the cache.",
      labels,
      eachInformer(({ size }) => size),
    );
    this.#gauge("watch_restarts", "Watches begun anew so far, by reason.", ["resource", "reason"], (set) => {
      const sums = new Map<string, number>();
      for (const { scope, restarts } of sources.informers())
        for (const [reason, count] of restarts) {
          const id = `${scope.resource.plural} ${reason}`;
          sums.set(id, (sums.get(id) ?? 0) + count);
          set({ resource: scope.resource.plural, reason }, sums.get(id) ?? 0);
        }
    });
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() };
  }

  #gauge(name: string, help: string, labelNames: readonly string[], collect: (set: SetGauge) => void): void {
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        collect((labels, value) => this.set(labels, value));
      },
    });
  }
}

type SetGauge = (labels: Record<string, string>, value: number) => void;
