/**
 * A header field as decoded. A table entry is one object for its whole life, so fields that come by index can be told
 * apart by identity; that is what makes a repeated request cheap to recognise (see `request-heads.ts`).
 */
export interface HeaderField {
  readonly name: string;
  /** One char code per byte. */
  readonly value: string;
  /** Its share of a header list or table: both lengths and 32, RFC 7541 section 4.1. */
  readonly size: number;
  /** A number of its own, for hashing sequences of fields. */
  readonly serial: number;
  /**
   * For `grpc-timeout`, the timeout in milliseconds or NaN when it is malformed; -1 for every other field. Kept apart
   * because clients send a different value with every call.
   */
  readonly timeoutMs: number;
}

const NAME_FORBIDDEN = /[^!#$%&'*+\-.^_`|~0-9a-z]/;
// oxlint-disable-next-line no-control-regex -- these are what is forbidden
const VALUE_FORBIDDEN = /[\0\r\n]|^[ \t]|[ \t]$/;

let serial = 0;

/** A field made of `name` and `value`, both one char code per byte. */
export function headerField(name: string, value: string): HeaderField {
  serial = (serial + 1) | 0;
  return {
    name,
    value,
    size: name.length + value.length + 32,
    serial,
    timeoutMs: name === "grpc-timeout" ? parseTimeout(value) : -1,
  };
}

/**
 * False for what HTTP/2 calls malformed: an empty name, upper case or other wrong characters in it, line breaks or outer
 * spaces in the value. Source: RFC 9113 section 8.2.1.
 */
export function isWellFormed({ name, value }: HeaderField): boolean {
  const bare = name.charCodeAt(0) === 58 /* : */ ? name.slice(1) : name;
  return bare.length > 0 && !NAME_FORBIDDEN.test(bare) && !VALUE_FORBIDDEN.test(value);
}

/**
 * `grpc-timeout`: one to eight digits and a unit. Milliseconds, rounded up so that a call never ends early; NaN when
 * malformed. Source: gRPC over HTTP/2, "Timeout".
 */
export function parseTimeout(value: string): number {
  if (!/^[0-9]{1,8}[HMSmun]$/.test(value)) return Number.NaN;
  const amount = Number(value.slice(0, -1));
  switch (value.at(-1)) {
    case "H":
      return amount * 3_600_000;
    case "M":
      return amount * 60_000;
    case "S":
      return amount * 1000;
    case "m":
      return amount;
    case "u":
      return Math.ceil(amount / 1000);
    default:
      return Math.ceil(amount / 1_000_000);
  }
}
