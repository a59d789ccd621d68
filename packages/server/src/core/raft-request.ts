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
  ClusterVersionSet: 1300,
  ClusterMemberAttrSet: 1301,
  DowngradeInfoSet: 1302,
} as const;

/**
 * Requests that change nothing stored: reads, of the key space and of users and roles, and a test of downgrades. Members of etcd
 * replicate them all the same, so that they may come from one; which member answers them, knows them. Peer protocol page,
 * section 12.
 */
export const INERT_KINDS: ReadonlySet<number> = new Set([3, 1012, 1013, 1102, 1106, 1107, 1202, 9900]);
