import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { EndpointUrl } from "./config/index.ts";

/** The address that a host name stands for; undefined if it has none. */
export type ResolveHost = (host: string) => Promise<string | undefined>;

const RESOLVE_MS = 10_000;

/** Asks the system's resolver, for ten seconds at the most; IPv4 before IPv6, as etcd does. */
export const resolveHost: ResolveHost = async (host) => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, RESOLVE_MS, undefined);
  });
  try {
    return await Promise.race([lookup(host, { verbatim: false }).then(({ address }) => address), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
};

/** The address of a host, which may be one already; undefined if it has none. */
export async function hostAddress(host: string, resolve: ResolveHost): Promise<string | undefined> {
  return isIP(host) === 0 ? await resolve(host) : host;
}

/** Makes URLs comparable once the hosts of `urls` are resolved; hosts without an address stand for themselves. */
export async function urlComparer(
  urls: readonly EndpointUrl[],
  resolve: ResolveHost,
): Promise<(url: EndpointUrl) => string> {
  const hosts = [...new Set(urls.map((url) => url.host))];
  const addresses = await Promise.all(hosts.map((host) => hostAddress(host, resolve)));
  const known = new Map(hosts.map((host, position) => [host, addresses[position] ?? host]));
  return (url) => `${url.scheme}|${known.get(url.host) ?? url.host}|${url.port}|${url.socketPath ?? ""}`;
}

/**
 * Whether two lists of peer URLs are the same ones, in any order: as texts, or once their hosts are resolved. Source: etcd
 * compares addresses because one side may have been told names.
 */
export async function samePeerUrls(
  left: readonly string[],
  right: readonly string[],
  resolve: ResolveHost,
): Promise<boolean> {
  if (left.length !== right.length) return false;
  if (sortedEqual(left, right)) return true;
  const [a, b] = await Promise.all([left, right].map((urls) => Promise.all(urls.map((url) => resolved(url, resolve)))));
  return sortedEqual(a ?? [], b ?? []);
}

async function resolved(url: string, resolve: ResolveHost): Promise<string> {
  const match = /^(https?:\/\/)(?:\[([^\]]+)\]|([^:/[\]]+)):(\d+)$/.exec(url);
  const host = match?.[2] ?? match?.[3];
  if (match === null || host === undefined) return url;
  return `${match[1]}[${(await hostAddress(host, resolve)) ?? host}]:${match[4]}`;
}

function sortedEqual(left: readonly string[], right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return [...left].sort().every((item, position) => item === sorted[position]);
}
