/** What was read, or the text of the error. */
export type ParsedUrls<T> = { readonly value: T } | { readonly error: string };

/** A URL of `--listen-…-urls` or `--…advertise-…-urls`. */
export interface EndpointUrl {
  /** As it is advertised and hashed into the member ID, e.g. `http://10.0.0.1:2379`. */
  readonly text: string;
  readonly scheme: "http" | "https" | "unix" | "unixs";
  /** Host without brackets; empty for all addresses, and for unix sockets. */
  readonly host: string;
  /** TCP port; 0 for unix sockets. */
  readonly port: number;
  /** Path of a unix socket; undefined for TCP. */
  readonly socketPath: string | undefined;
}

/** Comma-separated URLs, sorted and without repeats, under etcd's rules and with its messages. */
export function parseUrls(text: string): ParsedUrls<readonly EndpointUrl[]> {
  const urls = new Map<string, EndpointUrl>();
  for (const part of text.split(",")) {
    const parsed = parseUrl(part.trim());
    if ("error" in parsed) return parsed;
    urls.set(parsed.value.text, parsed.value);
  }
  return { value: [...urls.values()].sort((a, b) => (a.text < b.text ? -1 : 1)) };
}

/**
 * Peer URLs of a member as the API takes them, sorted; undefined if there are none or one is not valid. gRPC API page, section 8.2.
 */
export function peerUrlsOf(texts: readonly string[]): readonly string[] | undefined {
  const urls = texts.map((text) => parseUrl(text.trim()));
  if (urls.length === 0) return undefined;
  const valid = urls.flatMap((parsed) => ("value" in parsed ? [parsed.value.text] : []));
  return valid.length === urls.length ? valid.sort() : undefined;
}

function parseUrl(text: string): ParsedUrls<EndpointUrl> {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const rest = match?.[2] ?? "";
  if (scheme === "unix" || scheme === "unixs") {
    const socketPath = rest.replace(/^\/\//, "");
    return { value: { text: `${scheme}:${rest}`, scheme, host: "", port: 0, socketPath } };
  }
  if (scheme !== "http" && scheme !== "https") {
    return { error: `URL scheme must be http, https, unix, or unixs: ${text}` };
  }
  const authority = /^\/\/(?:[^/?#]*@)?([^/?#]*)(.*)$/.exec(rest);
  const address = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d*)$/.exec(authority?.[1] ?? "");
  const port = Number(address?.[3]);
  if (address === null || port > 65535) return { error: `URL address does not have the form "host:port": ${text}` };
  if (authority?.[2] !== "") return { error: `URL must not contain a path: ${text}` };
  const host = address[1] ?? address[2] ?? "";
  return { value: { text: `${scheme}:${rest}`, scheme, host, port, socketPath: undefined } };
}
