import type {
  AuthDisableResponse,
  AuthEnableResponse,
  AuthenticateResponse,
  AuthRoleAddResponse,
  AuthRoleDeleteResponse,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionResponse,
  AuthRoleListResponse,
  AuthRoleRevokePermissionResponse,
  AuthStatusResponse,
  AuthUserAddResponse,
  AuthUserChangePasswordResponse,
  AuthUserDeleteResponse,
  AuthUserGetResponse,
  AuthUserGrantRoleResponse,
  AuthUserListResponse,
  AuthUserRevokeRoleResponse,
} from "@quorate/protocol";
import { PermissionType } from "@quorate/protocol";
import { type KeySelection, keyFields } from "./key-range.ts";
import type { UnaryMethod } from "./method.ts";
import { type WithHeader, withHeader } from "./response-header.ts";
import { RPC } from "./rpc.ts";
import type { CallOptions, Transport } from "./transport.ts";

type Headed = { readonly header: Parameters<typeof withHeader>[0]["header"] };

/** What a permission allows. */
export type Access = "read" | "write" | "readwrite";

const ACCESS: Readonly<Record<Access, number>> = {
  read: PermissionType.READ,
  write: PermissionType.WRITE,
  readwrite: PermissionType.READWRITE,
};

/**
 * Users, roles and whether they matter. All but `status` and `authenticate` need the root user once authentication is on. Errors are
 * those of {@link EtcdClient.unary} and the ones named here; `permissionDenied` everywhere.
 */
export class Auth {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Turns authentication on. Errors: `rootUserNotExist`, `rootRoleNotExist`. */
  enable(options?: CallOptions): Promise<WithHeader<AuthEnableResponse>> {
    return this.#call(RPC.Auth.AuthEnable, {}, options);
  }

  /** Turns it off. */
  disable(options?: CallOptions): Promise<WithHeader<AuthDisableResponse>> {
    return this.#call(RPC.Auth.AuthDisable, {}, options);
  }

  /** Whether it is on. Servers before 3.7 tell only root. */
  status(options?: CallOptions): Promise<WithHeader<AuthStatusResponse>> {
    return this.#call(RPC.Auth.AuthStatus, {}, options);
  }

  /** A token for a name and password; the client does this by itself for its `user`. Errors: `authFailed`, `authNotEnabled`. */
  authenticate(name: string, password: string, options?: CallOptions): Promise<WithHeader<AuthenticateResponse>> {
    return this.#call(RPC.Auth.Authenticate, { name, password }, options);
  }

  /** Adds a user; without a password it can only come with a certificate. Errors: `userAlreadyExist`, `userEmpty`. */
  addUser(name: string, password: string | undefined, options?: CallOptions): Promise<WithHeader<AuthUserAddResponse>> {
    const noPassword = password === undefined;
    return this.#call(RPC.Auth.UserAdd, { name, password: password ?? "", options: { noPassword } }, options);
  }

  /** The roles of a user. Errors: `userNotFound`. */
  user(name: string, options?: CallOptions): Promise<WithHeader<AuthUserGetResponse>> {
    return this.#call(RPC.Auth.UserGet, { name }, options);
  }

  /** The names of all users, in order. */
  users(options?: CallOptions): Promise<WithHeader<AuthUserListResponse>> {
    return this.#call(RPC.Auth.UserList, {}, options);
  }

  /** Errors: `userNotFound`, `invalidAuthManagement` for root. */
  deleteUser(name: string, options?: CallOptions): Promise<WithHeader<AuthUserDeleteResponse>> {
    return this.#call(RPC.Auth.UserDelete, { name }, options);
  }

  /** Changes a password; tokens of the user end. Errors: `userNotFound`. */
  changePassword(
    name: string,
    password: string,
    options?: CallOptions,
  ): Promise<WithHeader<AuthUserChangePasswordResponse>> {
    return this.#call(RPC.Auth.UserChangePassword, { name, password }, options);
  }

  /** Errors: `userNotFound`, `roleNotFound`. */
  grantRole(user: string, role: string, options?: CallOptions): Promise<WithHeader<AuthUserGrantRoleResponse>> {
    return this.#call(RPC.Auth.UserGrantRole, { user, role }, options);
  }

  /** Errors: `userNotFound`, `roleNotGranted`, `invalidAuthManagement`. */
  revokeRole(user: string, role: string, options?: CallOptions): Promise<WithHeader<AuthUserRevokeRoleResponse>> {
    return this.#call(RPC.Auth.UserRevokeRole, { name: user, role }, options);
  }

  /** Errors: `roleAlreadyExist`, `roleEmpty`. */
  addRole(role: string, options?: CallOptions): Promise<WithHeader<AuthRoleAddResponse>> {
    return this.#call(RPC.Auth.RoleAdd, { name: role }, options);
  }

  /** The permissions of a role. Errors: `roleNotFound`. */
  role(role: string, options?: CallOptions): Promise<WithHeader<AuthRoleGetResponse>> {
    return this.#call(RPC.Auth.RoleGet, { role }, options);
  }

  /** The names of all roles, in order. */
  roles(options?: CallOptions): Promise<WithHeader<AuthRoleListResponse>> {
    return this.#call(RPC.Auth.RoleList, {}, options);
  }

  /** Deletes a role and takes it from all users. Errors: `roleNotFound`, `invalidAuthManagement` for root. */
  deleteRole(role: string, options?: CallOptions): Promise<WithHeader<AuthRoleDeleteResponse>> {
    return this.#call(RPC.Auth.RoleDelete, { role }, options);
  }

  /** Allows a role to do something with some keys. Errors: `roleNotFound`, `invalidAuthManagement` for a wrong range. */
  grantPermission(
    role: string,
    access: Access,
    keys: KeySelection,
    options?: CallOptions,
  ): Promise<WithHeader<AuthRoleGrantPermissionResponse>> {
    const perm = { permType: ACCESS[access], ...keyFields(keys) };
    return this.#call(RPC.Auth.RoleGrantPermission, { name: role, perm }, options);
  }

  /** Takes a permission back; the keys must be those it was granted for. Errors: `roleNotFound`, `permissionNotGranted`. */
  revokePermission(
    role: string,
    keys: KeySelection,
    options?: CallOptions,
  ): Promise<WithHeader<AuthRoleRevokePermissionResponse>> {
    return this.#call(RPC.Auth.RoleRevokePermission, { role, ...keyFields(keys) }, options);
  }

  async #call<Request, Response extends Headed>(
    method: UnaryMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions | undefined,
  ): Promise<WithHeader<Response>> {
    return withHeader(await this.#transport.unary(method, request, options));
  }
}
