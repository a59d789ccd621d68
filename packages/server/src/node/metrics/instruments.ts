import type { Counter, Gauge, Histogram } from "@quorate/base";
import { assert } from "@quorate/base";

/** One line of the exposition; the shape prom-client's registry takes. */
export interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Appends the samples of one child to a scrape. */
export interface Sampled {
  collect(name: string, labels: Readonly<Record<string, string>>, into: Sample[]): void;
}

/** A counter that is a plain field: adding allocates nothing and looks nothing up. */
export class PlainCounter implements Counter, Sampled {
  #value = 0;
  add(amount = 1): void {
    this.#value += amount;
  }
  get value(): number {
    return this.#value;
  }
  collect(name: string, labels: Readonly<Record<string, string>>, into: Sample[]): void {
    into.push({ metricName: name, labels, value: this.#value });
  }
}

/** A gauge that is a plain field. */
export class PlainGauge implements Gauge, Sampled {
  #value = 0;
  set(value: number): void {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
  collect(name: string, labels: Readonly<Record<string, string>>, into: Sample[]): void {
    into.push({ metricName: name, labels, value: this.#value });
  }
}

/** A histogram on two flat arrays. Buckets are counted apart and summed when scraped. PERF: O(buckets) compares a call. */
export class PlainHistogram implements Histogram, Sampled {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  readonly #boundTexts: readonly string[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    assert(
      bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? bound)),
      "histogram bounds ascend",
    );
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
    this.#boundTexts = bounds.map(goFloat);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && !(value <= (bounds[i] as number))) i++;
    this.#counts[i] = (this.#counts[i] as number) + 1;
    this.#sum += value;
  }

  get count(): number {
    return this.#counts.reduce((total, n) => total + n, 0);
  }
  get sum(): number {
    return this.#sum;
  }

  collect(name: string, labels: Readonly<Record<string, string>>, into: Sample[]): void {
    let total = 0;
    for (const [i, text] of this.#boundTexts.entries()) {
      total += this.#counts[i] ?? 0;
      into.push({ metricName: `${name}_bucket`, labels: { ...labels, le: text }, value: total });
    }
    total += this.#counts[this.#boundTexts.length] ?? 0;
    into.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: total });
    into.push({ metricName: `${name}_sum`, labels, value: this.#sum });
    into.push({ metricName: `${name}_count`, labels, value: total });
  }
}

/**
 * A number as Go's shortest `%g` prints it, so that `le` labels equal etcd's (`1e-05`, `1.048576e+06`): the label's text is
 * its identity in queries.
 */
export function goFloat(value: number): string {
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  const absolute = Math.abs(power);
  return `${mantissa}e${power < 0 ? "-" : "+"}${absolute < 10 ? "0" : ""}${absolute}`;
}
