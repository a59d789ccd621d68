/** A JSON number at the beginning of a text, and that nothing behind it belongs to it. */
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?(?![-+._a-zA-Z0-9])/;
/** No 64-bit integer has more digits. */
const DIGITS_MAX = 20;
/** Longer text of a number is out of every range, or no integer. */
const TEXT_LENGTH_MAX = 256;

/** The first value and the one behind the last. */
type IntegerRange = readonly [first: bigint, end: bigint];

/** First value and end of what an integer kind holds. */
export const INTEGER_RANGES: Readonly<Record<"int32" | "uint32" | "int64" | "uint64", IntegerRange>> = {
  int32: [-(1n << 31n), 1n << 31n],
  uint32: [0n, 1n << 32n],
  int64: [-(1n << 63n), 1n << 63n],
  uint64: [0n, 1n << 64n],
};

/** The integer in `[first, end)` that a JSON number stands for, whichever form it has (`30`, `3e1`, `300.0e-1`). */
export function integerOf(text: string, [first, end]: IntegerRange): bigint | undefined {
  const match = text.length > TEXT_LENGTH_MAX ? null : NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = shifted(whole, fraction.replace(/0+$/, ""), Number(exponent));
  if (digits === undefined) return undefined;
  const value = BigInt(sign + digits);
  return value >= first && value < end ? value : undefined;
}

/** The digits of `whole.fraction` times ten to the `exponent`; undefined when that is no integer, or a very large one. */
function shifted(whole: string, fraction: string, exponent: number): string | undefined {
  if (whole === "0" && fraction === "") return "0";
  const point = whole.length + exponent;
  const digits = whole + fraction;
  const significant = digits.replace(/0+$/, "").length;
  if (point < significant || point > DIGITS_MAX + whole.length + fraction.length) return undefined;
  const padded = digits
    .padEnd(Math.max(point, 0), "0")
    .slice(0, Math.max(point, 0))
    .replace(/^0+(?=\d)/, "");
  return padded.length > DIGITS_MAX || padded === "" ? undefined : padded;
}
