import { createRaftConfChange, encodeRaftConfChange } from "../generated/index.ts";
import type { InitialMember } from "./initial-cluster.ts";
import { bootstrapMemberId, type ClusterMember, memberJson, type Sha1 } from "./member.ts";

/** raftpb.ConfChangeAddNode. */
const ADD_NODE = 0;

/** The members of `--initial-cluster` with the IDs they have if they found a cluster, ascending by ID. Peer protocol page, section 1. */
export function foundersOf(
  initialCluster: readonly InitialMember[],
  token: string,
  sha1: Sha1,
): readonly ClusterMember[] {
  return initialCluster
    .map(({ name, peerUrls }) => {
      const urls = peerUrls.map((url) => url.text).sort();
      return { id: bootstrapMemberId(urls, token, sha1), name, peerUrls: urls, clientUrls: [], isLearner: false };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The data of the log's entry that adds a founder: a raftpb.ConfChange. Peer protocol page, section 15. */
export function founderEntryData(founder: ClusterMember): Uint8Array {
  return encodeRaftConfChange(
    createRaftConfChange({ type: ADD_NODE, nodeId: founder.id, context: memberJson(founder) }),
  );
}
