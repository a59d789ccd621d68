import { createHash } from "node:crypto";
import { must } from "@quorate/base";
import { foundersOf as foundersOfCluster } from "@quorate/protocol";
import type { MemberIdentity } from "@quorate/storage";
import { bootstrapClusterId, type ClusterMember, canJoin, ETCD_VERSION, hexId } from "../core/index.ts";
import { bootstrapProblems, type InitialMember, type ServerConfig } from "./config/index.ts";
import { type DiscoveryConfig, discoverCluster, type SrvResolver, systemSrvRecords } from "./discovery-srv.ts";
import type { PeerClient, PeerMembers } from "./peer/index.ts";
import { type ResolveHost, samePeerUrls, urlComparer } from "./peer-url-match.ts";

/** What is asked of members that run already. */
export type BootstrapClient = Pick<PeerClient, "getMembers" | "getVersion" | "getDowngradeEnabled">;

export interface BootstrapDeps extends Partial<SrvResolver> {
  readonly client: BootstrapClient;
  readonly resolveHost: ResolveHost;
}

/** How a member without data begins. */
export interface Bootstrap {
  readonly identity: MemberIdentity;
  /** With whom it founds its cluster, itself among them, ascending by ID; empty when it joins one, whose log brings them. */
  readonly founders: readonly ClusterMember[];
  /** The other members, to be connected with before any entry tells of them. */
  readonly peers: readonly ClusterMember[];
}

type BootstrapConfig = Pick<
  ServerConfig,
  | "name"
  | "initialCluster"
  | "initialClusterState"
  | "initialClusterToken"
  | "initialAdvertisePeerUrls"
  | "discoverySrv"
  | "maxLearners"
>;

/** etcd's figures: founders are asked for a moment, members of a cluster to join for longer. */
const FOUNDER_TIMEOUT_MS = 1000;
const MEMBER_TIMEOUT_MS = 10_000;

/**
 * Who a member without data is, and with whom: it founds a cluster with the others of `--initial-cluster`, or joins theirs. Rejects,
 * in etcd's words, with what keeps it from either. Peer protocol page, section 15.
 */
export async function bootstrapMember(config: BootstrapConfig, deps: BootstrapDeps): Promise<Bootstrap> {
  const known = await withDiscoveredCluster(config, deps);
  const urls = [...known.initialAdvertisePeerUrls, ...known.initialCluster.flatMap((initial) => initial.peerUrls)];
  const problems = bootstrapProblems(known, await urlComparer(urls, deps.resolveHost));
  if (problems.length > 0) throw new Error(problems.join("; "));
  return known.initialClusterState === "existing" ? await join(known, deps) : await found(known, deps);
}

/** The configuration with the members that `--discovery-srv` finds, if it is given. */
export async function withDiscoveredCluster<T extends Pick<BootstrapConfig, "initialCluster"> & DiscoveryConfig>(
  config: T,
  { resolveHost, resolveSrv = systemSrvRecords }: Pick<BootstrapDeps, "resolveHost" | "resolveSrv">,
): Promise<T> {
  if (config.discoverySrv === undefined) return config;
  return { ...config, initialCluster: await discoverCluster(config, { resolveHost, resolveSrv }) };
}

/** The members of `--initial-cluster` with the IDs they have if they found a cluster, ascending by ID. */
export function foundersOf(
  config: Pick<ServerConfig, "initialCluster" | "initialClusterToken">,
): readonly ClusterMember[] {
  return foundersOfCluster(config.initialCluster, config.initialClusterToken, sha1);
}

async function found(config: BootstrapConfig, { client }: BootstrapDeps): Promise<Bootstrap> {
  const founders = foundersOf(config);
  const self = must(
    founders.find((member) => member.name === config.name),
    "a configuration without problems holds this member",
  );
  const running = await firstMembers(client, otherUrls(config), FOUNDER_TIMEOUT_MS);
  if ("members" in running) refuseIfStarted(running.members.find(({ id }) => id === self.id));
  const ids = founders.map((member) => member.id);
  return {
    identity: { memberId: self.id, clusterId: bootstrapClusterId(ids, sha1) },
    founders,
    peers: founders.filter((member) => member !== self),
  };
}

async function join(config: BootstrapConfig, deps: BootstrapDeps): Promise<Bootstrap> {
  const existing = await firstMembers(deps.client, otherUrls(config), MEMBER_TIMEOUT_MS);
  if ("problem" in existing) throw new Error(`cannot fetch cluster info from peer urls: ${existing.problem}`);
  const { clusterId, members } = existing;
  const matched = await matchMembers(config, existing, deps.resolveHost);
  const self = must(matched.get(config.name), "this member is one of those that were matched");
  refuseIfStarted(self);
  const peers = members.filter((member) => member.id !== self.id);
  await refuseOtherVersions(deps.client, peers);
  if (members.filter((member) => member.isLearner).length > config.maxLearners) {
    throw new Error("membership: too many learner members in cluster");
  }
  return { identity: { memberId: self.id, clusterId }, founders: [], peers };
}

/**
 * A member that has started before, and has its data no more, is refused: the leader goes by what it acknowledged under this ID, its
 * vote included. It would end on the first message of the leader, as members of etcd do.
 */
function refuseIfStarted(self: ClusterMember | undefined): void {
  if (self === undefined || self.clientUrls.length === 0) return;
  throw new Error(
    `member ${hexId(self.id)} has already been bootstrapped: its data is gone, and with it what it acknowledged to the others; ` +
      "remove it from the cluster and add it again, as a learner at best",
  );
}

/** The members as the first peer that answers tells them, or why there is no answer. */
async function firstMembers(
  client: BootstrapClient,
  urls: readonly string[],
  timeoutMs: number,
): Promise<PeerMembers | { readonly problem: string }> {
  for (const url of urls) {
    const answer = await client.getMembers(url, timeoutMs).catch(() => undefined);
    if (answer === undefined) continue;
    if (answer.members.length > 0) return answer;
    return { problem: "failed to get raft cluster member(s) from the given URLs" };
  }
  return { problem: "could not retrieve cluster information from the given URLs" };
}

/** The existing members by the names that `--initial-cluster` gives them; each must have the URLs given there. */
async function matchMembers(
  config: BootstrapConfig,
  existing: PeerMembers,
  resolveHost: ResolveHost,
): Promise<ReadonlyMap<string, ClusterMember>> {
  const refuse = (why: string): never => {
    throw new Error(`error validating peerURLs ${clusterText(existing)}: ${why}`);
  };
  if (existing.members.length !== config.initialCluster.length) refuse("member count is unequal");
  const matched = new Map<string, ClusterMember>();
  for (const member of existing.members) {
    let name: string | undefined;
    for (const initial of config.initialCluster) {
      if (await samePeerUrls(member.peerUrls, urlsOf(initial), resolveHost)) name ??= initial.name;
    }
    if (name === undefined) {
      refuse(`PeerURLs: no match found for existing member (${hexId(member.id)}, [${member.peerUrls.join(" ")}])`);
    } else matched.set(name, member);
  }
  if (!matched.has(config.name)) refuse(`no member of the cluster has the peer URLs of ${config.name}`);
  return matched;
}

async function refuseOtherVersions(client: BootstrapClient, peers: readonly ClusterMember[]): Promise<void> {
  const answers = await Promise.all(
    peers.map(async ({ peerUrls }) => {
      for (const url of peerUrls) {
        const versions = await client.getVersion(url, MEMBER_TIMEOUT_MS).catch(() => undefined);
        // Releases before 3.5 do not know of downgrades.
        const downgrade = await client.getDowngradeEnabled(url, MEMBER_TIMEOUT_MS).catch(() => false);
        if (versions !== undefined) return { version: versions.etcdcluster, downgrade };
      }
      return { version: undefined, downgrade: false };
    }),
  );
  const fits = canJoin({
    own: ETCD_VERSION,
    clusterVersions: answers.map(({ version }) => version),
    downgradeEnabled: answers.some(({ downgrade }) => downgrade),
  });
  if (!fits) throw new Error("incompatible with current running cluster");
}

function otherUrls(config: BootstrapConfig): readonly string[] {
  return config.initialCluster
    .filter((initial) => initial.name !== config.name)
    .flatMap(urlsOf)
    .sort();
}

function urlsOf(initial: InitialMember): string[] {
  return initial.peerUrls.map((url) => url.text).sort();
}

/** A cluster as etcd's logs and errors print it. */
function clusterText({ clusterId, members }: PeerMembers): string {
  const shown = members.map(
    ({ clientUrls, id, isLearner, name, peerUrls }) =>
      `&{ID:${hexId(id)} RaftAttributes:{PeerURLs:[${peerUrls.join(" ")}] IsLearner:${isLearner}} ` +
      `Attributes:{Name:${name} ClientURLs:[${clientUrls.join(" ")}]}}`,
  );
  return `{ClusterID:${hexId(clusterId)} Members:[${shown.join(" ")}] RemovedMemberIDs:[]}`;
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}
