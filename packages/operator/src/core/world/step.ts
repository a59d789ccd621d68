/**
 * One act on the world. A pass carries out at most one. Each is safe to repeat, and safe to have been carried out by a pass whose operator
 * died before it knew: the next pass sees the world as it is. What an act presumes it carries along (a UID, a member's ID), and whoever
 * carries it out reads that again from the API itself and does nothing if it is not so any more.
 */
export type Step =
  /** Writes the intent before anything exists of the member. */
  | {
      readonly kind: "CreateMember";
      readonly name: string;
      readonly serial: number;
      readonly join: MemberJoin;
      readonly recoveryEpoch: number;
    }
  /** Only for a member that has never held data. */
  | { readonly kind: "CreateClaim"; readonly member: string }
  | { readonly kind: "CreatePod"; readonly member: string; readonly start: PodStart }
  /** Writes the cluster ID on the claims, on the CA's Secret and into status; from then on no cluster can be founded here. */
  | { readonly kind: "RecordIdentity"; readonly clusterId: string; readonly replaces: string | undefined }
  /** Tells the Pod and the EtcdMember that the member has joined, so that it refuses to start without its data from now on. */
  | { readonly kind: "MarkJoined"; readonly member: string; readonly memberId: string }
  | { readonly kind: "AddLearner"; readonly member: string; readonly peerUrl: string }
  | { readonly kind: "Promote"; readonly member: string; readonly memberId: string }
  /** Intent of removal: from now on the member leaves. */
  | { readonly kind: "MarkLeaving"; readonly member: string; readonly reason: string }
  | { readonly kind: "WithdrawLeaving"; readonly member: string }
  | {
      readonly kind: "MoveLeader";
      readonly from: string;
      readonly fromId: string;
      readonly to: string;
      readonly toId: string;
    }
  /** `member` is undefined for an entry of the list that no EtcdMember stands for. */
  | { readonly kind: "RemoveFromCluster"; readonly member: string | undefined; readonly memberId: string }
  | {
      readonly kind: "DeletePod";
      readonly pod: string;
      readonly uid: string;
      /** Evict asks the disruption budget; Delete does not; Force also does not wait for the node. */
      readonly how: "Evict" | "Delete" | "Force";
      readonly reason: string;
    }
  /** `clusterId` is what the claim is presumed to be marked with: one that was marked meanwhile holds a cluster's data. */
  | {
      readonly kind: "DeleteClaim";
      readonly claim: string;
      readonly uid: string;
      readonly clusterId: string | undefined;
    }
  /** Takes the claim out of the cluster and keeps it; no member is ever started on it by itself. */
  | { readonly kind: "RetireClaim"; readonly claim: string; readonly uid: string; readonly reason: string }
  /** Makes a retired claim a member's again (Adopt). */
  | { readonly kind: "AdoptClaim"; readonly claim: string; readonly uid: string; readonly member: string }
  /** Drops the finalizer of an EtcdMember and deletes it: nothing of it is left. */
  | { readonly kind: "ForgetMember"; readonly member: string }
  /** By policy: creates the EtcdRestore in place from a survivor that a user would; `confirm` is the cluster's ID. */
  | { readonly kind: "RequestRecovery"; readonly survivor: string; readonly confirm: string }
  | { readonly kind: "SetMemberEpoch"; readonly member: string; readonly recoveryEpoch: number }
  | { readonly kind: "ExpandClaims"; readonly claims: readonly string[]; readonly bytes: number }
  | { readonly kind: "RenewCertificate"; readonly secret: string }
  /** Makes the next authorities; has them issue in place of the current ones; has the former ones trusted no more; forgets them. */
  | { readonly kind: "RotateAuthorities"; readonly to: "TrustNew" | "Reissue" | "DropOld" | "Done" }
  /** Also sets root's password to that of its Secret. */
  | { readonly kind: "SetAuthentication"; readonly isEnabled: boolean }
  | { readonly kind: "Compact"; readonly revision: number }
  | { readonly kind: "Defragment"; readonly member: string; readonly timeoutMs: number }
  | { readonly kind: "DisarmAlarm"; readonly memberId: string; readonly alarm: "NOSPACE" | "CORRUPT" };

/** How a member gets its data: founds the cluster, copies from it, from a snapshot, from what its own disk has alone. */
export type MemberJoin = "New" | "Existing" | "Restore" | "Recover";

/** What a Pod's server is started with beside the template; none of it is part of the template's hash. */
export interface PodStart {
  readonly clusterState: "new" | "existing";
  /** `name=peerUrl,…` */
  readonly initialCluster: string;
  /** The recovery that this start forces a cluster of one for; such a Pod is never restarted. */
  readonly forceEpoch: number | undefined;
  /** True once the member had joined: it must then find its data. */
  readonly mustHaveData: boolean;
  /** The volume was a member's of the same cluster before and is taken over, mark and data. */
  readonly adopts?: true;
}
