import {
  createPermission,
  decodeLenient,
  type ErrorCode,
  PermissionType,
  readAuthRoleAddRequest,
  readAuthRoleDeleteRequest,
  readAuthRoleGetRequest,
  readAuthRoleGrantPermissionRequest,
  readAuthRoleRevokePermissionRequest,
  readAuthUserAddRequest,
  readAuthUserChangePasswordRequest,
  readAuthUserDeleteRequest,
  readAuthUserGetRequest,
  readAuthUserGrantRoleRequest,
  readAuthUserRevokeRoleRequest,
  readInternalAuthenticateRequest,
} from "@quorate/protocol";
import type { ApplyResult } from "../apply-result.ts";
import { RequestKind } from "../raft-request.ts";
import type { AuthChanges } from "./auth-changes.ts";
import type { AuthState } from "./auth-state.ts";
import { type Caller, ROOT } from "./caller.ts";
import type { PermissionChecks } from "./permission-checks.ts";
import type { TokenKeeper } from "./simple-tokens.ts";

/** What the role root can do, whatever is stored of it. */
const EVERYTHING = createPermission({ permType: PermissionType.READWRITE, rangeEnd: Uint8Array.of(0) });

/** Requests that only the role root may make while users count. */
const ADMIN_KINDS: ReadonlySet<number> = new Set([
  RequestKind.AuthEnable,
  RequestKind.AuthDisable,
  RequestKind.AuthUserAdd,
  RequestKind.AuthUserDelete,
  RequestKind.AuthUserChangePassword,
  RequestKind.AuthUserGrantRole,
  RequestKind.AuthUserRevokeRole,
  RequestKind.AuthUserList,
  RequestKind.AuthRoleList,
  RequestKind.AuthRoleAdd,
  RequestKind.AuthRoleDelete,
  RequestKind.AuthRoleGrantPermission,
  RequestKind.AuthRoleRevokePermission,
]);

export interface AuthApplierDeps {
  readonly state: AuthState;
  readonly changes: AuthChanges;
  readonly checks: PermissionChecks;
  readonly tokens: TokenKeeper;
}

/** A request about users and roles, as it lies in its entry. */
export interface AuthEntry {
  /** See `RequestKind`. */
  readonly kind: number;
  readonly data: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly index: number;
  readonly caller: Caller;
  /** Whether somebody waits here for the answer. */
  readonly isAwaited: boolean;
}

/** Applies what the log says about users, roles and tokens. Peer protocol page, section 13.3. */
export class AuthApplier {
  readonly #deps: AuthApplierDeps;

  constructor(deps: AuthApplierDeps) {
    this.#deps = deps;
  }

  /** The result; undefined for a change that went through; null where the kind is none of this. */
  apply(entry: AuthEntry): ApplyResult | undefined | null {
    const { checks } = this.#deps;
    if (ADMIN_KINDS.has(entry.kind)) return checks.admin(entry.caller) ?? this.#administer(entry);
    switch (entry.kind) {
      case RequestKind.Authenticate:
        return this.#authenticate(entry);
      case RequestKind.AuthStatus:
        return { enabled: this.#deps.state.isEnabled, authRevision: this.#deps.state.revision };
      case RequestKind.AuthUserGet:
      case RequestKind.AuthRoleGet:
        // Where nobody waits for the answer etcd does not even look at the question.
        return entry.isAwaited ? this.#details(entry) : undefined;
      default:
        return null;
    }
  }

  #details({ caller, data, end, kind, start }: AuthEntry): ApplyResult {
    const { checks } = this.#deps;
    if (kind === RequestKind.AuthUserGet) {
      const { name } = decodeLenient(readAuthUserGetRequest, data, start, end);
      return checks.userGet(caller, name) ?? this.#user(name);
    }
    const { role } = decodeLenient(readAuthRoleGetRequest, data, start, end);
    return checks.roleGet(caller, role) ?? this.#role(role);
  }

  #administer({ data, end, kind, start }: AuthEntry): ApplyResult | undefined {
    const { changes, state } = this.#deps;
    switch (kind) {
      case RequestKind.AuthEnable:
        return changes.enable();
      case RequestKind.AuthDisable:
        changes.disable();
        return undefined;
      case RequestKind.AuthUserList:
        return { names: state.users.names() };
      case RequestKind.AuthRoleList:
        return { names: state.roles.names() };
      case RequestKind.AuthRoleAdd:
        return changes.addRole(decodeLenient(readAuthRoleAddRequest, data, start, end).name);
      case RequestKind.AuthRoleDelete:
        return changes.deleteRole(decodeLenient(readAuthRoleDeleteRequest, data, start, end).role);
      case RequestKind.AuthRoleGrantPermission:
        return changes.grantPermission(decodeLenient(readAuthRoleGrantPermissionRequest, data, start, end));
      case RequestKind.AuthRoleRevokePermission:
        return changes.revokePermission(decodeLenient(readAuthRoleRevokePermissionRequest, data, start, end));
      default:
        return this.#changeUser(kind, data, start, end);
    }
  }

  #changeUser(kind: number, data: Uint8Array, start: number, end: number): ErrorCode | undefined {
    const { changes } = this.#deps;
    switch (kind) {
      case RequestKind.AuthUserAdd:
        return changes.addUser(decodeLenient(readAuthUserAddRequest, data, start, end));
      case RequestKind.AuthUserDelete:
        return changes.deleteUser(decodeLenient(readAuthUserDeleteRequest, data, start, end).name);
      case RequestKind.AuthUserChangePassword:
        return changes.changePassword(decodeLenient(readAuthUserChangePasswordRequest, data, start, end));
      case RequestKind.AuthUserGrantRole: {
        const { role, user } = decodeLenient(readAuthUserGrantRoleRequest, data, start, end);
        return changes.grantRole(user, role);
      }
      default: {
        const { name, role } = decodeLenient(readAuthUserRevokeRoleRequest, data, start, end);
        return changes.revokeRole(name, role);
      }
    }
  }

  /** The password was checked before; here the user gets a token, on every member alike. */
  #authenticate({ data, end, index, start }: AuthEntry): ApplyResult {
    const { state, tokens } = this.#deps;
    const { name, simpleToken } = decodeLenient(readInternalAuthenticateRequest, data, start, end);
    if (!state.isEnabled) return "authNotEnabled";
    const user = state.users.get(name);
    if (user === undefined || user.options?.noPassword === true) return "authFailed";
    tokens.assign(name, simpleToken, index);
    return { username: name, authRevision: state.revision, tokenPrefix: simpleToken, entryIndex: index };
  }

  #user(name: string): ApplyResult {
    const user = this.#deps.state.users.get(name);
    return user === undefined ? "userNotFound" : { roles: user.roles };
  }

  #role(name: string): ApplyResult {
    const role = this.#deps.state.roles.get(name);
    if (role === undefined) return "roleNotFound";
    return { permissions: name === ROOT ? [EVERYTHING] : role.keyPermission };
  }
}
