/** A number that only grows. */
export interface Counter {
  add(amount?: number): void;
}
/** A number that goes both ways. */
export interface Gauge {
  set(value: number): void;
}
/** A distribution of observations, in the unit its name ends with. */
export interface Histogram {
  /** `times`: how often the value was observed; once if absent. */
  observe(value: number, times?: number): void;
}

/** Makes instruments. Labels are bound when the instrument is made, so that using one looks nothing up. */
export interface Metrics {
  counter(name: string, help: string, labels?: Readonly<Record<string, string>>): Counter;
  gauge(name: string, help: string, labels?: Readonly<Record<string, string>>): Gauge;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: Readonly<Record<string, string>>,
  ): Histogram;
}

/** Instruments that measure nothing; for tests and embedding. */
export const NO_METRICS: Metrics = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
};

/** `count` bucket bounds from `start`, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}
