export type { Alarm, AlarmCodec } from "./alarms.ts";
export { ALARM_CORRUPT, ALARM_NAMES, ALARM_NONE, ALARM_NOSPACE, Alarms } from "./alarms.ts";
export type { AppliedVisitor } from "./applied-kinds.ts";
export type { ApplierDeps } from "./applier.ts";
export { Applier } from "./applier.ts";
export type {
  AlarmResult,
  ApplyResult,
  AuthenticateResult,
  AuthStatusResult,
  HeaderResult,
  LeaseGrantResult,
  NamesResult,
  RolePermissionsResult,
  UserRolesResult,
} from "./apply-result.ts";
export type { AuthDeps, Caller, TokenKeeper } from "./auth/index.ts";
export { Auth, NO_TOKENS, NOBODY, ROOT, SimpleTokens, simpleTokenText } from "./auth/index.ts";
export type { AutoCompactionMode } from "./auto-compaction.ts";
export { AutoCompaction } from "./auto-compaction.ts";
export type { CatchUpConfig } from "./catch-up-log.ts";
export type { CheckpointConfig, CheckpointDeps, CheckpointPosition } from "./checkpoints.ts";
export { Checkpoints } from "./checkpoints.ts";
export type { ClusterDialect, ClusterVersionInput, DialectInput, JoinInput, Version } from "./cluster-version.ts";
export {
  canJoin,
  clusterText,
  compareMinor,
  decideClusterVersion,
  decideDialect,
  isAtLeast,
  parseVersion,
  storageVersionOf,
} from "./cluster-version.ts";
export type {
  CompactionVerdict,
  CurrentHash,
  PeerAnswer,
  PeriodicInput,
  SpaceHash,
  Suspicion,
} from "./corruption.ts";
export { compareCompaction, firstSuspicion, membersThatDiffer } from "./corruption.ts";
export { Counts } from "./counts.ts";
export type { DowngradeInfo, DowngradeInput } from "./downgrade.ts";
export { downgradeProblem, isDowngradeComplete, NO_DOWNGRADE, parseDowngradeTarget } from "./downgrade.ts";
export type { ForceInput, ForcePlan } from "./force-new-cluster.ts";
export { forceNewCluster } from "./force-new-cluster.ts";
export type { LeaseExpiryDeps } from "./lease-expiry.ts";
export { LeaseExpiry } from "./lease-expiry.ts";
export type { LegacyRequest } from "./legacy-request.ts";
export {
  decodeLegacyRequest,
  encodeLegacyPut,
  LEGACY_VERSION_PATH,
  legacyAttributes,
  legacyAttributesPath,
  legacyRequestId,
  mayBeLegacyRequest,
} from "./legacy-request.ts";
export type { ChangeContext, ClusterMember, Sha1 } from "./member.ts";
export {
  addedMemberId,
  bigEndian64,
  bootstrapClusterId,
  bootstrapMemberId,
  hexId,
  memberJson,
  parseChangeContext,
  parseMemberJson,
  parseMemberListJson,
  promotionJson,
} from "./member.ts";
export type { ChangeDone, MemberChangesConfig, MemberChangesDeps } from "./member-changes.ts";
export { MemberChanges } from "./member-changes.ts";
export type { ChangeOutcome, MembershipChange, MembershipConfig } from "./membership.ts";
export { Membership } from "./membership.ts";
export { countTxn } from "./operation-counts.ts";
export type { Pending } from "./pending.ts";
export { PendingRequests } from "./pending.ts";
export { leaseCostBytes, Quota } from "./quota.ts";
export { RequestKind } from "./raft-request.ts";
export type { ClusterView } from "./reconfiguration.ts";
export {
  additionProblem,
  HEALTHY_AFTER_MS,
  learnerProblem,
  promotionProblem,
  removalProblem,
} from "./reconfiguration.ts";
export type { EntryLog, ReplicaConfig, ReplicaDeps } from "./replica.ts";
export { Replica } from "./replica.ts";
export { RequestIds } from "./request-id.ts";
export { ETCD_CLUSTER_VERSION, ETCD_VERSION, QUORATE_VERSION } from "./version.ts";
