import {
  type AlarmRequest,
  AlarmRequestDescriptor,
  type AlarmResponse,
  AlarmResponseDescriptor,
  type AuthDisableRequest,
  AuthDisableRequestDescriptor,
  type AuthDisableResponse,
  AuthDisableResponseDescriptor,
  type AuthEnableRequest,
  AuthEnableRequestDescriptor,
  type AuthEnableResponse,
  AuthEnableResponseDescriptor,
  type AuthenticateRequest,
  AuthenticateRequestDescriptor,
  type AuthenticateResponse,
  AuthenticateResponseDescriptor,
  type AuthRoleAddRequest,
  AuthRoleAddRequestDescriptor,
  type AuthRoleAddResponse,
  AuthRoleAddResponseDescriptor,
  type AuthRoleDeleteRequest,
  AuthRoleDeleteRequestDescriptor,
  type AuthRoleDeleteResponse,
  AuthRoleDeleteResponseDescriptor,
  type AuthRoleGetRequest,
  AuthRoleGetRequestDescriptor,
  type AuthRoleGetResponse,
  AuthRoleGetResponseDescriptor,
  type AuthRoleGrantPermissionRequest,
  AuthRoleGrantPermissionRequestDescriptor,
  type AuthRoleGrantPermissionResponse,
  AuthRoleGrantPermissionResponseDescriptor,
  type AuthRoleListRequest,
  AuthRoleListRequestDescriptor,
  type AuthRoleListResponse,
  AuthRoleListResponseDescriptor,
  type AuthRoleRevokePermissionRequest,
  AuthRoleRevokePermissionRequestDescriptor,
  type AuthRoleRevokePermissionResponse,
  AuthRoleRevokePermissionResponseDescriptor,
  type AuthStatusRequest,
  AuthStatusRequestDescriptor,
  type AuthStatusResponse,
  AuthStatusResponseDescriptor,
  type AuthUserAddRequest,
  AuthUserAddRequestDescriptor,
  type AuthUserAddResponse,
  AuthUserAddResponseDescriptor,
  type AuthUserChangePasswordRequest,
  AuthUserChangePasswordRequestDescriptor,
  type AuthUserChangePasswordResponse,
  AuthUserChangePasswordResponseDescriptor,
  type AuthUserDeleteRequest,
  AuthUserDeleteRequestDescriptor,
  type AuthUserDeleteResponse,
  AuthUserDeleteResponseDescriptor,
  type AuthUserGetRequest,
  AuthUserGetRequestDescriptor,
  type AuthUserGetResponse,
  AuthUserGetResponseDescriptor,
  type AuthUserGrantRoleRequest,
  AuthUserGrantRoleRequestDescriptor,
  type AuthUserGrantRoleResponse,
  AuthUserGrantRoleResponseDescriptor,
  type AuthUserListRequest,
  AuthUserListRequestDescriptor,
  type AuthUserListResponse,
  AuthUserListResponseDescriptor,
  type AuthUserRevokeRoleRequest,
  AuthUserRevokeRoleRequestDescriptor,
  type AuthUserRevokeRoleResponse,
  AuthUserRevokeRoleResponseDescriptor,
  type CampaignRequest,
  CampaignRequestDescriptor,
  type CampaignResponse,
  CampaignResponseDescriptor,
  type CompactionRequest,
  CompactionRequestDescriptor,
  type CompactionResponse,
  CompactionResponseDescriptor,
  type DefragmentRequest,
  DefragmentRequestDescriptor,
  type DefragmentResponse,
  DefragmentResponseDescriptor,
  type DeleteRangeRequest,
  DeleteRangeRequestDescriptor,
  type DeleteRangeResponse,
  DeleteRangeResponseDescriptor,
  type DowngradeRequest,
  DowngradeRequestDescriptor,
  type DowngradeResponse,
  DowngradeResponseDescriptor,
  type HashKVRequest,
  HashKVRequestDescriptor,
  type HashKVResponse,
  HashKVResponseDescriptor,
  type HashRequest,
  HashRequestDescriptor,
  type HashResponse,
  HashResponseDescriptor,
  type HealthCheckRequest,
  HealthCheckRequestDescriptor,
  type HealthCheckResponse,
  HealthCheckResponseDescriptor,
  type LeaderRequest,
  LeaderRequestDescriptor,
  type LeaderResponse,
  LeaderResponseDescriptor,
  type LeaseGrantRequest,
  LeaseGrantRequestDescriptor,
  type LeaseGrantResponse,
  LeaseGrantResponseDescriptor,
  type LeaseKeepAliveRequest,
  LeaseKeepAliveRequestDescriptor,
  type LeaseKeepAliveResponse,
  LeaseKeepAliveResponseDescriptor,
  type LeaseLeasesRequest,
  LeaseLeasesRequestDescriptor,
  type LeaseLeasesResponse,
  LeaseLeasesResponseDescriptor,
  type LeaseRevokeRequest,
  LeaseRevokeRequestDescriptor,
  type LeaseRevokeResponse,
  LeaseRevokeResponseDescriptor,
  type LeaseTimeToLiveRequest,
  LeaseTimeToLiveRequestDescriptor,
  type LeaseTimeToLiveResponse,
  LeaseTimeToLiveResponseDescriptor,
  type LockRequest,
  LockRequestDescriptor,
  type LockResponse,
  LockResponseDescriptor,
  type MemberAddRequest,
  MemberAddRequestDescriptor,
  type MemberAddResponse,
  MemberAddResponseDescriptor,
  type MemberListRequest,
  MemberListRequestDescriptor,
  type MemberListResponse,
  MemberListResponseDescriptor,
  type MemberPromoteRequest,
  MemberPromoteRequestDescriptor,
  type MemberPromoteResponse,
  MemberPromoteResponseDescriptor,
  type MemberRemoveRequest,
  MemberRemoveRequestDescriptor,
  type MemberRemoveResponse,
  MemberRemoveResponseDescriptor,
  type MemberUpdateRequest,
  MemberUpdateRequestDescriptor,
  type MemberUpdateResponse,
  MemberUpdateResponseDescriptor,
  type MoveLeaderRequest,
  MoveLeaderRequestDescriptor,
  type MoveLeaderResponse,
  MoveLeaderResponseDescriptor,
  type ProclaimRequest,
  ProclaimRequestDescriptor,
  type ProclaimResponse,
  ProclaimResponseDescriptor,
  type PutRequest,
  PutRequestDescriptor,
  type PutResponse,
  PutResponseDescriptor,
  type RangeRequest,
  RangeRequestDescriptor,
  type RangeResponse,
  RangeResponseDescriptor,
  type RangeStreamResponse,
  RangeStreamResponseDescriptor,
  type ResignRequest,
  ResignRequestDescriptor,
  type ResignResponse,
  ResignResponseDescriptor,
  type SnapshotRequest,
  SnapshotRequestDescriptor,
  type SnapshotResponse,
  SnapshotResponseDescriptor,
  type StatusRequest,
  StatusRequestDescriptor,
  type StatusResponse,
  StatusResponseDescriptor,
  type TxnRequest,
  TxnRequestDescriptor,
  type TxnResponse,
  TxnResponseDescriptor,
  type UnlockRequest,
  UnlockRequestDescriptor,
  type UnlockResponse,
  UnlockResponseDescriptor,
  type WatchRequest,
  WatchRequestDescriptor,
  type WatchResponse,
  WatchResponseDescriptor,
} from "@quorate/protocol";
import { type BidiMethod, bidi, type ServerStreamMethod, serverStream, type UnaryMethod, unary } from "./method.ts";

/** Methods of the service `etcdserverpb.KV`. */
export interface KVMethods {
  readonly Range: UnaryMethod<RangeRequest, RangeResponse>;
  readonly RangeStream: ServerStreamMethod<RangeRequest, RangeStreamResponse>;
  readonly Put: UnaryMethod<PutRequest, PutResponse>;
  readonly DeleteRange: UnaryMethod<DeleteRangeRequest, DeleteRangeResponse>;
  readonly Txn: UnaryMethod<TxnRequest, TxnResponse>;
  readonly Compact: UnaryMethod<CompactionRequest, CompactionResponse>;
}

/** Methods of the service `etcdserverpb.Watch`. */
export interface WatchMethods {
  readonly Watch: BidiMethod<WatchRequest, WatchResponse>;
}

/** Methods of the service `etcdserverpb.Lease`. */
export interface LeaseMethods {
  readonly LeaseGrant: UnaryMethod<LeaseGrantRequest, LeaseGrantResponse>;
  readonly LeaseRevoke: UnaryMethod<LeaseRevokeRequest, LeaseRevokeResponse>;
  readonly LeaseKeepAlive: BidiMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;
  readonly LeaseTimeToLive: UnaryMethod<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>;
  readonly LeaseLeases: UnaryMethod<LeaseLeasesRequest, LeaseLeasesResponse>;
}

/** Methods of the service `etcdserverpb.Cluster`. */
export interface ClusterMethods {
  readonly MemberAdd: UnaryMethod<MemberAddRequest, MemberAddResponse>;
  readonly MemberRemove: UnaryMethod<MemberRemoveRequest, MemberRemoveResponse>;
  readonly MemberUpdate: UnaryMethod<MemberUpdateRequest, MemberUpdateResponse>;
  readonly MemberList: UnaryMethod<MemberListRequest, MemberListResponse>;
  readonly MemberPromote: UnaryMethod<MemberPromoteRequest, MemberPromoteResponse>;
}

/** Methods of the service `etcdserverpb.Maintenance`. */
export interface MaintenanceMethods {
  readonly Alarm: UnaryMethod<AlarmRequest, AlarmResponse>;
  readonly Status: UnaryMethod<StatusRequest, StatusResponse>;
  readonly Defragment: UnaryMethod<DefragmentRequest, DefragmentResponse>;
  readonly Hash: UnaryMethod<HashRequest, HashResponse>;
  readonly HashKV: UnaryMethod<HashKVRequest, HashKVResponse>;
  readonly Snapshot: ServerStreamMethod<SnapshotRequest, SnapshotResponse>;
  readonly MoveLeader: UnaryMethod<MoveLeaderRequest, MoveLeaderResponse>;
  readonly Downgrade: UnaryMethod<DowngradeRequest, DowngradeResponse>;
}

/** Methods of the service `etcdserverpb.Auth`. */
export interface AuthMethods {
  readonly AuthEnable: UnaryMethod<AuthEnableRequest, AuthEnableResponse>;
  readonly AuthDisable: UnaryMethod<AuthDisableRequest, AuthDisableResponse>;
  readonly AuthStatus: UnaryMethod<AuthStatusRequest, AuthStatusResponse>;
  readonly Authenticate: UnaryMethod<AuthenticateRequest, AuthenticateResponse>;
  readonly UserAdd: UnaryMethod<AuthUserAddRequest, AuthUserAddResponse>;
  readonly UserGet: UnaryMethod<AuthUserGetRequest, AuthUserGetResponse>;
  readonly UserList: UnaryMethod<AuthUserListRequest, AuthUserListResponse>;
  readonly UserDelete: UnaryMethod<AuthUserDeleteRequest, AuthUserDeleteResponse>;
  readonly UserChangePassword: UnaryMethod<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse>;
  readonly UserGrantRole: UnaryMethod<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>;
  readonly UserRevokeRole: UnaryMethod<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>;
  readonly RoleAdd: UnaryMethod<AuthRoleAddRequest, AuthRoleAddResponse>;
  readonly RoleGet: UnaryMethod<AuthRoleGetRequest, AuthRoleGetResponse>;
  readonly RoleList: UnaryMethod<AuthRoleListRequest, AuthRoleListResponse>;
  readonly RoleDelete: UnaryMethod<AuthRoleDeleteRequest, AuthRoleDeleteResponse>;
  readonly RoleGrantPermission: UnaryMethod<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse>;
  readonly RoleRevokePermission: UnaryMethod<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse>;
}

/** Methods of the service `v3electionpb.Election`. */
export interface ElectionMethods {
  readonly Campaign: UnaryMethod<CampaignRequest, CampaignResponse>;
  readonly Proclaim: UnaryMethod<ProclaimRequest, ProclaimResponse>;
  readonly Leader: UnaryMethod<LeaderRequest, LeaderResponse>;
  readonly Observe: ServerStreamMethod<LeaderRequest, LeaderResponse>;
  readonly Resign: UnaryMethod<ResignRequest, ResignResponse>;
}

/** Methods of the service `v3lockpb.Lock`. */
export interface LockMethods {
  readonly Lock: UnaryMethod<LockRequest, LockResponse>;
  readonly Unlock: UnaryMethod<UnlockRequest, UnlockResponse>;
}

/** Methods of the service `grpc.health.v1.Health`. */
export interface HealthMethods {
  readonly Check: UnaryMethod<HealthCheckRequest, HealthCheckResponse>;
  readonly Watch: ServerStreamMethod<HealthCheckRequest, HealthCheckResponse>;
}

/** Every method that etcd serves over gRPC, by service and name, for {@link EtcdClient.unary} and {@link EtcdClient.stream}. */
export const RPC: {
  readonly KV: KVMethods;
  readonly Watch: WatchMethods;
  readonly Lease: LeaseMethods;
  readonly Cluster: ClusterMethods;
  readonly Maintenance: MaintenanceMethods;
  readonly Auth: AuthMethods;
  readonly Election: ElectionMethods;
  readonly Lock: LockMethods;
  readonly Health: HealthMethods;
} = {
  KV: {
    Range: unary("/etcdserverpb.KV/Range", RangeRequestDescriptor, RangeResponseDescriptor, "repeatable"),
    RangeStream: serverStream("/etcdserverpb.KV/RangeStream", RangeRequestDescriptor, RangeStreamResponseDescriptor),
    Put: unary("/etcdserverpb.KV/Put", PutRequestDescriptor, PutResponseDescriptor),
    DeleteRange: unary("/etcdserverpb.KV/DeleteRange", DeleteRangeRequestDescriptor, DeleteRangeResponseDescriptor),
    Txn: unary("/etcdserverpb.KV/Txn", TxnRequestDescriptor, TxnResponseDescriptor),
    Compact: unary("/etcdserverpb.KV/Compact", CompactionRequestDescriptor, CompactionResponseDescriptor),
  },
  Watch: {
    Watch: bidi("/etcdserverpb.Watch/Watch", WatchRequestDescriptor, WatchResponseDescriptor),
  },
  Lease: {
    LeaseGrant: unary(
      "/etcdserverpb.Lease/LeaseGrant",
      LeaseGrantRequestDescriptor,
      LeaseGrantResponseDescriptor,
      "repeatable",
    ),
    LeaseRevoke: unary(
      "/etcdserverpb.Lease/LeaseRevoke",
      LeaseRevokeRequestDescriptor,
      LeaseRevokeResponseDescriptor,
      "repeatable",
    ),
    LeaseKeepAlive: bidi(
      "/etcdserverpb.Lease/LeaseKeepAlive",
      LeaseKeepAliveRequestDescriptor,
      LeaseKeepAliveResponseDescriptor,
    ),
    LeaseTimeToLive: unary(
      "/etcdserverpb.Lease/LeaseTimeToLive",
      LeaseTimeToLiveRequestDescriptor,
      LeaseTimeToLiveResponseDescriptor,
      "repeatable",
    ),
    LeaseLeases: unary(
      "/etcdserverpb.Lease/LeaseLeases",
      LeaseLeasesRequestDescriptor,
      LeaseLeasesResponseDescriptor,
      "repeatable",
    ),
  },
  Cluster: {
    MemberAdd: unary("/etcdserverpb.Cluster/MemberAdd", MemberAddRequestDescriptor, MemberAddResponseDescriptor),
    MemberRemove: unary(
      "/etcdserverpb.Cluster/MemberRemove",
      MemberRemoveRequestDescriptor,
      MemberRemoveResponseDescriptor,
    ),
    MemberUpdate: unary(
      "/etcdserverpb.Cluster/MemberUpdate",
      MemberUpdateRequestDescriptor,
      MemberUpdateResponseDescriptor,
    ),
    MemberList: unary(
      "/etcdserverpb.Cluster/MemberList",
      MemberListRequestDescriptor,
      MemberListResponseDescriptor,
      "repeatable",
    ),
    MemberPromote: unary(
      "/etcdserverpb.Cluster/MemberPromote",
      MemberPromoteRequestDescriptor,
      MemberPromoteResponseDescriptor,
    ),
  },
  Maintenance: {
    Alarm: unary("/etcdserverpb.Maintenance/Alarm", AlarmRequestDescriptor, AlarmResponseDescriptor, "repeatable"),
    Status: unary("/etcdserverpb.Maintenance/Status", StatusRequestDescriptor, StatusResponseDescriptor, "repeatable"),
    Defragment: unary(
      "/etcdserverpb.Maintenance/Defragment",
      DefragmentRequestDescriptor,
      DefragmentResponseDescriptor,
    ),
    Hash: unary("/etcdserverpb.Maintenance/Hash", HashRequestDescriptor, HashResponseDescriptor, "repeatable"),
    HashKV: unary("/etcdserverpb.Maintenance/HashKV", HashKVRequestDescriptor, HashKVResponseDescriptor, "repeatable"),
    Snapshot: serverStream("/etcdserverpb.Maintenance/Snapshot", SnapshotRequestDescriptor, SnapshotResponseDescriptor),
    MoveLeader: unary(
      "/etcdserverpb.Maintenance/MoveLeader",
      MoveLeaderRequestDescriptor,
      MoveLeaderResponseDescriptor,
      "repeatable",
    ),
    Downgrade: unary("/etcdserverpb.Maintenance/Downgrade", DowngradeRequestDescriptor, DowngradeResponseDescriptor),
  },
  Auth: {
    AuthEnable: unary("/etcdserverpb.Auth/AuthEnable", AuthEnableRequestDescriptor, AuthEnableResponseDescriptor),
    AuthDisable: unary("/etcdserverpb.Auth/AuthDisable", AuthDisableRequestDescriptor, AuthDisableResponseDescriptor),
    AuthStatus: unary(
      "/etcdserverpb.Auth/AuthStatus",
      AuthStatusRequestDescriptor,
      AuthStatusResponseDescriptor,
      "repeatable",
    ),
    Authenticate: unary(
      "/etcdserverpb.Auth/Authenticate",
      AuthenticateRequestDescriptor,
      AuthenticateResponseDescriptor,
      "repeatable",
    ),
    UserAdd: unary("/etcdserverpb.Auth/UserAdd", AuthUserAddRequestDescriptor, AuthUserAddResponseDescriptor),
    UserGet: unary(
      "/etcdserverpb.Auth/UserGet",
      AuthUserGetRequestDescriptor,
      AuthUserGetResponseDescriptor,
      "repeatable",
    ),
    UserList: unary(
      "/etcdserverpb.Auth/UserList",
      AuthUserListRequestDescriptor,
      AuthUserListResponseDescriptor,
      "repeatable",
    ),
    UserDelete: unary(
      "/etcdserverpb.Auth/UserDelete",
      AuthUserDeleteRequestDescriptor,
      AuthUserDeleteResponseDescriptor,
    ),
    UserChangePassword: unary(
      "/etcdserverpb.Auth/UserChangePassword",
      AuthUserChangePasswordRequestDescriptor,
      AuthUserChangePasswordResponseDescriptor,
    ),
    UserGrantRole: unary(
      "/etcdserverpb.Auth/UserGrantRole",
      AuthUserGrantRoleRequestDescriptor,
      AuthUserGrantRoleResponseDescriptor,
    ),
    UserRevokeRole: unary(
      "/etcdserverpb.Auth/UserRevokeRole",
      AuthUserRevokeRoleRequestDescriptor,
      AuthUserRevokeRoleResponseDescriptor,
    ),
    RoleAdd: unary("/etcdserverpb.Auth/RoleAdd", AuthRoleAddRequestDescriptor, AuthRoleAddResponseDescriptor),
    RoleGet: unary(
      "/etcdserverpb.Auth/RoleGet",
      AuthRoleGetRequestDescriptor,
      AuthRoleGetResponseDescriptor,
      "repeatable",
    ),
    RoleList: unary(
      "/etcdserverpb.Auth/RoleList",
      AuthRoleListRequestDescriptor,
      AuthRoleListResponseDescriptor,
      "repeatable",
    ),
    RoleDelete: unary(
      "/etcdserverpb.Auth/RoleDelete",
      AuthRoleDeleteRequestDescriptor,
      AuthRoleDeleteResponseDescriptor,
    ),
    RoleGrantPermission: unary(
      "/etcdserverpb.Auth/RoleGrantPermission",
      AuthRoleGrantPermissionRequestDescriptor,
      AuthRoleGrantPermissionResponseDescriptor,
    ),
    RoleRevokePermission: unary(
      "/etcdserverpb.Auth/RoleRevokePermission",
      AuthRoleRevokePermissionRequestDescriptor,
      AuthRoleRevokePermissionResponseDescriptor,
    ),
  },
  Election: {
    Campaign: unary("/v3electionpb.Election/Campaign", CampaignRequestDescriptor, CampaignResponseDescriptor),
    Proclaim: unary("/v3electionpb.Election/Proclaim", ProclaimRequestDescriptor, ProclaimResponseDescriptor),
    Leader: unary("/v3electionpb.Election/Leader", LeaderRequestDescriptor, LeaderResponseDescriptor, "repeatable"),
    Observe: serverStream("/v3electionpb.Election/Observe", LeaderRequestDescriptor, LeaderResponseDescriptor),
    Resign: unary("/v3electionpb.Election/Resign", ResignRequestDescriptor, ResignResponseDescriptor),
  },
  Lock: {
    Lock: unary("/v3lockpb.Lock/Lock", LockRequestDescriptor, LockResponseDescriptor),
    Unlock: unary("/v3lockpb.Lock/Unlock", UnlockRequestDescriptor, UnlockResponseDescriptor),
  },
  Health: {
    Check: unary(
      "/grpc.health.v1.Health/Check",
      HealthCheckRequestDescriptor,
      HealthCheckResponseDescriptor,
      "repeatable",
    ),
    Watch: serverStream("/grpc.health.v1.Health/Watch", HealthCheckRequestDescriptor, HealthCheckResponseDescriptor),
  },
};
