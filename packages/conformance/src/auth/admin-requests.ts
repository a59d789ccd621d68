import type { SeededChoice } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { type AuthWorld, ROOT } from "./auth-world.ts";

export interface AdminRequest {
  readonly method: string;
  readonly request: Message;
}

/** A request of the Auth service, but for logins. `onlyValid`: no permission that some releases take and others refuse. */
export function adminRequest(choice: SeededChoice, world: AuthWorld, onlyValid: boolean): AdminRequest {
  const name = choice.oneIn(30) ? "" : world.user();
  const role = choice.oneIn(30) ? "" : world.role();
  switch (
    choice.weighted({
      userAdd: 6,
      userDelete: 2,
      userGet: 5,
      userList: 2,
      changePassword: 2,
      grantRole: 8,
      revokeRole: 3,
      roleAdd: 5,
      roleDelete: 1,
      roleGet: 5,
      roleList: 2,
      grantPermission: 14,
      revokePermission: 4,
      root: 3,
      state: 1,
    })
  ) {
    case "userAdd":
      return userAdd(choice, world, name);
    case "userDelete":
      return { method: "Auth/UserDelete", request: { name } };
    case "userGet":
      return { method: "Auth/UserGet", request: { name } };
    case "userList":
      return { method: "Auth/UserList", request: {} };
    case "changePassword":
      return { method: "Auth/UserChangePassword", request: { name, password: world.password() } };
    case "grantRole":
      return { method: "Auth/UserGrantRole", request: { user: name, role: choice.oneIn(25) ? ROOT : role } };
    case "revokeRole":
      return { method: "Auth/UserRevokeRole", request: { name, role: choice.oneIn(4) ? ROOT : role } };
    case "roleAdd":
      return { method: "Auth/RoleAdd", request: { name: role } };
    case "roleDelete":
      return { method: "Auth/RoleDelete", request: { role } };
    case "roleGet":
      return { method: "Auth/RoleGet", request: { role } };
    case "roleList":
      return { method: "Auth/RoleList", request: {} };
    case "grantPermission":
      return grantPermission(choice, world, { role, onlyValid });
    case "revokePermission":
      return { method: "Auth/RoleRevokePermission", request: { role, ...world.range() } };
    case "root":
      return rootRequest(choice, world);
    default:
      return { method: choice.pick(["Auth/AuthStatus", "Auth/AuthEnable", "Auth/AuthDisable"]), request: {} };
  }
}

function userAdd(choice: SeededChoice, world: AuthWorld, name: string): AdminRequest {
  const options = choice.oneIn(6) ? { options: { no_password: true } } : {};
  return { method: "Auth/UserAdd", request: { name, password: world.password(), ...options } };
}

function grantPermission(
  choice: SeededChoice,
  world: AuthWorld,
  { onlyValid, role }: { readonly onlyValid: boolean; readonly role: string },
): AdminRequest {
  const { key, range_end } = world.range();
  const isWrong = !onlyValid && choice.oneIn(12);
  // The wrong way round, or no key at all.
  const wrong = choice.oneIn(2) ? { key: Buffer.from("z"), range_end: Buffer.from("a") } : { key: Buffer.alloc(0) };
  const perm = { permType: choice.below(3), key, range_end, ...(isWrong ? wrong : {}) };
  const isMissing = !onlyValid && choice.oneIn(40);
  return { method: "Auth/RoleGrantPermission", request: { name: role, ...(isMissing ? {} : { perm }) } };
}

/** What must not happen to root, and what may. */
function rootRequest(choice: SeededChoice, world: AuthWorld): AdminRequest {
  return choice.pick([
    { method: "Auth/UserDelete", request: { name: ROOT } },
    { method: "Auth/RoleDelete", request: { role: ROOT } },
    { method: "Auth/UserRevokeRole", request: { name: ROOT, role: ROOT } },
    { method: "Auth/RoleAdd", request: { name: ROOT } },
    { method: "Auth/RoleGet", request: { role: ROOT } },
    { method: "Auth/UserGet", request: { name: ROOT } },
    { method: "Auth/UserGrantRole", request: { user: ROOT, role: world.role() } },
    { method: "Auth/RoleGrantPermission", request: { name: ROOT, perm: { permType: 0, ...world.range() } } },
  ]);
}
