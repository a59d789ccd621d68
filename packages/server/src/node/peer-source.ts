import type { Store } from "@quorate/mvcc";
import { ERRORS } from "@quorate/protocol";
import { type ClusterMember, ETCD_VERSION, type Membership, type Replica, STORAGE_VERSION } from "../core/index.ts";
import type { LeaseRequests } from "./lease-requests.ts";
import { type PeerHash, PeerHttpError, type PeerHttpSource } from "./peer/index.ts";

export interface PeerSourceDeps {
  readonly membership: Membership;
  readonly store: Store;
  readonly replica: () => Replica;
  readonly leases: () => LeaseRequests;
  /** Makes a learner a voter, on the leader; rejects with a PeerHttpError. */
  readonly promote: (id: bigint) => Promise<readonly ClusterMember[]>;
}

/** What this member answers others beside raft. */
export function peerHttpSource(deps: PeerSourceDeps): PeerHttpSource {
  const { membership, store } = deps;
  return {
    members: () => membership.list(),
    promote: (id) => deps.promote(id),
    hashKv: (revision) => hashKv(store, revision),
    renewLease: (id) => deps.leases().renewForPeer(id),
    timeToLive: (id, keys) => deps.leases().timeToLiveForPeer(id, keys),
    downgradeEnabled: () =>
      new Promise((resolve, reject) => {
        deps.replica().linearizableRead(
          () => resolve(false),
          (code) => reject(new PeerHttpError(500, ERRORS[code].message)),
        );
      }),
    versions: () => ({
      etcdserver: ETCD_VERSION,
      etcdcluster: membership.clusterVersion ?? "not_decided",
      storage: STORAGE_VERSION,
    }),
  };
}

function hashKv(store: Store, revision: number): Promise<PeerHash> {
  return new Promise((resolve, reject) => {
    store.hashKv(revision, (code, result) => {
      if (code === undefined && result !== undefined) {
        const { compactRevision, currentRevision, hash, hashRevision } = result;
        resolve({ revision: currentRevision, hash, compactRevision, hashRevision });
      } else reject(new PeerHttpError(400, ERRORS[code ?? "corrupt"].message.replace("etcdserver: ", "")));
    });
  });
}
