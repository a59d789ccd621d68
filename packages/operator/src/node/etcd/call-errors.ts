import { type EtcdErrorCode, isEtcdError } from "@quorate/client";
import { type EtcdCallCode, EtcdCallError } from "../../core/index.ts";

/** What the client's codes mean to the operator; those that are not here are `Other`. */
const CODES: Partial<Readonly<Record<EtcdErrorCode, EtcdCallCode>>> = {
  unreachable: "Unreachable",
  connectionLost: "Unreachable",
  closed: "Unreachable",
  stopped: "Unreachable",
  aborted: "Unreachable",
  deadlineExceeded: "Unreachable",
  etcdDeadlineExceeded: "Unreachable",

  noLeader: "NoQuorum",
  leaderChanged: "NoQuorum",
  timeout: "NoQuorum",
  timeoutDueToLeaderFail: "NoQuorum",
  timeoutDueToConnectionLost: "NoQuorum",
  timeoutWaitAppliedIndex: "NoQuorum",
  proposalDropped: "NoQuorum",

  notLeader: "NotLeader",
  memberNotFound: "MemberNotFound",
  memberExist: "MemberExists",
  peerUrlExist: "MemberExists",
  memberNotLearner: "NotLearner",
  learnerNotReady: "LearnerNotReady",
  tooManyLearners: "TooManyLearners",
  unhealthy: "UnhealthyCluster",
  memberNotEnoughStarted: "UnhealthyCluster",

  permissionDenied: "PermissionDenied",
  authFailed: "AuthFailed",
  invalidAuthToken: "AuthFailed",
  userEmpty: "AuthFailed",
  // The name in a certificate, for one.
  userNotFound: "AuthFailed",
  authOldRevision: "AuthFailed",
  noSpace: "NoSpace",
  corrupt: "Corrupt",
  compacted: "Compacted",
};

/** What a failed call of the client is to the operator. */
export function callError(error: unknown): EtcdCallError {
  if (!isEtcdError(error)) return new EtcdCallError("Other", textOf(error), true);
  return new EtcdCallError(CODES[error.code] ?? "Other", error.message, error.mayHaveApplied);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
