import type { Histogram } from "@quorate/base";

/** Calls by the type that etcd gives them in `etcd_server_request_duration_seconds`. */
export const REQUEST_TYPES: Readonly<Record<string, string>> = {
  "/etcdserverpb.KV/Range": "Range",
  "/etcdserverpb.KV/Put": "Put",
  "/etcdserverpb.KV/DeleteRange": "DeleteRange",
  "/etcdserverpb.KV/Txn": "Txn",
  "/etcdserverpb.KV/Compact": "Compaction",
  "/etcdserverpb.Lease/LeaseGrant": "LeaseGrant",
  "/etcdserverpb.Lease/LeaseRevoke": "LeaseRevoke",
  "/etcdserverpb.Maintenance/Alarm": "Alarm",
  "/etcdserverpb.Maintenance/Downgrade": "DowngradeInfoSet",
  "/etcdserverpb.Auth/AuthEnable": "AuthEnable",
  "/etcdserverpb.Auth/AuthDisable": "AuthDisable",
  "/etcdserverpb.Auth/AuthStatus": "AuthStatus",
  "/etcdserverpb.Auth/Authenticate": "Authenticate",
  "/etcdserverpb.Auth/UserAdd": "AuthUserAdd",
  "/etcdserverpb.Auth/UserGet": "AuthUserGet",
  "/etcdserverpb.Auth/UserList": "AuthUserList",
  "/etcdserverpb.Auth/UserDelete": "AuthUserDelete",
  "/etcdserverpb.Auth/UserChangePassword": "AuthUserChangePassword",
  "/etcdserverpb.Auth/UserGrantRole": "AuthUserGrantRole",
  "/etcdserverpb.Auth/UserRevokeRole": "AuthUserRevokeRole",
  "/etcdserverpb.Auth/RoleAdd": "AuthRoleAdd",
  "/etcdserverpb.Auth/RoleGet": "AuthRoleGet",
  "/etcdserverpb.Auth/RoleList": "AuthRoleList",
  "/etcdserverpb.Auth/RoleDelete": "AuthRoleDelete",
  "/etcdserverpb.Auth/RoleGrantPermission": "AuthRoleGrantPermission",
  "/etcdserverpb.Auth/RoleRevokePermission": "AuthRoleRevokePermission",
};

/** Makes the histogram of a type and outcome. */
export type RequestDurations = (type: string, success: boolean) => Histogram;

/**
 * Times of one method's calls. Like etcd's, a histogram exists from its first observation on. PERF: the transport has measured the
 * call already; under 1 ms, in the first bucket, an observation is one comparison and two additions.
 */
export class RequestTimes {
  readonly #durations: RequestDurations;
  readonly #type: string;
  #succeeded: Histogram | undefined;
  #failed: Histogram | undefined;

  constructor(durations: RequestDurations, type: string) {
    this.#durations = durations;
    this.#type = type;
  }

  observe(success: boolean, seconds: number): void {
    if (success) {
      this.#succeeded ??= this.#durations(this.#type, true);
      this.#succeeded.observe(seconds);
    } else {
      this.#failed ??= this.#durations(this.#type, false);
      this.#failed.observe(seconds);
    }
  }
}
