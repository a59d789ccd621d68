import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import {
  bootstrapClusterId,
  bootstrapProblems,
  type ClusterMember,
  type EndpointUrl,
  foundersOf,
  parseInitialCluster,
  parseUrls,
  type Sha1,
} from "@quorate/protocol";
import type { MemberIdentity } from "@quorate/storage";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** What the flags say of the member that is restored, and of its cluster. */
export interface NewMemberFlags {
  readonly name: string;
  readonly initialCluster: string;
  readonly initialClusterToken: string;
  readonly initialAdvertisePeerUrls: string;
}

/** The member that a snapshot is restored for. */
export interface NewMember {
  readonly identity: MemberIdentity;
  /** All members, ascending by ID. */
  readonly founders: readonly ClusterMember[];
}

const sha1: Sha1 = (bytes) => createHash("sha1").update(bytes).digest();

/** Who the flags are about, as a server with these flags would found its cluster. Throws a CommandError in etcd's words. */
export async function newMember(flags: NewMemberFlags): Promise<NewMember> {
  const initialAdvertisePeerUrls = valueOf(parseUrls(flags.initialAdvertisePeerUrls));
  const initialCluster = valueOf(parseInitialCluster(flags.initialCluster));
  if (initialCluster.length === 0) throw notNamed(flags.name);
  const urls = [...initialAdvertisePeerUrls, ...initialCluster.flatMap(({ peerUrls }) => peerUrls)];
  const problems = bootstrapProblems(
    { name: flags.name, initialCluster, initialClusterState: "new", initialAdvertisePeerUrls },
    await comparer(urls),
  );
  if (problems.length > 0) throw new CommandError(ExitCode.error, problems.join("; "));
  const founders = foundersOf(initialCluster, flags.initialClusterToken, sha1);
  const self = founders.find(({ name }) => name === flags.name);
  if (self === undefined) throw notNamed(flags.name);
  const ids = founders.map(({ id }) => id);
  return { identity: { memberId: self.id, clusterId: bootstrapClusterId(ids, sha1) }, founders };
}

function notNamed(name: string): CommandError {
  const text = `couldn't find local name ${JSON.stringify(name)} in the initial cluster configuration`;
  return new CommandError(ExitCode.error, text);
}

/** A server says where the error is; etcdutl says the error alone. */
function valueOf<T>(parsed: { readonly value: T } | { readonly error: string }): T {
  if ("error" in parsed) {
    throw new CommandError(ExitCode.error, parsed.error.replace(/^error setting up initial cluster: /, ""));
  }
  return parsed.value;
}

/** Makes URLs comparable by the addresses of their hosts; hosts without one stand for themselves. */
async function comparer(urls: readonly EndpointUrl[]): Promise<(url: EndpointUrl) => string> {
  const hosts = [...new Set(urls.map(({ host }) => host))].filter((host) => host !== "" && isIP(host) === 0);
  const resolved = await Promise.all(
    hosts.map(async (host) => {
      const found = await lookup(host, { verbatim: false }).catch(() => undefined);
      return [host, found?.address ?? host] as const;
    }),
  );
  const addresses = new Map(resolved);
  return ({ host, port, scheme, socketPath }) => `${scheme}|${addresses.get(host) ?? host}|${port}|${socketPath ?? ""}`;
}
