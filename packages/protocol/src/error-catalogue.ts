/** gRPC status codes by name. */
const CANCELED = 1;
const UNKNOWN = 2;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const OUT_OF_RANGE = 11;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;
const UNAUTHENTICATED = 16;

/** How an error looks to a client. */
export interface WireError {
  readonly grpcCode: number;
  readonly message: string;
}

/** Names an error of {@link ERRORS}. */
export type ErrorCode =
  | "emptyKey"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "invalidSortOption"
  | "compacted"
  | "futureRevision"
  | "noSpace"
  | "requestTooLarge"
  | "tooManyRequests"
  | "leaseNotFound"
  | "leaseExist"
  | "leaseTtlTooLarge"
  | "notPrimaryLessor"
  | "watchCanceled"
  | "memberExist"
  | "peerUrlExist"
  | "memberNotEnoughStarted"
  | "memberBadUrls"
  | "memberNotFound"
  | "memberNotLearner"
  | "learnerNotReady"
  | "tooManyLearners"
  | "clusterIdMismatch"
  | "unhealthy"
  | "notSupportedForLearner"
  | "rootUserNotExist"
  | "rootRoleNotExist"
  | "userAlreadyExist"
  | "userEmpty"
  | "userNotFound"
  | "roleAlreadyExist"
  | "roleNotFound"
  | "roleEmpty"
  | "authFailed"
  | "permissionNotGiven"
  | "permissionDenied"
  | "roleNotGranted"
  | "permissionNotGranted"
  | "authNotEnabled"
  | "invalidAuthToken"
  | "invalidAuthManagement"
  | "authOldRevision"
  | "noPasswordUser"
  | "verifyOnly"
  | "passwordTooLong"
  | "noLeader"
  | "notLeader"
  | "leaderChanged"
  | "notCapable"
  | "stopped"
  | "timeout"
  | "timeoutDueToLeaderFail"
  | "timeoutDueToConnectionLost"
  | "timeoutWaitAppliedIndex"
  | "timeoutLeaderTransfer"
  | "corrupt"
  | "badLeaderTransferee"
  | "invalidClientApiVersion"
  | "wrongDowngradeVersionFormat"
  | "invalidDowngradeTargetVersion"
  | "clusterVersionUnavailable"
  | "downgradeInProcess"
  | "noInflightDowngrade"
  | "unknownMethod"
  | "canceled"
  | "contextCanceled"
  | "deadlineExceeded"
  | "etcdDeadlineExceeded"
  | "proposalDropped"
  | "electionLeaderMissing"
  | "electionNotLeader"
  | "electionNoLeader"
  | "mutexSessionExpired"
  | "rangeStreamSortOrder"
  | "rangeStreamFilter";

function etcd(grpcCode: number, text: string): WireError {
  return { grpcCode, message: `etcdserver: ${text}` };
}

/**
 * Every error a client can see, as it stands ON THE WIRE: some of etcd's declare another code than reaches the client. Clients
 * match on the text, so it is exact to the byte. Source: reference of etcd's errors, sections 1 to 3.
 */
export const ERRORS: Readonly<Record<ErrorCode, WireError>> = {
  emptyKey: etcd(INVALID_ARGUMENT, "key is not provided"),
  keyNotFound: etcd(INVALID_ARGUMENT, "key not found"),
  valueProvided: etcd(INVALID_ARGUMENT, "value is provided"),
  leaseProvided: etcd(INVALID_ARGUMENT, "lease is provided"),
  tooManyOps: etcd(INVALID_ARGUMENT, "too many operations in txn request"),
  duplicateKey: etcd(INVALID_ARGUMENT, "duplicate key given in txn request"),
  invalidSortOption: etcd(INVALID_ARGUMENT, "invalid sort option"),
  compacted: etcd(OUT_OF_RANGE, "mvcc: required revision has been compacted"),
  futureRevision: etcd(OUT_OF_RANGE, "mvcc: required revision is a future revision"),
  noSpace: etcd(RESOURCE_EXHAUSTED, "mvcc: database space exceeded"),
  requestTooLarge: etcd(INVALID_ARGUMENT, "request is too large"),
  tooManyRequests: etcd(UNKNOWN, "too many requests"),

  leaseNotFound: etcd(NOT_FOUND, "requested lease not found"),
  leaseExist: etcd(FAILED_PRECONDITION, "lease already exists"),
  leaseTtlTooLarge: etcd(OUT_OF_RANGE, "too large lease TTL"),
  notPrimaryLessor: { grpcCode: UNKNOWN, message: "not a primary lessor" },

  watchCanceled: etcd(CANCELED, "watch canceled"),

  memberExist: etcd(FAILED_PRECONDITION, "member ID already exist"),
  peerUrlExist: etcd(FAILED_PRECONDITION, "Peer URLs already exists"),
  memberNotEnoughStarted: etcd(UNKNOWN, "re-configuration failed due to not enough started members"),
  memberBadUrls: etcd(INVALID_ARGUMENT, "given member URLs are invalid"),
  memberNotFound: etcd(NOT_FOUND, "member not found"),
  memberNotLearner: etcd(FAILED_PRECONDITION, "can only promote a learner member"),
  learnerNotReady: etcd(FAILED_PRECONDITION, "can only promote a learner member which is in sync with leader"),
  tooManyLearners: etcd(FAILED_PRECONDITION, "too many learner members in cluster"),
  clusterIdMismatch: etcd(FAILED_PRECONDITION, "cluster ID mismatch"),
  unhealthy: etcd(UNAVAILABLE, "unhealthy cluster"),
  notSupportedForLearner: etcd(FAILED_PRECONDITION, "rpc not supported for learner"),

  rootUserNotExist: etcd(FAILED_PRECONDITION, "root user does not exist"),
  rootRoleNotExist: etcd(FAILED_PRECONDITION, "root user does not have root role"),
  userAlreadyExist: etcd(FAILED_PRECONDITION, "user name already exists"),
  userEmpty: etcd(INVALID_ARGUMENT, "user name is empty"),
  userNotFound: etcd(FAILED_PRECONDITION, "user name not found"),
  roleAlreadyExist: etcd(FAILED_PRECONDITION, "role name already exists"),
  roleNotFound: etcd(FAILED_PRECONDITION, "role name not found"),
  roleEmpty: etcd(INVALID_ARGUMENT, "role name is empty"),
  authFailed: etcd(INVALID_ARGUMENT, "authentication failed, invalid user ID or password"),
  permissionNotGiven: etcd(INVALID_ARGUMENT, "permission not given"),
  permissionDenied: etcd(PERMISSION_DENIED, "permission denied"),
  roleNotGranted: etcd(FAILED_PRECONDITION, "role is not granted to the user"),
  permissionNotGranted: etcd(FAILED_PRECONDITION, "permission is not granted to the role"),
  authNotEnabled: etcd(FAILED_PRECONDITION, "authentication is not enabled"),
  invalidAuthToken: etcd(UNAUTHENTICATED, "invalid auth token"),
  invalidAuthManagement: etcd(INVALID_ARGUMENT, "invalid auth management"),
  authOldRevision: etcd(INVALID_ARGUMENT, "revision of auth store is old"),
  noPasswordUser: {
    grpcCode: UNKNOWN,
    message: "auth: authentication failed, password was given for no password user",
  },
  verifyOnly: { grpcCode: UNKNOWN, message: "auth: token signing attempted with verify-only key" },
  passwordTooLong: { grpcCode: UNKNOWN, message: "bcrypt: password length exceeds 72 bytes" },

  noLeader: etcd(UNAVAILABLE, "no leader"),
  notLeader: etcd(FAILED_PRECONDITION, "not leader"),
  leaderChanged: etcd(UNAVAILABLE, "leader changed"),
  notCapable: etcd(FAILED_PRECONDITION, "not capable"),
  stopped: etcd(UNAVAILABLE, "server stopped"),
  timeout: etcd(UNAVAILABLE, "request timed out"),
  timeoutDueToLeaderFail: etcd(UNAVAILABLE, "request timed out, possibly due to previous leader failure"),
  timeoutDueToConnectionLost: etcd(UNAVAILABLE, "request timed out, possibly due to connection lost"),
  timeoutWaitAppliedIndex: etcd(UNAVAILABLE, "request timed out, waiting for the applied index took too long"),
  timeoutLeaderTransfer: etcd(UNKNOWN, "request timed out, leader transfer took too long"),
  corrupt: etcd(DATA_LOSS, "corrupt cluster"),
  badLeaderTransferee: etcd(FAILED_PRECONDITION, "bad leader transferee"),
  invalidClientApiVersion: etcd(INVALID_ARGUMENT, "invalid client api version"),
  wrongDowngradeVersionFormat: etcd(INVALID_ARGUMENT, "wrong downgrade target version format"),
  invalidDowngradeTargetVersion: etcd(INVALID_ARGUMENT, "invalid downgrade target version"),
  clusterVersionUnavailable: etcd(FAILED_PRECONDITION, "cluster version not found during downgrade"),
  downgradeInProcess: etcd(FAILED_PRECONDITION, "cluster has a downgrade job in progress"),
  noInflightDowngrade: etcd(FAILED_PRECONDITION, "no inflight downgrade job"),
  unknownMethod: etcd(UNKNOWN, "unknown method"),
  canceled: etcd(CANCELED, "request canceled"),
  contextCanceled: { grpcCode: CANCELED, message: "context canceled" },
  deadlineExceeded: { grpcCode: DEADLINE_EXCEEDED, message: "context deadline exceeded" },
  /** Declared by etcd and known to its clients; servers pass the plain form on. */
  etcdDeadlineExceeded: etcd(DEADLINE_EXCEEDED, "context deadline exceeded"),
  proposalDropped: { grpcCode: UNKNOWN, message: "raft proposal dropped" },

  electionLeaderMissing: { grpcCode: UNKNOWN, message: '"leader" field must be provided' },
  electionNotLeader: { grpcCode: UNKNOWN, message: "election: not leader" },
  electionNoLeader: { grpcCode: UNKNOWN, message: "election: no leader" },
  mutexSessionExpired: { grpcCode: UNKNOWN, message: "mutex: session is expired" },

  rangeStreamSortOrder: { grpcCode: UNIMPLEMENTED, message: "RangeStream does not support custom sort orders" },
  rangeStreamFilter: { grpcCode: UNIMPLEMENTED, message: "RangeStream does not support revision filters" },
};
