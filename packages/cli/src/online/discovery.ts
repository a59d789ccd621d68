import { CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { goQuote } from "../go/go-quote.ts";

const SERVICES = [
  { name: "etcd-client-ssl", scheme: "https" },
  { name: "etcd-client", scheme: "http" },
] as const;

/** A record that names a server. */
export interface ServiceRecord {
  readonly name: string;
  readonly port: number;
}

/** Looks up the SRV records of a service. Rejects where there are none. */
export type ResolveService = (service: string) => Promise<readonly ServiceRecord[]>;

/** The servers to talk to: those that --discovery-srv finds, otherwise --endpoints. CLI page, A1.2. */
export async function endpointsFromFlags(
  context: Pick<CommandContext, "flags" | "stderr">,
  resolve: ResolveService = resolveByDns,
): Promise<readonly string[]> {
  const { flags } = context;
  const domain = flags.string("discovery-srv");
  const found = domain === "" ? [] : await discover(domain, flags.string("discovery-srv-name"), resolve);
  const usable = flags.bool("insecure-discovery") ? found : found.filter((endpoint) => isSecure(context, endpoint));
  const endpoints = usable.length > 0 ? usable : flags.strings("endpoints").map((endpoint) => endpoint.trim());
  if (endpoints.length === 0)
    throw new CommandError(ExitCode.badConnection, "at least one Endpoint is required in client config");
  return endpoints;
}

async function resolveByDns(service: string): Promise<readonly ServiceRecord[]> {
  const { resolveSrv } = await import("node:dns/promises");
  return await resolveSrv(service);
}

function isSecure(context: Pick<CommandContext, "stderr">, endpoint: string): boolean {
  if (!endpoint.startsWith("http://")) return true;
  context.stderr.write(`ignoring discovered insecure endpoint ${goQuote(endpoint)}\n`);
  return false;
}

/** Looks up the SRV records of both services; one of them has to exist. */
async function discover(domain: string, suffix: string, resolve: ResolveService): Promise<readonly string[]> {
  const errors: string[] = [];
  const found: string[] = [];
  for (const { name, scheme } of SERVICES) {
    const service = `_${suffix === "" ? name : `${name}-${suffix}`}._tcp.${domain}`;
    try {
      const records = await resolve(service);
      found.push(...records.map((record) => `${scheme}://${record.name.replace(/\.$/, "")}:${record.port}`));
    } catch (error) {
      errors.push(`error querying DNS SRV records for ${service}: ${(error as Error).message}`);
    }
  }
  if (errors.length === SERVICES.length) throw new CommandError(ExitCode.error, errors.join("; "));
  return found;
}
