import { describe, expect, it } from "@jest/globals";
import { EMPTY_BYTES, latin1FromBytes, utf8Bytes } from "@quorate/base";
import { MapBackend } from "@quorate/mvcc/testing";
import {
  base64FromBytes,
  createAuthRoleGrantPermissionRequest,
  createAuthRoleRevokePermissionRequest,
  createAuthUserAddRequest,
  createAuthUserChangePasswordRequest,
  createInternalAuthenticateRequest,
  createPermission,
  createUserAddOptions,
  encodeAuthRoleAddRequest,
  encodeAuthRoleDeleteRequest,
  encodeAuthRoleGetRequest,
  encodeAuthRoleGrantPermissionRequest,
  encodeAuthRoleRevokePermissionRequest,
  encodeAuthUserAddRequest,
  encodeAuthUserChangePasswordRequest,
  encodeAuthUserDeleteRequest,
  encodeAuthUserGetRequest,
  encodeAuthUserGrantRoleRequest,
  encodeAuthUserRevokeRoleRequest,
  encodeInternalAuthenticateRequest,
  PermissionType,
} from "@quorate/protocol";
import { type ApplyResult, RequestKind as Kind, SimpleTokens } from "@quorate/server/core";
import { Machine } from "../machine.ts";
import { AuthMachine, ROOT_CALLER } from "./auth-machine.ts";

const { READ, READWRITE, WRITE } = PermissionType;

const userAdd = (name: string, fields: Parameters<typeof createAuthUserAddRequest>[0] = {}): Uint8Array =>
  encodeAuthUserAddRequest(createAuthUserAddRequest({ name, hashedPassword: "aGFzaA==", ...fields }));
const grantPermission = (name: string, permType: number, key: string, end = ""): Uint8Array =>
  encodeAuthRoleGrantPermissionRequest(
    createAuthRoleGrantPermissionRequest({
      name,
      perm: createPermission({ permType, key: utf8Bytes(key), rangeEnd: utf8Bytes(end) }),
    }),
  );
const revokePermission = (role: string, key: string, end = ""): Uint8Array =>
  encodeAuthRoleRevokePermissionRequest(
    createAuthRoleRevokePermissionRequest({ role, key: utf8Bytes(key), rangeEnd: utf8Bytes(end) }),
  );
const changePassword = (name: string, fields: Parameters<typeof createAuthUserChangePasswordRequest>[0]): Uint8Array =>
  encodeAuthUserChangePasswordRequest(createAuthUserChangePasswordRequest({ name, ...fields }));
const authenticate = (name: string, simpleToken: string): Uint8Array =>
  encodeInternalAuthenticateRequest(createInternalAuthenticateRequest({ name, simpleToken }));
const grantRole = (user: string, role: string): Uint8Array => encodeAuthUserGrantRoleRequest({ user, role });
const revokeRole = (name: string, role: string): Uint8Array => encodeAuthUserRevokeRoleRequest({ name, role });

/** What is stored of the user, in latin1. */
function stored(machine: Machine, bucket: "auth" | "authUsers" | "authRoles", name: string): string | undefined {
  const value = machine.backend.get(bucket, utf8Bytes(name));
  return value === undefined ? undefined : latin1FromBytes(value);
}

describe("users and roles in the log", () => {
  it("are stored as etcd stores them", () => {
    const machine = new AuthMachine();
    expect(stored(machine, "auth", "authRevision")).toBe("\0\0\0\0\0\0\0\x01");
    machine.run(
      [Kind.AuthUserAdd, userAdd("al")],
      [Kind.AuthUserAdd, userAdd("no", { options: createUserAddOptions({ noPassword: true }) })],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r2" })],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r1" })],
      [Kind.AuthUserGrantRole, grantRole("al", "r2")],
      [Kind.AuthUserGrantRole, grantRole("al", "r1")],
      [Kind.AuthRoleGrantPermission, grantPermission("r1", WRITE, "b", "d")],
      [Kind.AuthRoleGrantPermission, grantPermission("r1", READ, "a", "\0")],
    );

    expect(stored(machine, "authUsers", "al")).toBe('\n\x02al\x12\x04hash\x1a\x02r1\x1a\x02r2"\0');
    expect(stored(machine, "authUsers", "no")).toBe('\n\x02no"\x02\x08\x01');
    expect(stored(machine, "authRoles", "r1")).toBe(
      "\n\x02r1\x12\x06\x12\x01a\x1a\x01\0\x12\x08\x08\x01\x12\x01b\x1a\x01d",
    );
    expect(stored(machine, "auth", "authRevision")).toBe("\0\0\0\0\0\0\0\x09");
    expect(stored(machine, "auth", "authEnabled")).toBeUndefined();
  });

  it("are told, names in the order of their bytes", () => {
    const machine = new AuthMachine();
    machine.run(
      [Kind.AuthUserAdd, userAdd("b")],
      [Kind.AuthUserAdd, userAdd("\u{10000}")],
      [Kind.AuthUserAdd, userAdd("\ufffd")],
      [Kind.AuthUserAdd, userAdd("B")],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" })],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "root" })],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READWRITE, "k")],
      [Kind.AuthRoleGrantPermission, grantPermission("root", READ, "k")],
      [Kind.AuthUserGrantRole, grantRole("b", "r")],
    );

    const results = machine.run(
      [Kind.AuthUserList, EMPTY_BYTES],
      [Kind.AuthRoleList, EMPTY_BYTES],
      [Kind.AuthUserGet, encodeAuthUserGetRequest({ name: "b" })],
      [Kind.AuthUserGet, encodeAuthUserGetRequest({ name: "x" })],
      [Kind.AuthRoleGet, encodeAuthRoleGetRequest({ role: "r" })],
      [Kind.AuthRoleGet, encodeAuthRoleGetRequest({ role: "root" })],
      [Kind.AuthRoleGet, encodeAuthRoleGetRequest({ role: "x" })],
      [Kind.AuthStatus, EMPTY_BYTES],
    );
    expect(results).toEqual([
      { names: ["B", "b", "\ufffd", "\u{10000}"] },
      { names: ["r", "root"] },
      { roles: ["r"] },
      "userNotFound",
      { permissions: [createPermission({ permType: READWRITE, key: utf8Bytes("k") })] },
      { permissions: [createPermission({ permType: READWRITE, rangeEnd: Uint8Array.of(0) })] },
      "roleNotFound",
      { enabled: false, authRevision: 10 },
    ]);
  });

  it("count a revision for every change, and none for what changes nothing", () => {
    const machine = new AuthMachine();
    const changes: readonly (readonly [
      kind: number,
      request: Uint8Array,
      result: ApplyResult | "done",
      counts: number,
    ])[] = [
      [Kind.AuthEnable, EMPTY_BYTES, "rootUserNotExist", 0],
      [Kind.AuthDisable, EMPTY_BYTES, "done", 0],
      [Kind.AuthUserAdd, userAdd("root"), "done", 1],
      [Kind.AuthUserAdd, userAdd("root"), "userAlreadyExist", 0],
      [Kind.AuthUserAdd, userAdd(""), "userEmpty", 0],
      [Kind.AuthUserAdd, userAdd("x", { hashedPassword: "no base64!" }), "noPasswordUser", 0],
      [Kind.AuthEnable, EMPTY_BYTES, "rootRoleNotExist", 0],
      [Kind.AuthUserGrantRole, grantRole("root", "root"), "done", 1],
      [Kind.AuthUserGrantRole, grantRole("root", "root"), "done", 0],
      [Kind.AuthUserGrantRole, grantRole("x", "root"), "userNotFound", 0],
      [Kind.AuthUserGrantRole, grantRole("root", "r"), "roleNotFound", 0],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" }), "done", 1],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" }), "roleAlreadyExist", 0],
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "" }), "roleEmpty", 0],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, "b", "c"), "done", 1],
      [Kind.AuthRoleGrantPermission, grantPermission("r", WRITE, "b", "c"), "done", 1],
      [Kind.AuthRoleGrantPermission, grantPermission("r", WRITE, "b"), "done", 1],
      [Kind.AuthRoleGrantPermission, grantPermission("x", READ, "b"), "roleNotFound", 0],
      [Kind.AuthRoleGrantPermission, grantPermission("x", READ, "c", "b"), "invalidAuthManagement", 0],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, "c", "c"), "invalidAuthManagement", 0],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, ""), "invalidAuthManagement", 0],
      [
        Kind.AuthRoleGrantPermission,
        encodeAuthRoleGrantPermissionRequest(createAuthRoleGrantPermissionRequest({ name: "x" })),
        "permissionNotGiven",
        0,
      ],
      [Kind.AuthRoleRevokePermission, revokePermission("r", "b", "d"), "permissionNotGranted", 0],
      [Kind.AuthRoleRevokePermission, revokePermission("x", "b", "c"), "roleNotFound", 0],
      [Kind.AuthRoleRevokePermission, revokePermission("r", "b", "c"), "done", 1],
      [Kind.AuthUserGrantRole, grantRole("root", "r"), "done", 1],
      [Kind.AuthUserRevokeRole, revokeRole("root", "x"), "roleNotGranted", 0],
      [Kind.AuthUserRevokeRole, revokeRole("x", "x"), "userNotFound", 0],
      [Kind.AuthUserRevokeRole, revokeRole("root", "r"), "done", 1],
      [Kind.AuthUserAdd, userAdd("al"), "done", 1],
      [Kind.AuthUserGrantRole, grantRole("al", "r"), "done", 1],
      [Kind.AuthRoleDelete, encodeAuthRoleDeleteRequest({ role: "r" }), "done", 1],
      [Kind.AuthRoleDelete, encodeAuthRoleDeleteRequest({ role: "r" }), "roleNotFound", 0],
      [Kind.AuthUserChangePassword, changePassword("al", { hashedPassword: "bmV3" }), "done", 1],
      [Kind.AuthUserChangePassword, changePassword("x", { hashedPassword: "bmV3" }), "userNotFound", 0],
      [Kind.AuthUserDelete, encodeAuthUserDeleteRequest({ name: "al" }), "done", 1],
      [Kind.AuthUserDelete, encodeAuthUserDeleteRequest({ name: "al" }), "userNotFound", 0],
      [Kind.AuthEnable, EMPTY_BYTES, "done", 0],
      [Kind.AuthEnable, EMPTY_BYTES, "done", 0],
      [Kind.AuthUserDelete, encodeAuthUserDeleteRequest({ name: "root" }), "invalidAuthManagement", 0],
      [Kind.AuthRoleDelete, encodeAuthRoleDeleteRequest({ role: "root" }), "invalidAuthManagement", 0],
      [Kind.AuthUserRevokeRole, revokeRole("root", "root"), "invalidAuthManagement", 0],
      [Kind.AuthDisable, EMPTY_BYTES, "done", 1],
      [Kind.AuthUserRevokeRole, revokeRole("root", "root"), "done", 1],
    ];
    for (const [i, [kind, request, expected, counts]] of changes.entries()) {
      const before = machine.auth.state.revision;
      const [result] = machine.runAs(ROOT_CALLER, [kind, request]);
      const outcome = typeof result === "string" ? result : "done";
      expect({ i, outcome, counts: machine.auth.state.revision - before }).toEqual({ i, outcome: expected, counts });
    }
    expect(stored(machine, "authRoles", "r")).toBeUndefined();
    expect(stored(machine, "auth", "authEnabled")).toBe("\0");
  });

  it("keep the type of a permission that is given again, and several of one key", () => {
    const machine = new AuthMachine();
    machine.run(
      [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" })],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, "b")],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, "a", "c")],
      [Kind.AuthRoleGrantPermission, grantPermission("r", WRITE, "a", "c")],
      [Kind.AuthRoleGrantPermission, grantPermission("r", READ, "a", "d")],
      // Only the first one of a key is compared.
      [Kind.AuthRoleGrantPermission, grantPermission("r", READWRITE, "a", "d")],
    );
    const perms = machine.auth.state.roles.get("r")?.keyPermission ?? [];
    expect(
      perms.map(({ key, permType, rangeEnd }) => [latin1FromBytes(key), latin1FromBytes(rangeEnd), permType]),
    ).toEqual([
      ["a", "c", WRITE],
      ["a", "d", READ],
      ["a", "d", READWRITE],
      ["b", "", READ],
    ]);
  });

  it("hash a password that an old member's entry holds in plain text, and take none for a user without", () => {
    const machine = new AuthMachine();
    machine.run(
      [Kind.AuthUserAdd, userAdd("old", { password: "pw", hashedPassword: "" })],
      [Kind.AuthUserAdd, userAdd("none", { password: "pw", options: createUserAddOptions({ noPassword: true }) })],
      [Kind.AuthUserChangePassword, changePassword("none", { hashedPassword: base64FromBytes(utf8Bytes("x")) })],
      [Kind.AuthUserAdd, userAdd("lines", { hashedPassword: "aGFz\r\naA==" })],
      [Kind.AuthUserAdd, userAdd("empty", { hashedPassword: "" })],
    );
    const passwords = ["old", "none", "lines", "empty"].map((name) =>
      latin1FromBytes(machine.auth.state.users.get(name)?.password ?? utf8Bytes("no user")),
    );
    expect(passwords).toEqual(["hash of pw", "", "hash", ""]);
  });

  it("are read again by a member that starts, and after a snapshot took their place", () => {
    const machine = AuthMachine.enabled();
    machine.runAs(ROOT_CALLER, [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" })]);
    const again = new AuthMachine(undefined, machine.backend.copy());
    expect(again.auth.state).toMatchObject({ isEnabled: true, revision: machine.auth.state.revision });
    expect(again.auth.state.isRoot("root")).toBe(true);

    const tokens = new SimpleTokens(1000, () => 0);
    const joined = new AuthMachine(tokens, new MapBackend());
    tokens.assign("u", "abc", 5);
    expect(joined.auth.checks.admin({ username: "x", authRevision: 1 })).toBeUndefined();
    for (const bucket of ["auth", "authUsers", "authRoles"] as const) {
      for (const { key, value } of machine.backend.list(bucket)) joined.backend.put(bucket, key, value);
    }
    joined.auth.reload();
    expect(joined.auth.state.users.names()).toEqual(["root", "user"]);
    expect(joined.auth.checks.admin({ username: "x", authRevision: 1 })).toBe("userNotFound");
    // Its user may be gone, or have another password, since before the snapshot.
    expect(tokens.size).toBe(0);
    tokens.assign("u", "abc", 5);
    joined.backend.put("auth", utf8Bytes("authEnabled"), Uint8Array.of(0));
    joined.auth.reload();
    expect(tokens.size).toBe(0);
  });
});

describe("logins in the log", () => {
  it("give a token that every member knows, named after the entry before", () => {
    let nowMs = 0;
    const tokens = new SimpleTokens(1000, () => nowMs);
    const machine = AuthMachine.enabled(tokens);
    const index = machine.nextIndex;
    const [result] = machine.run([Kind.Authenticate, authenticate("user", "abcdefghijklmnop")]);

    expect(result).toEqual({
      username: "user",
      authRevision: machine.auth.state.revision,
      tokenPrefix: "abcdefghijklmnop",
      entryIndex: index,
    });
    // etcd 3.4 names the entry itself.
    for (const named of [index - 1, index]) expect(tokens.userOf(`abcdefghijklmnop.${named}`)).toBe("user");
    for (const wrong of [
      `abcdefghijklmnop.${index + 1}`,
      `abcdefghijklmnop.${index - 2}`,
      "abcdefghijklmnop",
      "x.1",
      `${index}`,
    ]) {
      expect({ wrong, user: tokens.userOf(wrong) }).toEqual({ wrong, user: undefined });
    }
    nowMs = 999;
    expect(tokens.userOf(`abcdefghijklmnop.${index}`)).toBe("user");
    nowMs = 1998;
    expect(tokens.userOf(`abcdefghijklmnop.${index}`)).toBe("user");
    nowMs = 2998;
    expect(tokens.userOf(`abcdefghijklmnop.${index}`)).toBeUndefined();
    tokens.sweep();
    expect(tokens.size).toBe(0);
  });

  it("are refused where users do not count, to nobody, and to users without a password", () => {
    const machine = new AuthMachine();
    expect(machine.run([Kind.Authenticate, authenticate("user", "a")])).toEqual(["authNotEnabled"]);
    const enabled = AuthMachine.enabled(new SimpleTokens(1000, () => 0));
    enabled.runAs(ROOT_CALLER, [
      Kind.AuthUserAdd,
      userAdd("no", { options: createUserAddOptions({ noPassword: true }) }),
    ]);
    expect(
      enabled.run([Kind.Authenticate, authenticate("x", "a")], [Kind.Authenticate, authenticate("no", "b")]),
    ).toEqual(["authFailed", "authFailed"]);
  });

  it("are void after another password, without the user, and when users do not count any more", () => {
    const tokens = new SimpleTokens(1000, () => 0);
    const machine = AuthMachine.enabled(tokens);
    const login = (name: string, prefix: string): void =>
      void machine.run([Kind.Authenticate, authenticate(name, prefix)]);
    // Without a prefix, as from a member with signed tokens, there is nothing to keep.
    login("user", "");
    expect(tokens.size).toBe(0);
    login("user", "aa");
    login("user", "bb");
    login("root", "cc");
    machine.runAs(ROOT_CALLER, [Kind.AuthUserChangePassword, changePassword("user", { hashedPassword: "bmV3" })]);
    expect(tokens.size).toBe(1);
    login("user", "dd");
    machine.runAs(ROOT_CALLER, [Kind.AuthUserDelete, encodeAuthUserDeleteRequest({ name: "user" })]);
    expect(tokens.size).toBe(1);
    machine.runAs(ROOT_CALLER, [Kind.AuthDisable, EMPTY_BYTES]);
    expect(tokens.size).toBe(0);
  });
});
