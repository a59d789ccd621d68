import type { Counter, Gauge, Histogram } from "@quorate/base";
import { assert } from "@quorate/base";

/** What a family prints of one child. */
export interface Sampled {
  /** Appends lines of the text format. `name` is the family's; `labels` is `a="x",b="y"`, escaped, or empty. */
  print(name: string, labels: string, into: string[]): void;
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
  print(name: string, labels: string, into: string[]): void {
    into.push(`${name}${braced(labels)} ${goFloat(this.#value)}`);
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
  print(name: string, labels: string, into: string[]): void {
    into.push(`${name}${braced(labels)} ${goFloat(this.#value)}`);
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

  observe(value: number, times = 1): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && !(value <= (bounds[i] as number))) i++;
    this.#counts[i] = (this.#counts[i] as number) + times;
    this.#sum += value * times;
  }

  get count(): number {
    return this.#counts.reduce((total, n) => total + n, 0);
  }
  get sum(): number {
    return this.#sum;
  }

  print(name: string, labels: string, into: string[]): void {
    const open = labels === "" ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`;
    let total = 0;
    for (const [i, text] of this.#boundTexts.entries()) {
      total += this.#counts[i] ?? 0;
      into.push(`${open}${text}"} ${goFloat(total)}`);
    }
    total += this.#counts[this.#boundTexts.length] ?? 0;
    into.push(`${open}+Inf"} ${goFloat(total)}`);
    into.push(`${name}_sum${braced(labels)} ${goFloat(this.#sum)}`);
    into.push(`${name}_count${braced(labels)} ${goFloat(total)}`);
  }
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

/**
 * A number as Go's shortest `%g` prints it, as etcd's exposition does (`1e-05`, `1.048576e+06`). In `le` labels the text is
 * the bucket's identity in queries.
 */
export function goFloat(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  const digits = Math.abs(power);
  return `${mantissa}e${power < 0 ? "-" : "+"}${digits < 10 ? "0" : ""}${digits}`;
}
