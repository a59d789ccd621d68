/** Names that are no UTF-8: members of etcd before 3.7 take them, and put them into the log. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import { bytesFromLatin1, EMPTY_BYTES, latin1FromBytes } from "@quorate/base";
import { createPutRequest, encodePutRequest } from "@quorate/protocol";
import { EntryType } from "@quorate/raft";
import { RequestKind as Kind, PendingRequests, SimpleTokens } from "@quorate/server/core";
import { requestEntry } from "../machine.ts";
import { AuthMachine, type Request, ROOT_CALLER } from "./auth-machine.ts";

const HASHED = "aGFzaA==";
const REPLACEMENT = "\xef\xbf\xbd";

/** A message of length-delimited fields, each by its number, of which the values are latin1. */
function message(fields: Readonly<Record<number, string>>): Uint8Array {
  const parts = Object.entries(fields).map(
    ([id, value]) => String.fromCharCode(Number(id) * 8 + 2, value.length) + value,
  );
  return bytesFromLatin1(parts.join(""));
}

const userAdd = (name: string): Request => [Kind.AuthUserAdd, message({ 1: name, 4: HASHED })];
const userDelete = (name: string): Request => [Kind.AuthUserDelete, message({ 1: name })];
const roleAdd = (name: string): Request => [Kind.AuthRoleAdd, message({ 1: name })];
const roleDelete = (name: string): Request => [Kind.AuthRoleDelete, message({ 1: name })];
const grantRole = (name: string, role: string): Request => [Kind.AuthUserGrantRole, message({ 1: name, 2: role })];
/** Reads and writes `key`: permission type 2, which is no length-delimited field, and a key. */
const permit = (role: string, key: string): Request => [
  Kind.AuthRoleGrantPermission,
  message({ 1: role, 2: `\x08\x02${latin1FromBytes(message({ 2: key }))}` }),
];

function keysOf(machine: AuthMachine, bucket: "authUsers" | "authRoles"): readonly string[] {
  return machine.backend.list(bucket).map(({ key }) => latin1FromBytes(key));
}

function userRecord(machine: AuthMachine, name: string): string {
  return latin1FromBytes(machine.backend.get("authUsers", bytesFromLatin1(name)) ?? EMPTY_BYTES);
}

describe("names that are no UTF-8", () => {
  let machine: AuthMachine;
  let tokens: SimpleTokens;

  beforeEach(() => {
    tokens = new SimpleTokens(1000, () => 0);
    machine = AuthMachine.enabled(tokens);
    machine.runAs(
      ROOT_CALLER,
      ...["\xff", "\xfe", REPLACEMENT].flatMap((name) => [userAdd(name), roleAdd(name)]),
      roleAdd("plain"),
      permit("\xff", "k"),
      userAdd("\xfd"),
      grantRole("\xfd", "plain"),
      grantRole("\xfd", "\xfe"),
      permit("\xfe", "k"),
      grantRole("\xff", "\xff"),
      grantRole("\xff", "plain"),
      grantRole("\xff", "\xfe"),
      grantRole(REPLACEMENT, REPLACEMENT),
    );
  });

  it("are those of different users and roles, stored byte for byte", () => {
    expect(keysOf(machine, "authUsers")).toEqual(["root", "user", REPLACEMENT, "\xfd", "\xfe", "\xff"]);
    expect(keysOf(machine, "authRoles")).toEqual(["plain", "r", REPLACEMENT, "\xfe", "\xff"]);
    expect(userRecord(machine, "\xff")).toBe('\n\x01\xff\x12\x04hash\x1a\x05plain\x1a\x01\xfe\x1a\x01\xff"\0');
    expect(machine.runAs(ROOT_CALLER, userAdd("\xff"), roleAdd("\xfe"))).toEqual([
      "userAlreadyExist",
      "roleAlreadyExist",
    ]);
  });

  it("are left alone when others are deleted", () => {
    machine.runAs(ROOT_CALLER, grantRole("\xfd", "\xff"), roleDelete("plain"), roleDelete("\xfe"), userDelete("\xfe"));
    expect(userRecord(machine, "\xfd")).toBe('\n\x01\xfd\x12\x04hash\x1a\x01\xff"\0');
    // In etcd no role is taken from a user of such a name, since it is not found among all users.
    expect(userRecord(machine, "\xff")).toBe('\n\x01\xff\x12\x04hash\x1a\x05plain\x1a\x01\xfe\x1a\x01\xff"\0');
    expect(userRecord(machine, REPLACEMENT)).toBe(`\n\x03${REPLACEMENT}\x12\x04hash\x1a\x03${REPLACEMENT}"\0`);
    expect(keysOf(machine, "authUsers")).toEqual(["root", "user", REPLACEMENT, "\xfd", "\xff"]);
  });

  it("are read again", () => {
    const again = new AuthMachine(undefined, machine.backend.copy());
    again.auth.reload();
    const { users } = again.auth.state;
    // etcd, too, lists none that begins with this byte.
    expect(users.names()).toEqual(["root", "user", "\ufffd", "\udcfd", "\udcfe"]);
    expect(users.get("\udcff")?.roles).toEqual(["plain", "\udcfe", "\udcff"]);
  });

  it("say on whose behalf an entry is", () => {
    const put = (username: string): unknown =>
      machine.runAs({ username, authRevision: 1_000_000 }, [
        Kind.Put,
        encodePutRequest(createPutRequest({ key: bytesFromLatin1("k") })),
      ])[0];
    expect(["\udcfd", "\udcff", "\udcfe", "\ufffd", "\udc80"].map(put)).toMatchObject([
      { revision: 2 },
      { revision: 3 },
      "permissionDenied",
      "permissionDenied",
      "permissionDenied",
    ]);
    const caller = { username: "\udcff", authRevision: 1 };
    expect(latin1FromBytes(requestEntry(Kind.Put, EMPTY_BYTES, 1, undefined, caller))).toContain(
      "\x12\x01\xff\x18\x01",
    );
  });

  it("get tokens", () => {
    const index = machine.nextIndex;
    machine.run([Kind.Authenticate, message({ 1: "\xff", 2: "p\xffw", 3: "abc" })]);
    expect(tokens.userOf(`abc.${index}`)).toBe("\udcff");
    machine.runAs(ROOT_CALLER, userDelete("\xfe"));
    expect(tokens.size).toBe(1);
    machine.runAs(ROOT_CALLER, userDelete("\xff"));
    expect(tokens.size).toBe(0);
  });

  it("are told to whoever asks here", () => {
    expect(
      machine.runAs(
        ROOT_CALLER,
        [Kind.AuthUserGet, message({ 1: "\xff" })],
        [Kind.AuthRoleGet, message({ 1: REPLACEMENT })],
        [Kind.AuthUserGet, message({ 1: "\xfc" })],
      ),
    ).toEqual([{ roles: ["plain", "\udcfe", "\udcff"] }, { permissions: [] }, "userNotFound"]);
  });
});

describe("a question about a user or a role", () => {
  it("is not looked at where nobody waits for its answer", () => {
    const machine = AuthMachine.enabled();
    const truncated = Uint8Array.of(0x0a, 5, 0x61);
    for (const kind of [Kind.AuthUserGet, Kind.AuthRoleGet, Kind.AuthStatus]) {
      const index = machine.nextIndex++;
      const data = requestEntry(kind, truncated, index, 8, ROOT_CALLER);
      machine.applier.apply({ term: 2, index, type: EntryType.Normal, data }, new PendingRequests());
    }
    expect(machine.run([Kind.AuthStatus, EMPTY_BYTES])).toMatchObject([{ enabled: true }]);
  });
});
