import type { AuthStep, Sender } from "./auth-step.ts";
import { LEASES, type Names, ROLES, ROOT, USERS } from "./auth-world.ts";

const AS_ROOT: Sender = { kind: "user", name: ROOT };

/** Root, a few users and as many roles, and users begin to count. */
export function beginning({ roles, users }: Names = { users: USERS, roles: ROLES }): readonly AuthStep[] {
  const call = (method: string, request: Record<string, unknown>): AuthStep => ({
    kind: "call",
    sender: { kind: "nobody" },
    method,
    request,
  });
  return [
    call("Auth/AuthEnable", {}),
    call("Auth/UserAdd", { name: ROOT, password: "rpw" }),
    call("Auth/AuthEnable", {}),
    call("Auth/UserGrantRole", { user: ROOT, role: ROOT }),
    ...users.map((name) => call("Auth/UserAdd", { name, password: "pw0" })),
    ...roles.map((name) => call("Auth/RoleAdd", { name })),
    ...roles.map((name, i) => {
      const key = Buffer.from("abcdef"[i] ?? "a");
      return call("Auth/RoleGrantPermission", { name, perm: { permType: i % 3, key, range_end: Buffer.from("g") } });
    }),
    ...users.map((user, i) => call("Auth/UserGrantRole", { user, role: roles[i] })),
    ...LEASES.slice(0, 3).map((ID) => call("Lease/LeaseGrant", { ID, TTL: "5000" })),
    call("Auth/AuthEnable", {}),
    { kind: "login", name: ROOT, password: "rpw" },
    ...users.map((name): AuthStep => ({ kind: "login", name, password: "pw0" })),
  ];
}

/** Everything that is there, as root sees it. */
export function ending(): readonly AuthStep[] {
  const call = (method: string, request: Record<string, unknown>): AuthStep => ({
    kind: "call",
    sender: AS_ROOT,
    method,
    request,
  });
  return [
    { kind: "login", name: ROOT, password: "rpw" },
    call("KV/Range", { key: Buffer.from([0]), range_end: Buffer.from([0]) }),
    call("Maintenance/HashKV", {}),
    call("Lease/LeaseLeases", {}),
    ...LEASES.map((ID) => call("Lease/LeaseTimeToLive", { ID, keys: true })),
    call("Auth/UserList", {}),
    call("Auth/RoleList", {}),
    ...[ROOT, ...USERS].map((name) => call("Auth/UserGet", { name })),
    ...[ROOT, ...ROLES].map((role) => call("Auth/RoleGet", { role })),
    call("Auth/AuthStatus", {}),
  ];
}
