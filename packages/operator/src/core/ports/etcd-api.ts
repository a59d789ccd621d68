/** IDs and revisions are text here, IDs in hexadecimal as etcd prints them: a JSON number would lose bits above 2^53. */
export interface EtcdMemberEntry {
  readonly id: string;
  /** "" until it has started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

export interface EtcdMemberList {
  readonly clusterId: string;
  /** ID of the member that answered. */
  readonly memberId: string;
  readonly members: readonly EtcdMemberEntry[];
}

/** What one member says of itself (Maintenance.Status). */
export interface EtcdStatus {
  readonly clusterId: string;
  readonly memberId: string;
  /** "0" while it knows none. */
  readonly leaderId: string;
  readonly raftTerm: number;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly isLearner: boolean;
  /** Store revision in its response header. */
  readonly revision: number;
  readonly version: string;
  /** Bytes. */
  readonly dbSize: number;
  /** Bytes. */
  readonly dbSizeInUse: number;
  /** Bytes; 0 where the release does not tell (before 3.6). */
  readonly quota: number;
  readonly errors: readonly string[];
}

export type EtcdAlarmType = "NOSPACE" | "CORRUPT";

export interface EtcdAlarm {
  readonly memberId: string;
  readonly alarm: EtcdAlarmType;
}

/** How a call failed. The operator branches on these, never on texts. */
export type EtcdCallCode =
  /** Could not be connected to, TLS refused, or no answer in time. */
  | "Unreachable"
  /** Answered, but has no leader or no quorum to answer with. */
  | "NoQuorum"
  | "NotLeader"
  | "MemberNotFound"
  | "MemberExists"
  /** Promotion of what is no learner: it was promoted before. */
  | "NotLearner"
  | "LearnerNotReady"
  | "TooManyLearners"
  /** Strict reconfiguration check: not now. */
  | "UnhealthyCluster"
  | "PermissionDenied"
  | "AuthFailed"
  | "NoSpace"
  | "Corrupt"
  | "Compacted"
  | "Other";

export class EtcdCallError extends Error {
  override readonly name = "EtcdCallError";
  readonly code: EtcdCallCode;
  /** True if the request may have been carried out all the same. */
  readonly mayHaveApplied: boolean;

  constructor(code: EtcdCallCode, message: string, mayHaveApplied: boolean) {
    super(message);
    this.code = code;
    this.mayHaveApplied = mayHaveApplied;
  }
}

/** One member's API. Every call asks that member, within the time limit given when it was connected, and rejects with {@link EtcdCallError}. */
export interface EtcdMemberClient {
  status(): Promise<EtcdStatus>;
  /** Linearizable lists come through a quorum; others are what this member has applied. */
  memberList(linearizable: boolean): Promise<EtcdMemberList>;
  /** A linearizable read of nothing, through a quorum. Resolves to the store's revision. */
  linearizableRead(): Promise<number>;
  /** Resolves to the new member's ID. */
  addLearner(peerUrl: string): Promise<string>;
  promote(memberId: string): Promise<void>;
  removeMember(memberId: string): Promise<void>;
  /** Only the leader can. */
  moveLeader(toMemberId: string): Promise<void>;
  /** May take minutes; `timeoutMs` replaces the usual limit. */
  defragment(timeoutMs: number): Promise<void>;
  alarms(): Promise<readonly EtcdAlarm[]>;
  disarm(alarm: EtcdAlarm): Promise<void>;
  compact(revision: number): Promise<void>;
  /** Hash of the store at `revision`, with the revision it was compacted to. */
  hashKv(revision: number): Promise<{ readonly hash: number; readonly compactRevision: number }>;
  /** Whether requests need a user. */
  isAuthEnabled(): Promise<boolean>;
  /** Makes the user root with this password and the role root, and has requests need a user from then on. What is there already stays; the password is set. */
  enableAuth(rootPassword: string): Promise<void>;
  disableAuth(): Promise<void>;
}

/** Reaches members. One channel per address is kept; `close` ends them. */
export interface EtcdApi {
  /** `clientUrl` as `https://name:2379`; `credentials` names the Secret with ca.crt, tls.crt, tls.key, or undefined for plain HTTP. */
  member(clientUrl: string, credentials: EtcdCredentials | undefined): EtcdMemberClient;
}

export interface EtcdCredentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** For clusters with authentication whose certificates name no user. */
  readonly user?: { readonly name: string; readonly password: string };
}
