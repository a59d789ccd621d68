/** As grpc-prometheus spells the kinds. */
export type GrpcType = "unary" | "client_stream" | "server_stream" | "bidi_stream";

/**
 * The services and methods that have counters before their first call, as in etcd: those of the main API and health, not
 * Election and Lock. Methods are unary unless said otherwise in {@link STREAMING}.
 */
export const COUNTED_METHODS: Readonly<Record<string, readonly string[]>> = {
  "etcdserverpb.KV": ["Range", "RangeStream", "Put", "DeleteRange", "Txn", "Compact"],
  "etcdserverpb.Watch": ["Watch"],
  "etcdserverpb.Lease": ["LeaseGrant", "LeaseRevoke", "LeaseKeepAlive", "LeaseTimeToLive", "LeaseLeases"],
  "etcdserverpb.Cluster": ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberList", "MemberPromote"],
  "etcdserverpb.Maintenance": [
    "Alarm",
    "Status",
    "Defragment",
    "Hash",
    "HashKV",
    "Snapshot",
    "MoveLeader",
    "Downgrade",
  ],
  "etcdserverpb.Auth": [
    "AuthEnable",
    "AuthDisable",
    "AuthStatus",
    "Authenticate",
    "UserAdd",
    "UserGet",
    "UserList",
    "UserDelete",
    "UserChangePassword",
    "UserGrantRole",
    "UserRevokeRole",
    "RoleAdd",
    "RoleGet",
    "RoleList",
    "RoleDelete",
    "RoleGrantPermission",
    "RoleRevokePermission",
  ],
  "grpc.health.v1.Health": ["Check", "List", "Watch"],
};

/** The streaming methods among {@link COUNTED_METHODS}, by full path. */
export const STREAMING: Readonly<Record<string, GrpcType>> = {
  "/etcdserverpb.KV/RangeStream": "server_stream",
  "/etcdserverpb.Watch/Watch": "bidi_stream",
  "/etcdserverpb.Lease/LeaseKeepAlive": "bidi_stream",
  "/etcdserverpb.Maintenance/Snapshot": "server_stream",
  "/grpc.health.v1.Health/Watch": "server_stream",
};
