/**
 * The kinds of replicated requests, by their field number in `etcdserverpb.InternalRaftRequest`. Peer protocol page,
 * section 12.
 */
export const RequestKind = {
  Put: 4,
  DeleteRange: 5,
  Txn: 6,
  Compaction: 7,
  LeaseGrant: 8,
  LeaseRevoke: 9,
  Alarm: 10,
  LeaseCheckpoint: 11,
  AuthEnable: 1000,
  AuthDisable: 1011,
  Authenticate: 1012,
  AuthStatus: 1013,
  AuthUserAdd: 1100,
  AuthUserDelete: 1101,
  AuthUserGet: 1102,
  AuthUserChangePassword: 1103,
  AuthUserGrantRole: 1104,
  AuthUserRevokeRole: 1105,
  AuthUserList: 1106,
  AuthRoleList: 1107,
  AuthRoleAdd: 1200,
  AuthRoleDelete: 1201,
  AuthRoleGet: 1202,
  AuthRoleGrantPermission: 1203,
  AuthRoleRevokePermission: 1204,
  ClusterVersionSet: 1300,
  ClusterMemberAttrSet: 1301,
  DowngradeInfoSet: 1302,
} as const;

/**
 * Requests that change nothing: ranges, and a test of downgrades. Members of etcd replicate them all the same, so that they may come
 * from one; which member answers them, knows them. Peer protocol page, section 12.
 */
export const INERT_KINDS: ReadonlySet<number> = new Set([3, 9900]);
