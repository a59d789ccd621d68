import type { Counter, Gauge, Histogram, Metrics } from "@quorate/base";
import { assert } from "@quorate/base";
import type { Registry } from "prom-client";
import { PlainCounter, PlainGauge, PlainHistogram, type Sampled } from "./instruments.ts";

type Labels = Readonly<Record<string, string>>;
type Kind = "counter" | "gauge" | "histogram";

/** All instruments of one name. */
class Family {
  readonly type: Kind;
  readonly labelNames: string;
  readonly #name: string;
  readonly #help: string;
  /** By their labels as they are printed. */
  readonly #children = new Map<string, Sampled>();
  #sorted: ReadonlyArray<readonly [labels: string, instrument: Sampled]> | undefined;

  constructor(name: string, help: string, type: Kind, labelNames: string) {
    this.#name = name;
    this.#help = help;
    this.type = type;
    this.labelNames = labelNames;
  }

  child<T extends Sampled>(labels: string, create: () => T): T {
    const known = this.#children.get(labels);
    if (known !== undefined) return known as T;
    const instrument = create();
    this.#children.set(labels, instrument);
    this.#sorted = undefined;
    return instrument;
  }

  print(): string {
    this.#sorted ??= [...this.#children].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = [`# HELP ${this.#name} ${escapeText(this.#help)}`, `# TYPE ${this.#name} ${this.type}`];
    for (const [labels, instrument] of this.#sorted) instrument.print(this.#name, labels, lines);
    return lines.join("\n");
  }
}

/**
 * The metrics of one server. Instruments are plain fields bound to their labels when made, so that a request pays an
 * addition. They print themselves: through prom-client, a scrape held up requests ten times as long. The
 * process and the runtime are measured by prom-client, which is loaded after the start, as it takes 40 ms.
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
    const blocks = new Map<string, string>();
    for (const { name } of registry.getMetricsAsArray()) {
      blocks.set(name, await registry.getSingleMetricAsString(name));
    }
    for (const update of this.#beforeScrape) update();
    for (const [name, family] of this.#families) blocks.set(name, family.print());
    const names = [...blocks.keys()].sort();
    return `${names.map((name) => blocks.get(name)).join("\n")}\n`;
  }

  #child<T extends Sampled>(name: string, help: string, type: Kind, labels: Labels | undefined, create: () => T): T {
    const sorted = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const labelNames = sorted.map(([label]) => label).join();
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new Family(name, help, type, labelNames);
      this.#families.set(name, family);
    }
    assert(family.type === type, "a metric keeps its type");
    assert(family.labelNames === labelNames, "a metric keeps its label names");
    return family.child(sorted.map(([label, value]) => `${label}="${escapeLabel(value)}"`).join(), create);
  }

  #loaded(): Promise<Registry> {
    this.#registry ??= loadRegistry();
    return this.#registry;
  }
}

/** Content type of {@link PrometheusMetrics.exposition}. */
export const EXPOSITION_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

async function loadRegistry(): Promise<Registry> {
  const client = (await import("prom-client")).default;
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  return registry;
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(value: string): string {
  return escapeText(value).replaceAll('"', '\\"');
}
