import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EtcdCluster, EtcdNode, type EtcdNodeOptions, requirePeer, serverUnderTest, waitUntil } from "@quorate/testkit";
import { type MemberStatus, statusOf } from "./member-status.ts";
import { cpuSecondsOf } from "./process-usage.ts";
import type { Contestant, Programs } from "./side-by-side.ts";

/** Where a load on a cluster goes. */
export interface ClusterTarget {
  /** Client port of the leader. */
  readonly leader: number;
  /** Client port of a follower, the same one as long as the leader stays. */
  readonly follower: number;
}

/** A member of a running cluster. */
export interface Member extends MemberStatus {
  readonly index: number;
  readonly port: number;
}

const LEADER_TIMEOUT_MS = 30_000;

/** This repository's server, or QUORATE_SERVER, and etcd 3.4.23 or 3.5.30. Throws when one of them is missing. */
export function programs(peer: string): Programs {
  const quorate = serverUnderTest(join(dirname(fileURLToPath(import.meta.url)), "../../.."));
  if (quorate === undefined) throw new Error("no server to measure: run npm run build");
  return { etcd: [requirePeer(peer === "3.5" ? "etcd-3.5" : "etcd-3.4")], quorate };
}

/** One server; loads go to its client port. `options`: how it is started beside that. */
export async function openNode(
  program: readonly string[],
  options: Omit<EtcdNodeOptions, "program"> = {},
): Promise<Contestant<number>> {
  const node = await EtcdNode.start({ ...options, program });
  return {
    target: () => Promise.resolve(node.clientPort),
    cpuSeconds: () => cpuSecondsOf(node.process.pid ?? 0),
    restart: async () => {
      await node.terminate();
      await node.restart();
    },
    [Symbol.asyncDispose]: () => node.close(),
  };
}

/** A cluster of three; loads go to its leader or to a follower. */
export async function openCluster(program: readonly string[]): Promise<Contestant<ClusterTarget>> {
  const cluster = await EtcdCluster.start({ members: [{ program }, { program }, { program }] });
  return {
    target: async () => {
      const { leader, followers } = await rolesOf(cluster);
      return { leader: leader.port, follower: (followers[0] as Member).port };
    },
    cpuSeconds: () => cluster.nodes.reduce((sum, node) => sum + cpuSecondsOf(node.process.pid ?? 0), 0),
    restart: async () => {
      for (const index of cluster.nodes.keys()) {
        await cluster.terminate(index);
        await cluster.restart(index);
      }
    },
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}

/** The leader and the followers, once all running members agree on one leader and term. */
export async function rolesOf(
  cluster: EtcdCluster,
): Promise<{ readonly leader: Member; readonly followers: readonly Member[] }> {
  let members: readonly Member[] = [];
  await waitUntil(
    async () => {
      members = await statuses(cluster);
      return agree(members);
    },
    { what: "one leader that all members know", timeoutMs: LEADER_TIMEOUT_MS, everyMs: 50 },
  );
  const leader = members.find(({ memberId, leaderId }) => memberId === leaderId);
  if (leader === undefined) throw new Error("the leader is not among the running members");
  return { leader, followers: members.filter((member) => member !== leader) };
}

/** What each running member says about itself. Rejects when one does not answer. */
export async function statuses(cluster: EtcdCluster): Promise<readonly Member[]> {
  const members: Member[] = [];
  for (const [index, node] of cluster.nodes.entries()) {
    if (node.running) members.push({ index, port: node.clientPort, ...(await statusOf(node.clientPort)) });
  }
  return members;
}

function agree(members: readonly Member[]): boolean {
  const first = members[0];
  return (
    first !== undefined &&
    members.every(({ leaderId, term }) => leaderId === first.leaderId && term === first.term) &&
    members.some(({ memberId }) => memberId === first.leaderId)
  );
}
