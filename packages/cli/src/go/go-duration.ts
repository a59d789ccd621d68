/** Durations as Go's package time reads and prints them. In nanoseconds. */

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const SECOND = 1_000_000_000n;
const DURATION_MAX = (1n << 63n) - 1n;

/** `time.ParseDuration`: `1h2m3.5s`, `300ms`, `0`; or Go's words on why not. */
export function parseGoDuration(text: string): { readonly value: bigint } | { readonly error: string } {
  const quoted = JSON.stringify(text);
  const invalid = { error: `time: invalid duration ${quoted}` };
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return { value: 0n };
  if (unsigned === "") return invalid;
  let total = 0n;
  let rest = unsigned;
  while (rest !== "") {
    const number = /^([0-9]*)(?:\.([0-9]*))?/.exec(rest);
    const [matched, whole = "", fraction = ""] = number ?? [""];
    if (whole === "" && fraction === "") return invalid;
    rest = rest.slice(matched.length);
    const name = /^[^0-9.]*/.exec(rest)?.[0] ?? "";
    if (name === "") return { error: `time: missing unit in duration ${quoted}` };
    const unit = UNITS[name];
    if (unit === undefined) return { error: `time: unknown unit ${JSON.stringify(name)} in duration ${quoted}` };
    rest = rest.slice(name.length);
    total += BigInt(whole === "" ? "0" : whole) * unit;
    if (fraction !== "") total += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
    if (total > DURATION_MAX) return invalid;
  }
  return { value: text.startsWith("-") ? -total : total };
}

/** `Duration.String()`: `2.105ms`, `1m0.5s`, `0s`. */
export function formatGoDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "0s";
  const sign = nanoseconds < 0n ? "-" : "";
  const total = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (total < SECOND) {
    const [unit, name] = total < 1_000n ? [1n, "ns"] : total < 1_000_000n ? [1_000n, "µs"] : [1_000_000n, "ms"];
    return `${sign}${withFraction(total, unit as bigint)}${name as string}`;
  }
  const minutes = total / (60n * SECOND);
  const seconds = `${withFraction(total % (60n * SECOND), SECOND)}s`;
  if (minutes === 0n) return `${sign}${seconds}`;
  const hours = minutes / 60n;
  return hours === 0n ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60n}m${seconds}`;
}

function withFraction(value: bigint, unit: bigint): string {
  const rest = value % unit;
  if (rest === 0n) return String(value / unit);
  const digits = String(unit).length - 1;
  return `${value / unit}.${String(rest).padStart(digits, "0").replace(/0+$/, "")}`;
}
