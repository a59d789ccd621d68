import type { Logger } from "@quorate/base";
import type { Method, UnaryCall, UnaryHandler } from "@quorate/grpc";
import {
  AuthDisableRequestDescriptor,
  AuthEnableRequestDescriptor,
  AuthRoleAddRequestDescriptor,
  AuthRoleDeleteRequestDescriptor,
  AuthRoleGetRequestDescriptor,
  AuthRoleGrantPermissionRequestDescriptor,
  AuthRoleListRequestDescriptor,
  AuthRoleRevokePermissionRequestDescriptor,
  type AuthUserAddRequest,
  type AuthUserChangePasswordRequest,
  AuthUserDeleteRequestDescriptor,
  AuthUserGetRequestDescriptor,
  AuthUserGrantRoleRequestDescriptor,
  AuthUserListRequestDescriptor,
  AuthUserRevokeRoleRequestDescriptor,
  base64FromBytes,
  createAuthEnableResponse,
  createAuthRoleGetResponse,
  createAuthStatusResponse,
  createAuthUserGetResponse,
  createAuthUserListResponse,
  decodeAuthStatusRequest,
  decodeAuthUserAddRequest,
  decodeAuthUserChangePasswordRequest,
  encodeAuthEnableResponse,
  encodeAuthRoleGetResponse,
  encodeAuthStatusResponse,
  encodeAuthUserAddRequest,
  encodeAuthUserChangePasswordRequest,
  encodeAuthUserGetResponse,
  encodeAuthUserListResponse,
  type MessageDescriptor,
} from "@quorate/protocol";
import {
  type HeaderResult,
  type NamesResult,
  RequestKind,
  type RolePermissionsResult,
  type UserRolesResult,
} from "../../core/index.ts";
import { hasMembersBefore35 } from "../auth/old-members.ts";
import { PasswordHasher } from "../auth/password-hasher.ts";
import { failHashing } from "./fail-hashing.ts";
import { responseHeader } from "./header.ts";
import { Logins } from "./logins.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, WriteMethod } from "./proposal.ts";
import { failUndecodable, failWith, isWellFormed } from "./reply.ts";

type Decode<Q> = (bytes: Uint8Array, start?: number, end?: number) => Q;
type Codec<Q> = Pick<MessageDescriptor<Q>, "decode" | "encode">;

/** `etcdserverpb.Auth`: nearly everything goes through the log, what is only asked for too. gRPC API page, section 11. */
export class AuthService {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;
  readonly #logins: Logins;

  constructor(context: NodeContext, proposer: Proposer, logger: Logger) {
    this.#context = context;
    this.#proposer = proposer;
    this.#logins = new Logins({ context, proposer, logger });
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      ...this.#changes(),
      ...this.#reads(),
      Authenticate: { kind: "unary", handler: (call, message) => this.#logins.login(call, message) },
      UserAdd: { kind: "unary", handler: this.#userAdd },
      UserChangePassword: { kind: "unary", handler: this.#userChangePassword },
    };
  }

  #changes(): Readonly<Record<string, Method>> {
    return {
      AuthEnable: this.#change(RequestKind.AuthEnable, AuthEnableRequestDescriptor),
      AuthDisable: this.#change(RequestKind.AuthDisable, AuthDisableRequestDescriptor),
      UserDelete: this.#change(RequestKind.AuthUserDelete, AuthUserDeleteRequestDescriptor),
      UserGrantRole: this.#change(RequestKind.AuthUserGrantRole, AuthUserGrantRoleRequestDescriptor),
      UserRevokeRole: this.#change(RequestKind.AuthUserRevokeRole, AuthUserRevokeRoleRequestDescriptor),
      RoleAdd: this.#change(RequestKind.AuthRoleAdd, AuthRoleAddRequestDescriptor),
      RoleDelete: this.#change(RequestKind.AuthRoleDelete, AuthRoleDeleteRequestDescriptor),
      RoleGrantPermission: this.#change(RequestKind.AuthRoleGrantPermission, AuthRoleGrantPermissionRequestDescriptor),
      RoleRevokePermission: this.#change(
        RequestKind.AuthRoleRevokePermission,
        AuthRoleRevokePermissionRequestDescriptor,
      ),
    };
  }

  #reads(): Readonly<Record<string, Method>> {
    const header = (): ReturnType<typeof responseHeader> => responseHeader(this.#context);
    const names = (call: UnaryCall, result: NamesResult): void =>
      // Lists of roles have the same shape.
      call.respond(encodeAuthUserListResponse(createAuthUserListResponse({ header: header(), users: result.names })));
    return {
      AuthStatus: { kind: "unary", handler: this.#status },
      UserGet: this.#method(RequestKind.AuthUserGet, AuthUserGetRequestDescriptor, (call, { roles }: UserRolesResult) =>
        call.respond(encodeAuthUserGetResponse(createAuthUserGetResponse({ header: header(), roles }))),
      ),
      UserList: this.#method(RequestKind.AuthUserList, AuthUserListRequestDescriptor, names),
      RoleGet: this.#method(
        RequestKind.AuthRoleGet,
        AuthRoleGetRequestDescriptor,
        (call, { permissions }: RolePermissionsResult) =>
          call.respond(encodeAuthRoleGetResponse(createAuthRoleGetResponse({ header: header(), perm: permissions }))),
      ),
      RoleList: this.#method(RequestKind.AuthRoleList, AuthRoleListRequestDescriptor, names),
    };
  }

  /** Answered from here: a member of etcd 3.4 that found the question in its log would end. */
  readonly #status: UnaryHandler = (call, message) => {
    if (!isWellFormed(call, message, decodeAuthStatusRequest)) return;
    const { access, auth, replica } = this.#context;
    const answer = (): void => {
      const caller = access.identify(call);
      if (typeof caller === "string") {
        failWith(call, caller);
        return;
      }
      const { isEnabled: enabled, revision: authRevision } = auth.state;
      const header = responseHeader(this.#context);
      call.respond(encodeAuthStatusResponse(createAuthStatusResponse({ header, enabled, authRevision })));
    };
    replica.linearizableRead(answer, (code) => failWith(call, code));
  };

  /** A change, which is answered by a header. */
  #change<Q>(kind: number, codec: Codec<Q>): Method {
    return this.#method(kind, codec, this.#answerHeader);
  }

  #method<Q, R>(kind: number, { decode, encode }: Codec<Q>, answer: (call: UnaryCall, result: R) => void): Method {
    const method: WriteMethod<Q, R> = { kind, decode, encode, check: () => undefined, answer };
    return { kind: "unary", handler: (call, message) => this.#proposer.submit(call, message, method) };
  }

  readonly #answerHeader = (call: UnaryCall, { revision }: HeaderResult): void => {
    // All answers to changes have this shape.
    const header = responseHeader(this.#context, revision);
    call.respond(encodeAuthEnableResponse(createAuthEnableResponse({ header })));
  };

  readonly #userAdd: UnaryHandler = (call, message) => {
    const request = decoded(call, message, decodeAuthUserAddRequest);
    if (request === undefined) return;
    if (request.options?.noPassword === true) this.#proposer.submit(call, message, this.#userAddMethod);
    else {
      this.#hashed(call, request.password, (hashedPassword) => {
        const hashed = encodeAuthUserAddRequest({ ...request, password: "", hashedPassword });
        this.#proposer.submit(call, hashed, this.#userAddMethod);
      });
    }
  };

  readonly #userAddMethod: WriteMethod<AuthUserAddRequest, HeaderResult> = {
    kind: RequestKind.AuthUserAdd,
    decode: decodeAuthUserAddRequest,
    encode: encodeAuthUserAddRequest,
    check: () => undefined,
    answer: this.#answerHeader,
  };

  readonly #userChangePassword: UnaryHandler = (call, message) => {
    const request = decoded(call, message, decodeAuthUserChangePasswordRequest);
    if (request === undefined) return;
    if (request.password === "") this.#proposer.submit(call, message, this.#changePasswordMethod);
    else {
      this.#hashed(call, request.password, (hashedPassword) => {
        const hashed = encodeAuthUserChangePasswordRequest({ ...request, password: "", hashedPassword });
        this.#proposer.submit(call, hashed, this.#changePasswordMethod);
      });
    }
  };

  readonly #changePasswordMethod: WriteMethod<AuthUserChangePasswordRequest, HeaderResult> = {
    kind: RequestKind.AuthUserChangePassword,
    decode: decodeAuthUserChangePasswordRequest,
    encode: encodeAuthUserChangePasswordRequest,
    check: () => undefined,
    answer: this.#answerHeader,
  };

  /** Hashes a password before it goes anywhere, and goes on with the hash in base64. */
  #hashed(call: UnaryCall, password: string, proceed: (hashedPassword: string) => void): void {
    const { access, membership, passwords } = this.#context;
    // Hashing is dear: those who will be refused anyway are refused before. A member before 3.5 would take a hash for an empty
    // password, and let in whoever gives none.
    const refused = PasswordHasher.isTooLong(password)
      ? "passwordTooLong"
      : (access.admin(call) ?? (hasMembersBefore35(membership) ? "notCapable" : undefined));
    if (refused !== undefined) {
      failWith(call, refused);
      return;
    }
    passwords.hash(password, { address: call.peer.remoteAddress, isWanted: () => !call.cancelled }).then(
      (hash) => proceed(base64FromBytes(Buffer.from(hash, "latin1"))),
      (error: unknown) => failHashing(call, error),
    );
  }
}

function decoded<Q>(call: UnaryCall, message: Uint8Array, decode: Decode<Q>): Q | undefined {
  try {
    return decode(message);
  } catch (error) {
    failUndecodable(call, error);
    return undefined;
  }
}
