import type { Metadata } from "@quorate/grpc";

const METADATA_PREFIX = "grpc-metadata-";
const METADATA_NAME = /^[0-9a-z_.-]+$/;
const METADATA_VALUE = /^[\x20-\x7e]*$/;
const GATEWAY_PREFIX = "grpcgateway-";

/** Headers that have a meaning of their own in HTTP: they are passed on under a prefix. Source: grpc-gateway's list. */
const PERMANENT: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-language",
  "accept-ranges",
  "authorization",
  "cache-control",
  "content-type",
  "cookie",
  "date",
  "expect",
  "from",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-schedule-tag-match",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "pragma",
  "referer",
  "user-agent",
  "via",
  "warning",
]);

/** Milliseconds of each unit of `Grpc-Timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * The metadata of a call that came over HTTP, as grpc-gateway makes it: `Authorization` as it is, `Grpc-Metadata-X` as `x`, well-known
 * headers as `grpcgateway-…`, and where the request came from. gRPC API page, section 14.
 */
export class GatewayMetadata implements Metadata {
  readonly #values = new Map<string, string[]>();

  /** `rawHeaders`: names and values in turn, as Node.js has them. */
  constructor(rawHeaders: readonly string[], remoteAddress: string) {
    let forwardedFor = "";
    let forwardedHost = "";
    let host = "";
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] as string).toLowerCase();
      const value = rawHeaders[i + 1] as string;
      if (name === "x-forwarded-for") forwardedFor ||= value;
      else if (name === "x-forwarded-host") forwardedHost ||= value;
      else if (name === "host") host = value;
      else this.#take(name, value);
    }
    if (forwardedHost !== "" || host !== "") this.#add("x-forwarded-host", forwardedHost || host);
    if (remoteAddress !== "") {
      this.#add("x-forwarded-for", forwardedFor === "" ? remoteAddress : `${forwardedFor}, ${remoteAddress}`);
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  getAll(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  *entries(): IterableIterator<readonly [string, string]> {
    for (const [name, values] of this.#values) for (const value of values) yield [name, value];
  }

  #take(name: string, value: string): void {
    if (name === "authorization") this.#add(name, value);
    if (PERMANENT.has(name)) this.#add(GATEWAY_PREFIX + name, value);
    else if (name.startsWith(METADATA_PREFIX)) {
      const inner = name.slice(METADATA_PREFIX.length);
      const isBinary = inner.endsWith("-bin");
      // What gRPC cannot carry is passed over.
      if (!METADATA_NAME.test(inner) || (!isBinary && !METADATA_VALUE.test(value))) return;
      this.#add(inner, isBinary ? Buffer.from(value, "base64").toString("latin1") : value);
    }
  }

  #add(name: string, value: string): void {
    const before = this.#values.get(name);
    if (before === undefined) this.#values.set(name, [value]);
    else before.push(value);
  }
}

/** Milliseconds that `Grpc-Timeout` grants: 0 for no header, NaN for one that is malformed. */
export function timeoutMsOf(header: string | readonly string[] | undefined): number {
  if (header === undefined) return 0;
  const match = /^([+-]?\d{1,19})([HMSmun])$/.exec(String(header));
  return match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}
