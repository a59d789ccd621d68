import type { EtcdCluster, EtcdMember, EtcdRestore } from "../api/index.ts";
import type { EtcdAlarm, EtcdMemberList, EtcdStatus } from "../ports/index.ts";

/**
 * Everything one pass knows: read in one go, never remembered between passes. The planner decides from this value alone, so whatever a
 * decision needs has to be in it.
 */
export interface World {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** With the schema's defaults in its spec. */
  readonly cluster: EtcdCluster;
  /** The cluster's EtcdMember objects by serial number. */
  readonly members: readonly EtcdMember[];
  readonly pods: readonly PodView[];
  readonly claims: readonly ClaimView[];
  /** Empty where the operator may not read nodes. */
  readonly nodes: readonly NodeView[];
  /** Where the cluster's identity was found; empty: the cluster was never born. */
  readonly latches: readonly IdentityLatch[];
  readonly etcd: EtcdView;
  /** What the spec asks of a Pod now. */
  readonly wanted: WantedTemplate;
  /** The one restore or recovery that is open for this cluster. */
  readonly restore: EtcdRestore | undefined;
  /** Things needed that are not there: Secrets named by the spec, a storage class; told in status. */
  readonly missing: readonly MissingThing[];
  readonly certificates: readonly CertificateView[];
  /** Whether the authorities' keys are there; absent: yes. */
  readonly canIssue?: boolean;
  /** The change of the authorities that is asked for, or how far it has come; absent: there is none. */
  readonly rotation?: RotationView | undefined;
  /** By the name of the EtcdMember; members that were not reached are missing. */
  readonly memberTls?: ReadonlyMap<string, MemberTlsView>;
  /** Newest verified backup, for gates that ask for one. */
  readonly newestBackup:
    | { readonly name: string; readonly completedMs: number; readonly verified: boolean }
    | undefined;
  /** What is wrong with the spec by the API's own rules, each a sentence; absent or empty: nothing. */
  readonly specErrors?: readonly string[];
  /** What the clock says by the schedules in the spec; absent: windows are open, and nothing is due. */
  readonly calendar?: Calendar;
}

export interface Calendar {
  /** Whether voluntary work may begin now. */
  readonly isWindowOpen: boolean;
  /** Milliseconds since the epoch when the window opens next; undefined without a window. */
  readonly nextWindowMs: number | undefined;
  /** Milliseconds since the epoch when `maintenance.defragmentation.schedule` last came round. */
  readonly defragDueSinceMs: number | undefined;
}

export interface PodView {
  readonly name: string;
  readonly uid: string;
  /** Name of its EtcdMember. */
  readonly member: string;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly ready: boolean;
  /** Since when `ready` is what it is; milliseconds since the epoch. */
  readonly readySinceMs: number;
  readonly createdMs: number;
  readonly isTerminating: boolean;
  readonly node: string | undefined;
  /** Label that says which wish the Pod was made from. */
  readonly templateHash: string;
  readonly image: string;
  /** Made with `--force-new-cluster`, for which recovery. */
  readonly forceEpoch: number | undefined;
  readonly restarts: number;
  /** Why a container does not run, in Kubernetes' words: ImagePullBackOff, CrashLoopBackOff, OOMKilled, Unschedulable… */
  readonly waitingReason: string | undefined;
  readonly waitingMessage: string | undefined;
  /** Exit code of the container (or of the init container) that ended last. */
  readonly exitCode: number | undefined;
  readonly isLabelledVoter: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A PersistentVolumeClaim of the cluster. */
export interface ClaimView {
  readonly name: string;
  readonly uid: string;
  /** Name of its EtcdMember; undefined for retired ones. */
  readonly member: string | undefined;
  readonly serial: number;
  readonly phase: "Pending" | "Bound" | "Lost";
  readonly isTerminating: boolean;
  readonly isRetired: boolean;
  /** Bytes. */
  readonly requested: number;
  /** Bytes; 0 until bound. */
  readonly capacity: number;
  readonly needsRestartToGrow: boolean;
  readonly storageClassName: string | undefined;
  readonly canExpand: boolean | undefined;
  /** Cluster ID written on it once the member had joined. */
  readonly clusterId: string | undefined;
}

export interface NodeView {
  readonly name: string;
  readonly ready: boolean;
  readonly notReadySinceMs: number | undefined;
  readonly zone: string | undefined;
  readonly isOutOfService: boolean;
}

export interface IdentityLatch {
  readonly where: "status" | "claim" | "secret";
  readonly clusterId: string;
}

export interface EtcdView {
  /** Newest linearizable list; undefined when no member gave one in this pass. */
  readonly list: EtcdMemberList | undefined;
  /** Lists that members gave without a quorum, by the name of the EtcdMember asked. */
  readonly localLists: ReadonlyMap<string, EtcdMemberList>;
  /** By the name of the EtcdMember asked; members without a Pod are not asked. */
  readonly answers: ReadonlyMap<string, MemberAnswer>;
  readonly alarms: readonly EtcdAlarm[];
  /** True if a linearizable read succeeded. */
  readonly isReadable: boolean;
  /** Whether requests need a user, and root has the password of its Secret; absent: not known, or never asked for. */
  readonly authentication?: { readonly isEnabled: boolean; readonly isPasswordSet: boolean };
}

export type MemberAnswer =
  | { readonly kind: "status"; readonly status: EtcdStatus }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

export interface WantedTemplate {
  /** Hash of everything that a Pod is rolled for; a Pod with another one is out of date. */
  readonly hash: string;
  readonly image: string;
  readonly version: string;
}

export interface MissingThing {
  readonly kind: string;
  readonly name: string;
  readonly message: string;
}

export interface CertificateView {
  readonly name: string;
  readonly kind: "CA" | "Member" | "Client" | "Operator";
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
  readonly renewAtMs: number;
  /** SHA-256 of the issuer's certificate. */
  readonly issuer: string;
  /** Good, and issued by authorities that do not issue any more. */
  readonly isOfFormerAuthority?: boolean;
}

/** A change of a cluster's authorities, which clients and members alike live through. */
export interface RotationView {
  /**
   * Asked: nothing has been done. TrustNew: there are next authorities, to be trusted by everybody before they issue. Reissue: they issue,
   * and the former ones are still trusted. DropOld: they are to be trusted by nobody.
   */
  readonly phase: "Asked" | "TrustNew" | "Reissue" | "DropOld";
  /** Milliseconds since the epoch when clients could see the phase; 0 for Asked. */
  readonly sinceMs: number;
}

/** What a member's listeners do, as seen from outside. */
export interface MemberTlsView {
  /** They show the certificates that are in its Secret. */
  readonly showsCurrent: boolean;
  /** They take who comes with a certificate of the next authorities; undefined where there are none. */
  readonly trustsNext: boolean | undefined;
  /** They still take who comes with one of authorities that were dropped; undefined where there are none. */
  readonly trustsDropped: boolean | undefined;
  /** Since when its Secret has held all that it is to show and to believe, milliseconds since the epoch; undefined: it does not. */
  readonly filesSinceMs: number | undefined;
}
