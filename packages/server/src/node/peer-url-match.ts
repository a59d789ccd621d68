import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** The address that a host name stands for; the name itself if it has none. */
export type ResolveHost = (host: string) => Promise<string>;

const RESOLVE_MS = 10_000;

/** Asks the system's resolver, for ten seconds at the most. */
export const resolveHost: ResolveHost = async (host) => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, RESOLVE_MS, host);
  });
  try {
    return await Promise.race([lookup(host).then(({ address }) => address), late]);
  } catch {
    return host;
  } finally {
    clearTimeout(timer);
  }
};

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
  return `${match[1]}[${isIP(host) === 0 ? await resolve(host) : host}]:${match[4]}`;
}

function sortedEqual(left: readonly string[], right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return [...left].sort().every((item, position) => item === sorted[position]);
}
