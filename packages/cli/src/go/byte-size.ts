const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;
const STEP = 1000;

/** A size for people, as go-humanize's `Bytes`: powers of 1000, one decimal below ten (`20 kB`, `2.1 GB`, `17 B`). */
export function humanBytes(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  let unit = 0;
  let value = bytes;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  const rounded = Math.floor(value * 10 + 0.5) / 10;
  return `${rounded < 10 ? rounded.toFixed(1) : roundHalfEven(rounded)} ${UNITS[unit] ?? ""}`;
}

/** Go's `%.0f`. */
function roundHalfEven(value: number): string {
  const below = Math.floor(value);
  const isTie = value - below === 0.5;
  return String(isTie ? below + (below % 2) : Math.round(value));
}
