import type { Quantity } from "./schema/build.ts";

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY = /^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE]?)|[eE]([+-]?[0-9]+))$/;

/** The number that a Kubernetes quantity stands for, or undefined if it is none. Bytes for storage, cores for CPU. */
export function parseQuantity(quantity: Quantity): number | undefined {
  if (typeof quantity === "number") return quantity;
  const [, digits, suffix, exponent] = QUANTITY.exec(quantity) ?? [];
  if (digits === undefined) return undefined;
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  return Number(digits) * (FACTORS[suffix ?? ""] ?? Number.NaN);
}

/** Bytes as people write them, with at most one digit behind the point: `20Ki`, `1.5Gi`. */
export function formatBytes(bytes: number): string {
  const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
  let value = bytes;
  let unit = 0;
  while (Math.round(value * 10) / 10 >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Math.round(value * 10) / 10}${units[unit]}`;
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration in Go's form (`1h30m`, `100ms`), or undefined if it is none. */
export function parseDuration(duration: string): number | undefined {
  if (!/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(duration)) return undefined;
  let total = 0;
  for (const [, number, unit] of duration.matchAll(/([0-9.]+)(ms|s|m|h)/g)) {
    total += Number(number) * (MILLISECONDS[unit ?? ""] ?? Number.NaN);
  }
  return total;
}
