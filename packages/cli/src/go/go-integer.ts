/** Integers as Go's strconv reads them, with its error texts: they are part of what etcdctl prints. */

const INT64_MIN = -(1n << 63n);
const INT64_MAX = (1n << 63n) - 1n;
const UINT64_MAX = (1n << 64n) - 1n;

/** A whole number, or Go's words on why not. */
export type ParsedInteger = { readonly value: bigint } | { readonly error: string };

/** `strconv.ParseInt(text, base, 64)`; base 0 takes the prefixes 0x, 0o, 0b and 0, and underscores between digits. */
export function parseGoInt(text: string, base: 0 | 10 | 16): ParsedInteger {
  const digits = /^[+-]/.test(text) ? text.slice(1) : text;
  const magnitude = readDigits(digits, base);
  if (magnitude === undefined) return { error: syntaxError("ParseInt", text) };
  const value = text.startsWith("-") ? -magnitude : magnitude;
  return value < INT64_MIN || value > INT64_MAX ? { error: rangeError("ParseInt", text) } : { value };
}

/** `strconv.ParseUint(text, base, 64)`; it takes no sign. */
export function parseGoUint(text: string, base: 0 | 10 | 16): ParsedInteger {
  const value = readDigits(text, base);
  if (value === undefined) return { error: syntaxError("ParseUint", text) };
  return value > UINT64_MAX ? { error: rangeError("ParseUint", text) } : { value };
}

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): { readonly value: boolean } | { readonly error: string } {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return { value: true };
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return { value: false };
  return { error: syntaxError("ParseBool", text) };
}

function readDigits(digits: string, base: 0 | 10 | 16): bigint | undefined {
  if (base === 10) return /^[0-9]+$/.test(digits) ? BigInt(digits) : undefined;
  if (base === 16) return /^[0-9a-fA-F]+$/.test(digits) ? BigInt(`0x${digits}`) : undefined;
  const plain = /^(0[xXoObB]?_?)?[0-9a-fA-F]+(_[0-9a-fA-F]+)*$/.test(digits) ? digits.replaceAll("_", "") : "";
  if (/^0[0-7]+$/.test(plain)) return BigInt(`0o${plain.slice(1)}`);
  return /^(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(plain) ? BigInt(plain) : undefined;
}

function syntaxError(name: string, text: string): string {
  return `strconv.${name}: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function rangeError(name: string, text: string): string {
  return `strconv.${name}: parsing ${JSON.stringify(text)}: value out of range`;
}
