export type { Alarm, AlarmCodec } from "./alarms.ts";
export { ALARM_CORRUPT, ALARM_NONE, ALARM_NOSPACE, Alarms } from "./alarms.ts";
export type { ApplierDeps } from "./applier.ts";
export { Applier } from "./applier.ts";
export type { AlarmResult, ApplyResult, HeaderResult, LeaseGrantResult } from "./apply-result.ts";
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
} from "./cluster-version.ts";
export { Counts } from "./counts.ts";
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
export { ETCD_CLUSTER_VERSION, ETCD_VERSION, QUORATE_VERSION, STORAGE_VERSION } from "./version.ts";
