import { compareBytes, EMPTY_BYTES, equalBytes, type LogFields, type Logger, losslessBytes } from "@quorate/base";
import {
  type AuthRoleGrantPermissionRequest,
  type AuthRoleRevokePermissionRequest,
  type AuthUserAddRequest,
  type AuthUserChangePasswordRequest,
  bytesFromBase64,
  createRole,
  createUser,
  createUserAddOptions,
  type ErrorCode,
  type Permission,
  type User,
} from "@quorate/protocol";
import type { AuthState } from "./auth-state.ts";
import { ROOT } from "./caller.ts";
import { patternSort } from "./pattern-sort.ts";

/** What changes of users need of the world, and tell it. */
export interface AuthChangesDeps {
  /** Told of every change, in etcd's words. */
  readonly logger: Logger;
  /** Hashes a password that an entry of a member before etcd 3.5 holds in plain text. Slow. */
  readonly hashPassword: (password: string) => Uint8Array;
  /** The tokens that were given to the user are void. */
  readonly forgetUser: (username: string) => void;
  /** All tokens are void. */
  readonly forgetAll: () => void;
}

/** Standard base64 with its padding, as Go reads it: line ends do not count. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The changes of users and roles that entries of the log ask for. Each returns why it is refused, in which case nothing has changed.
 * The same requests give the same bytes and revisions on every member. gRPC API page, section 11.3; peer protocol page, section 13.3.
 */
export class AuthChanges {
  readonly #state: AuthState;
  readonly #deps: AuthChangesDeps;

  constructor(state: AuthState, deps: AuthChangesDeps) {
    this.#state = state;
    this.#deps = deps;
  }

  enable(): ErrorCode | undefined {
    const state = this.#state;
    if (state.isEnabled) return undefined;
    if (state.users.get(ROOT) === undefined) return "rootUserNotExist";
    if (!state.isRoot(ROOT)) return "rootRoleNotExist";
    state.setEnabled(true);
    this.#deps.logger.info("enabled authentication");
    return undefined;
  }

  disable(): void {
    if (!this.#state.isEnabled) return;
    this.#state.setEnabled(false);
    this.#changed("disabled authentication");
    this.#deps.forgetAll();
  }

  addUser({ hashedPassword, name, options, password }: AuthUserAddRequest): ErrorCode | undefined {
    const { users } = this.#state;
    if (name === "") return "userEmpty";
    if (users.get(name) !== undefined) return "userAlreadyExist";
    const stored = options?.noPassword === true ? EMPTY_BYTES : this.#storedPassword(password, hashedPassword);
    if (stored === undefined) return "noPasswordUser";
    const user = createUser({
      name: losslessBytes(name),
      password: stored,
      options: options ?? createUserAddOptions(),
    });
    users.put(name, user);
    this.#changed("added a user", { "user-name": name });
    return undefined;
  }

  deleteUser(name: string): ErrorCode | undefined {
    const { isEnabled, users } = this.#state;
    if (isEnabled && name === ROOT) return "invalidAuthManagement";
    if (users.get(name) === undefined) return "userNotFound";
    users.delete(name);
    this.#changed("deleted a user", { "user-name": name });
    this.#deps.forgetUser(name);
    return undefined;
  }

  changePassword({ hashedPassword, name, password }: AuthUserChangePasswordRequest): ErrorCode | undefined {
    const { users } = this.#state;
    const user = users.get(name);
    if (user === undefined) return "userNotFound";
    const stored = user.options?.noPassword === true ? EMPTY_BYTES : this.#storedPassword(password, hashedPassword);
    if (stored === undefined) return "noPasswordUser";
    users.put(name, { ...user, password: stored });
    this.#changed("changed a password of a user", { "user-name": name });
    this.#deps.forgetUser(name);
    return undefined;
  }

  grantRole(username: string, role: string): ErrorCode | undefined {
    const { roles, users } = this.#state;
    const user = users.get(username);
    if (user === undefined) return "userNotFound";
    // The role root need not exist.
    if (role !== ROOT && roles.get(role) === undefined) return "roleNotFound";
    if (user.roles.includes(role)) return undefined;
    users.put(username, { ...user, roles: [...user.roles, role].sort(compareTexts) });
    this.#changed("granted a role to a user", { "user-name": username, "added-role-name": role });
    return undefined;
  }

  revokeRole(username: string, role: string): ErrorCode | undefined {
    const { isEnabled, users } = this.#state;
    if (isEnabled && username === ROOT && role === ROOT) return "invalidAuthManagement";
    const user = users.get(username);
    if (user === undefined) return "userNotFound";
    if (!user.roles.includes(role)) return "roleNotGranted";
    users.put(username, withoutRole(user, role));
    this.#changed("revoked a role from a user", { "user-name": username, "revoked-role-name": role });
    return undefined;
  }

  addRole(name: string): ErrorCode | undefined {
    const { roles } = this.#state;
    if (name === "") return "roleEmpty";
    if (roles.get(name) !== undefined) return "roleAlreadyExist";
    roles.put(name, createRole({ name: losslessBytes(name) }));
    this.#changed("created a role", { "role-name": name });
    return undefined;
  }

  /** The role is taken from its users, too. PERF: O(users). */
  deleteRole(name: string): ErrorCode | undefined {
    const { isEnabled, roles, users } = this.#state;
    if (isEnabled && name === ROOT) return "invalidAuthManagement";
    if (roles.get(name) === undefined) return "roleNotFound";
    roles.delete(name);
    for (const username of users.names()) {
      const user = users.get(username);
      if (user?.roles.includes(name) === true) users.put(username, withoutRole(user, name));
    }
    this.#changed("deleted a role", { "role-name": name });
    return undefined;
  }

  grantPermission({ name, perm }: AuthRoleGrantPermissionRequest): ErrorCode | undefined {
    const { roles } = this.#state;
    if (perm === undefined) return "permissionNotGiven";
    if (!isValidRange(perm)) return "invalidAuthManagement";
    const role = roles.get(name);
    if (role === undefined) return "roleNotFound";
    roles.put(name, { ...role, keyPermission: withPermission(role.keyPermission, perm) });
    this.#changed("granted/updated a permission to a role", { "role-name": name });
    return undefined;
  }

  revokePermission({ key, rangeEnd, role: name }: AuthRoleRevokePermissionRequest): ErrorCode | undefined {
    const { roles } = this.#state;
    const role = roles.get(name);
    if (role === undefined) return "roleNotFound";
    const kept = role.keyPermission.filter(
      (perm) => !equalBytes(perm.key, key) || !equalBytes(perm.rangeEnd, rangeEnd),
    );
    if (kept.length === role.keyPermission.length) return "permissionNotGranted";
    roles.put(name, { ...role, keyPermission: kept });
    this.#changed("revoked a permission on range", { "role-name": name });
    return undefined;
  }

  /** What took effect is a new revision, and a line of the log. */
  #changed(what: string, fields: LogFields = {}): void {
    this.#state.changed();
    this.#deps.logger.info(what, { ...fields, "auth-revision": this.#state.revision });
  }

  /** What is stored of a password: its hash, which the entry holds in base64. Undefined where that is none. */
  #storedPassword(password: string, hashedPassword: string): Uint8Array | undefined {
    if (password !== "" && hashedPassword === "") return this.#deps.hashPassword(password);
    const text = hashedPassword.replace(/[\r\n]/g, "");
    return BASE64.test(text) ? bytesFromBase64(text) : undefined;
  }
}

function withoutRole(user: User, role: string): User {
  return { ...user, roles: user.roles.filter((held) => held !== role) };
}

function compareTexts(a: string, b: string): number {
  return compareBytes(losslessBytes(a), losslessBytes(b));
}

function isValidRange({ key, rangeEnd }: Permission): boolean {
  if (key.length === 0) return false;
  if (rangeEnd.length === 0 || compareBytes(key, rangeEnd) < 0) return true;
  return rangeEnd.length === 1 && rangeEnd[0] === 0;
}

/** Only the first permission of the same key is compared, as in etcd: of ranges that share a key there may be several that are equal. */
function withPermission(permissions: readonly Permission[], perm: Permission): readonly Permission[] {
  const at = permissions.findIndex(({ key }) => compareBytes(key, perm.key) >= 0);
  const found = permissions[at];
  if (found !== undefined && equalBytes(found.key, perm.key) && equalBytes(found.rangeEnd, perm.rangeEnd)) {
    return permissions.with(at, { ...found, permType: perm.permType });
  }
  const all = [...permissions, perm];
  // What comes first of one key decides what is compared the next time, so the members' order must be the same.
  patternSort(all, (a, b) => compareBytes(a.key, b.key));
  return all;
}
