/** Values as Go's flag package reads them. Each parser returns the value or the text of the error. */
export type Parsed<T> = { readonly value: T } | { readonly error: string };

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

export function parseBool(text: string): Parsed<boolean> {
  if (TRUE.has(text)) return { value: true };
  return FALSE.has(text) ? { value: false } : { error: "parse error" };
}

/** Decimal, `0x`, `0o`, `0` or `0b`; beyond 2^53 - 1 the value saturates there. */
export function parseInteger(text: string, signed: boolean, max: number = Number.MAX_SAFE_INTEGER): Parsed<number> {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/.exec(text);
  const digits = match?.[2];
  if (match === null || digits === undefined || (!signed && match[1] !== "")) return { error: "parse error" };
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const limit = signed ? 2n ** 63n - (match[1] === "-" ? 0n : 1n) : 2n ** 64n - 1n;
  if (value > limit) return { error: "value out of range" };
  const bounded = Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);
  if (max < Number.MAX_SAFE_INTEGER && bounded > max) return { error: "value out of range" };
  return { value: match[1] === "-" && bounded !== 0 ? -bounded : bounded };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's `1h2m3.5s` in milliseconds, with fractions. */
export function parseDuration(text: string): Parsed<number> {
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === "0") return { value: 0 };
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return { error: "parse error" };
  let totalMs = 0;
  for (const [, amount, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  // Go counts nanoseconds in 64 bits.
  if (totalMs > 9_223_372_036_854) return { error: "parse error" };
  return { value: text.startsWith("-") ? -totalMs : totalMs };
}

/** Milliseconds as Go prints a duration: `1m0s`, `300ms`, `1.5s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1e-3) return `${round(ms * 1e6)}ns`;
  if (ms < 1) return `${round(ms * 1000)}µs`;
  if (ms < 1000) return `${round(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = round((ms % 60_000) / 1000);
  return (hours > 0 ? `${hours}h` : "") + (hours > 0 || minutes > 0 ? `${minutes}m` : "") + `${seconds}s`;
}

function round(value: number): number {
  return Number(value.toFixed(9));
}
