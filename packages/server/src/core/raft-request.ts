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
