import { ERRORS } from "@quorate/protocol";
import { type ClusterMember, ETCD_VERSION, type Membership, type Replica, storageVersionOf } from "../core/index.ts";
import type { Hashes } from "./hashes.ts";
import type { LeaseRequests } from "./lease-requests.ts";
import { type PeerHash, PeerHttpError, type PeerHttpSource } from "./peer/index.ts";

export interface PeerSourceDeps {
  readonly membership: Membership;
  readonly hashes: () => Hashes;
  readonly replica: () => Replica;
  readonly leases: () => LeaseRequests;
  /** Makes a learner a voter, on the leader, for whom `token` belongs to; rejects with a PeerHttpError. */
  readonly promote: (id: bigint, token: string | undefined) => Promise<readonly ClusterMember[]>;
}

/** What this member answers others beside raft. */
export function peerHttpSource(deps: PeerSourceDeps): PeerHttpSource {
  const { membership } = deps;
  return {
    members: () => membership.list(),
    promote: (id, authorization) => deps.promote(id, authorization),
    hashKv: (revision) => hashKv(deps.hashes(), revision),
    renewLease: (id) => deps.leases().renewForPeer(id),
    timeToLive: (id, keys) => deps.leases().timeToLiveForPeer(id, keys),
    downgradeEnabled: () =>
      new Promise((resolve, reject) => {
        deps.replica().linearizableRead(
          () => resolve(membership.downgrade.enabled),
          (code) => reject(new PeerHttpError(500, ERRORS[code].message)),
        );
      }),
    versions: () => ({
      etcdserver: ETCD_VERSION,
      etcdcluster: membership.clusterVersion ?? "not_decided",
      storage: storageVersionOf(membership.clusterVersion) ?? "unknown",
    }),
  };
}

function hashKv(hashes: Hashes, revision: number): Promise<PeerHash> {
  return new Promise((resolve, reject) => {
    hashes.kv(revision, (code, result) => {
      if (code === undefined && result !== undefined) {
        const { compactRevision, currentRevision, hash, hashRevision } = result;
        resolve({ revision: currentRevision, hash, compactRevision, hashRevision });
      } else reject(new PeerHttpError(400, ERRORS[code ?? "corrupt"].message.replace("etcdserver: ", "")));
    });
  });
}
