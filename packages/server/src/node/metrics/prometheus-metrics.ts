import type { Counter, Gauge, Histogram, Metrics } from "@quorate/base";
import { assert } from "@quorate/base";
import type { Registry } from "prom-client";
import { PlainCounter, PlainGauge, PlainHistogram, type Sample, type Sampled } from "./instruments.ts";

type Labels = Readonly<Record<string, string>>;
type Kind = "counter" | "gauge" | "histogram";

const NO_LABELS: Labels = {};

/** All instruments of one name. prom-client's registry asks it for its samples when it is scraped. */
class Family {
  readonly name: string;
  readonly help: string;
  readonly type: Kind;
  readonly labelNames: string;
  readonly #children = new Map<string, { readonly labels: Labels; readonly instrument: Sampled }>();

  constructor(name: string, help: string, type: Kind, labelNames: string) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.labelNames = labelNames;
  }

  child<T extends Sampled>(labels: Labels, create: () => T): T {
    const key = JSON.stringify(labels);
    const known = this.#children.get(key);
    if (known !== undefined) return known.instrument as T;
    const instrument = create();
    this.#children.set(key, { labels, instrument });
    return instrument;
  }

  async get(): Promise<{ name: string; help: string; type: Kind; values: Sample[]; aggregator: "sum" }> {
    const values: Sample[] = [];
    const sorted = [...this.#children.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, child] of sorted) child.instrument.collect(this.name, child.labels, values);
    return { name: this.name, help: this.help, type: this.type, values, aggregator: "sum" };
  }
}

/**
 * The metrics of one server. Instruments are plain fields bound to their labels when made, so that a request pays an
 * addition; prom-client formats them, and measures the process, only when somebody scrapes. It is loaded then too: 40 ms
 * that a start does not have.
 *
 * Names, label names and buckets are etcd's (see server-metrics.ts); labels are printed in the order of their names, the
 * bucket bound last, families in the order of theirs, as etcd prints them.
 */
export class PrometheusMetrics implements Metrics {
  readonly #families = new Map<string, Family>();
  readonly #beforeScrape: Array<() => void> = [];
  #registry: Promise<Registry> | undefined;

  counter(name: string, help: string, labels?: Labels): Counter & { readonly value: number } {
    return this.#child(name, help, "counter", labels, () => new PlainCounter());
  }

  gauge(name: string, help: string, labels?: Labels): Gauge & { readonly value: number } {
    return this.#child(name, help, "gauge", labels, () => new PlainGauge());
  }

  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: Labels,
  ): Histogram & { readonly count: number; readonly sum: number } {
    return this.#child(name, help, "histogram", labels, () => new PlainHistogram(buckets));
  }

  /** Calls `update` before each scrape: for gauges that cost something to know, or that others keep anyway. */
  beforeScrape(update: () => void): void {
    this.#beforeScrape.push(update);
  }

  /** Starts measuring the process and the event loop, rather than at the first scrape. Call it once the server serves. */
  async watchProcess(): Promise<void> {
    await this.#loaded();
  }

  /** All metrics in Prometheus' text format 0.0.4. */
  async exposition(): Promise<string> {
    const registry = await this.#loaded();
    for (const update of this.#beforeScrape) update();
    for (const [name, family] of this.#families) {
      if (registry.getSingleMetric(name) === undefined) registry.registerMetric(family as unknown as RegisteredMetric);
    }
    const names = registry.getMetricsAsArray().map((metric) => metric.name);
    const texts = await Promise.all(names.sort().map((name) => registry.getSingleMetricAsString(name)));
    return `${texts.join("\n")}\n`;
  }

  #child<T extends Sampled>(name: string, help: string, type: Kind, labels: Labels | undefined, create: () => T): T {
    const sorted = labels === undefined ? NO_LABELS : sortLabels(labels);
    const labelNames = Object.keys(sorted).join();
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Family(name, help, type, labelNames);
      this.#families.set(name, family);
    }
    assert(family.type === type, "a metric keeps its type");
    assert(family.labelNames === labelNames, "a metric keeps its label names");
    return family.child(sorted, create);
  }

  #loaded(): Promise<Registry> {
    this.#registry ??= loadRegistry();
    return this.#registry;
  }
}

type RegisteredMetric = Parameters<Registry["registerMetric"]>[0];

/** Content type of {@link PrometheusMetrics.exposition}. */
export const EXPOSITION_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

async function loadRegistry(): Promise<Registry> {
  const client = (await import("prom-client")).default;
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  return registry;
}

function sortLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
