import { Resolver } from "node:dns/promises";
import { type InitialMember, parseInitialCluster, type ServerConfig } from "./config/index.ts";
import { hostAddress, type ResolveHost } from "./peer-url-match.ts";

/** Where members are looked up. */
export interface SrvResolver {
  /** SRV records of a name, best first. Rejects if there are none. */
  readonly resolveSrv: (name: string) => Promise<readonly { readonly name: string; readonly port: number }[]>;
  readonly resolveHost: ResolveHost;
}

/** Asks the system's name servers. */
export const systemSrvRecords: SrvResolver["resolveSrv"] = (name) => srvRecords(new Resolver(), name);

/** Asks the name servers of `resolver`. */
export async function srvRecords(resolver: Resolver, name: string): ReturnType<SrvResolver["resolveSrv"]> {
  const records = await resolver.resolveSrv(name);
  return records.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
}

export type DiscoveryConfig = Pick<ServerConfig, "name" | "discoverySrv" | "initialAdvertisePeerUrls">;

/**
 * The members that SRV records name: `_etcd-server-ssl._tcp.<domain>` those with TLS, `_etcd-server._tcp.<domain>` those without,
 * taken together. This member is the one whose target has the address and port that it advertises; the others get numbers for
 * names, which those they publish replace. Rejects, in etcd's words, when no records are found or none is this member's.
 */
export async function discoverCluster(
  config: DiscoveryConfig,
  resolver: SrvResolver,
): Promise<readonly InitialMember[]> {
  const { domain = "", serviceSuffix = "" } = config.discoverySrv ?? {};
  const own = new Map<string, string>();
  for (const url of config.initialAdvertisePeerUrls) {
    if (url.socketPath === undefined) own.set(await addressOf(url, resolver.resolveHost), url.scheme);
  }
  const problems: string[] = [];
  const parts: string[] = [];
  for (const [scheme, service] of [
    ["https", `etcd-server-ssl${serviceSuffix}`],
    ["http", `etcd-server${serviceSuffix}`],
  ] as const) {
    try {
      parts.push(...(await membersOf({ scheme, service, domain, name: config.name, own }, resolver)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`error querying DNS SRV records for _${service} ${reason}`);
    }
  }
  if (parts.length === 0) throw new Error(problems.join("; "));
  if (!parts.some((part) => part.startsWith(`${config.name}=`))) {
    throw new Error(`cannot find local etcd member ${JSON.stringify(config.name)} in SRV records`);
  }
  const parsed = parseInitialCluster(parts.join(","));
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed.value;
}

interface Service {
  readonly scheme: "http" | "https";
  readonly service: string;
  readonly domain: string;
  /** This member's name, and the scheme it advertises by address. */
  readonly name: string;
  readonly own: ReadonlyMap<string, string>;
}

/** `name=url` for each target that has an address. Rejects if there is none. */
async function membersOf(service: Service, resolver: SrvResolver): Promise<readonly string[]> {
  const records = await resolver.resolveSrv(`_${service.service}._tcp.${service.domain}`);
  const parts: string[] = [];
  let problem = "no records";
  let number = 0;
  for (const record of records) {
    const host = record.name.replace(/\.$/, "");
    const address = await addressOf({ host, port: record.port }, resolver.resolveHost);
    const url = `${service.scheme}://${host.includes(":") ? `[${host}]` : host}:${record.port}`;
    const advertised = service.own.get(address);
    if (address.startsWith(UNRESOLVED)) problem = `lookup ${host}: no such host`;
    else if (advertised !== undefined && advertised !== service.scheme) {
      problem = `bootstrap at ${url} from DNS for ${service.service} has scheme mismatch with expected peer ${advertised}://${address}`;
    } else parts.push(`${advertised === undefined ? String(number++) : service.name}=${url}`);
  }
  if (parts.length === 0) throw new Error(problem);
  return parts;
}

const UNRESOLVED = "unresolved ";

async function addressOf(
  { host, port }: { readonly host: string; readonly port: number },
  resolveHost: ResolveHost,
): Promise<string> {
  const address = await hostAddress(host, resolveHost);
  return address === undefined ? `${UNRESOLVED}${host}` : `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
