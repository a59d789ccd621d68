import { isIP } from "node:net";
import type { Parsed } from "./go-values.ts";
import type { EndpointUrl } from "./server-config.ts";

/** Comma-separated URLs, sorted and without repeats, under etcd's rules and with its messages. */
export function parseUrls(text: string): Parsed<readonly EndpointUrl[]> {
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

function parseUrl(text: string): Parsed<EndpointUrl> {
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

/** What is wrong with listening on one of `urls`: hosts must be addresses, as names may resolve to anything. */
export function bindProblem(urls: readonly EndpointUrl[]): string | undefined {
  const bad = urls.find((url) => url.socketPath === undefined && url.host !== "localhost" && isIP(url.host) === 0);
  return bad === undefined ? undefined : `expected IP in URL for binding (${bad.text})`;
}

/** What is wrong with advertising one of `urls`. */
export function advertiseProblem(urls: readonly EndpointUrl[]): string | undefined {
  const bad = urls.find((url) => url.socketPath === undefined && url.host === "");
  return bad === undefined ? undefined : `unexpected empty host (${bad.text})`;
}
