import type { LeaseTimeToLiveResponse } from "@quorate/protocol";
import type { ClusterMember } from "../../core/index.ts";

/** What a member says about its version; `etcdcluster` is `not_decided` and `storage` `unknown` where that is so. */
export interface PeerVersions {
  readonly etcdserver: string;
  readonly etcdcluster: string;
  readonly storage: string;
}

/** Hash of the key space at a revision. */
export interface PeerHash {
  /** Current revision of the member asked. */
  readonly revision: number;
  /** 32 bits, unsigned. */
  readonly hash: number;
  /** -1 if nothing was ever compacted. */
  readonly compactRevision: number;
  /** Revision that was hashed. */
  readonly hashRevision: number;
}

/**
 * What a member answers other members with, beside raft itself. Methods that cannot answer reject with a PeerHttpError, whose
 * status and text go to the peer; anything else they reject with becomes a 500. Peer protocol page, section 2.
 */
export interface PeerHttpSource {
  members(): readonly ClusterMember[];
  /**
   * Makes a learner a voter; members afterwards. 404 `membership: can't find ID` if unknown; 412 with etcd's two texts if not
   * a learner or not in sync. `authorization` is the token sent, if one was.
   */
  promote(id: bigint, authorization: string | undefined): Promise<readonly ClusterMember[]>;
  /** `revision` 0 means the current one. 400 with etcd's texts if it is compacted or in the future. */
  hashKv(revision: number): Promise<PeerHash>;
  /** Renews a lease, on the leader; its TTL in seconds. 404 `lease not found`, 408 if behind in applying, 400 if not leading. */
  renewLease(id: bigint): Promise<number>;
  /** About a lease, on the leader; `header` stays unset. 404 `lease not found`, 408, 500 `not a primary lessor`. */
  timeToLive(id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse>;
  /** Whether a downgrade is going on, as of now. */
  downgradeEnabled(): Promise<boolean>;
  versions(): PeerVersions;
}
