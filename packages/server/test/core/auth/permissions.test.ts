import { describe, expect, it } from "@jest/globals";
import { EMPTY_BYTES, utf8Bytes } from "@quorate/base";
import {
  createAuthUserAddRequest,
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  encodeAuthRoleAddRequest,
  encodeAuthRoleGetRequest,
  encodeAuthUserAddRequest,
  encodeAuthUserGetRequest,
  encodeDeleteRangeRequest,
  encodeLeaseGrantRequest,
  encodeLeaseRevokeRequest,
  encodePutRequest,
  encodeTxnRequest,
  type RequestOp,
  type TxnRequest,
} from "@quorate/protocol";
import { type ApplyResult, type Caller, RequestKind as Kind, NOBODY } from "@quorate/server/core";
import { AuthMachine, type Request, ROOT_CALLER } from "./auth-machine.ts";

type Fields<T> = Omit<Partial<T>, "key" | "rangeEnd"> & { readonly key: string; readonly end?: string };

const keys = ({ key, end = "" }: { readonly key: string; readonly end?: string }) => ({
  key: utf8Bytes(key),
  rangeEnd: utf8Bytes(end),
});
const put = (key: string, fields: Parameters<typeof createPutRequest>[0] = {}): Request => [
  Kind.Put,
  encodePutRequest(createPutRequest({ key: utf8Bytes(key), ...fields })),
];
const del = (fields: Fields<{ prevKv: boolean }>): Request => [
  Kind.DeleteRange,
  encodeDeleteRangeRequest(createDeleteRangeRequest({ ...keys(fields), prevKv: fields.prevKv ?? false })),
];
const txn = (fields: Partial<TxnRequest>): Request => [Kind.Txn, encodeTxnRequest(createTxnRequest(fields))];
const rangeOp = (key: string, end = ""): RequestOp =>
  createRequestOp({ requestRange: createRangeRequest(keys({ key, end })) });
const putOp = (key: string, fields: Parameters<typeof createPutRequest>[0] = {}): RequestOp =>
  createRequestOp({ requestPut: createPutRequest({ key: utf8Bytes(key), ...fields }) });
const deleteOp = (key: string, prevKv = false): RequestOp =>
  createRequestOp({ requestDeleteRange: createDeleteRangeRequest({ ...keys({ key }), prevKv }) });
const revoke = (id: bigint): Request => [Kind.LeaseRevoke, encodeLeaseRevokeRequest({ id })];

/** How a request ended: its error, or ok. */
const outcome = (result: ApplyResult | undefined): string => (typeof result === "string" ? result : "ok");

class Fixture {
  readonly machine: AuthMachine = AuthMachine.enabled();

  /** The user, who reads [a, f), writes [c, d), and both x, as of now. */
  get user(): Caller {
    return { username: "user", authRevision: this.machine.auth.state.revision };
  }

  as(caller: Caller | undefined, request: Request): string {
    return outcome(this.machine.runAs(caller, request)[0]);
  }

  ask(request: Request): string {
    return this.as(this.user, request);
  }
}

describe("what goes into the log", () => {
  it("is refused to nobody, to users that are not there, and to those who know an old revision", () => {
    const fixture = new Fixture();
    const { authRevision } = fixture.user;

    expect(fixture.as(undefined, put("x"))).toBe("userEmpty");
    expect(fixture.as(NOBODY, put("x"))).toBe("userEmpty");
    expect(fixture.as({ username: "gone", authRevision }, put("x"))).toBe("permissionDenied");
    expect(fixture.as({ username: "user", authRevision: authRevision - 1 }, put("x"))).toBe("authOldRevision");
    expect(fixture.as({ username: "root", authRevision: authRevision - 1 }, put("x"))).toBe("authOldRevision");
    // A signed token may be of a revision that is still to come here.
    expect(fixture.as({ username: "user", authRevision: authRevision + 1 }, put("x"))).toBe("ok");
    expect(fixture.as({ username: "root", authRevision }, put("anything"))).toBe("ok");
    expect(fixture.machine.store.revision).toBe(3);
  });

  it("needs permission to write, and to read what it asks for from before", () => {
    const fixture = new Fixture();

    expect(fixture.ask(put("c"))).toBe("ok");
    expect(fixture.ask(put("d"))).toBe("permissionDenied");
    expect(fixture.ask(put("c", { prevKv: true }))).toBe("ok");
    expect(fixture.ask(del({ key: "c", end: "d" }))).toBe("ok");
    expect(fixture.ask(del({ key: "c", end: "d\0" }))).toBe("permissionDenied");
    expect(fixture.ask(del({ key: "c", end: "\0" }))).toBe("permissionDenied");
    expect(fixture.ask(del({ key: "c", end: "d", prevKv: true }))).toBe("ok");
    expect(fixture.ask(del({ key: "x", prevKv: true }))).toBe("ok");
  });

  it("needs permission for every comparison and operation of a transaction, taken or not, also in those inside", () => {
    const fixture = new Fixture();
    const compare = (key: string, end = ""): Partial<TxnRequest> => ({ compare: [createCompare(keys({ key, end }))] });
    const nested = (fields: Partial<TxnRequest>): RequestOp =>
      createRequestOp({ requestTxn: createTxnRequest(fields) });

    expect(fixture.ask(txn({ ...compare("a", "f"), success: [rangeOp("b", "e"), putOp("c"), deleteOp("x")] }))).toBe(
      "ok",
    );
    for (const refused of [
      compare("a", "g"),
      { success: [rangeOp("f")] },
      { failure: [rangeOp("f")] },
      { success: [putOp("c"), putOp("d")] },
      { failure: [deleteOp("a")] },
      { success: [nested(compare("z"))] },
      { failure: [nested({ failure: [nested({ success: [putOp("a")] })] })] },
    ]) {
      expect({ refused, outcome: fixture.ask(txn(refused)) }).toEqual({ refused, outcome: "permissionDenied" });
    }
    expect(fixture.ask(txn({ success: [deleteOp("c", true), putOp("x", { prevKv: true })] }))).toBe("ok");
    expect(fixture.as(undefined, txn({ success: [putOp("c")] }))).toBe("userEmpty");
  });

  it("needs permission to write all keys of a lease, to end it or to add one", () => {
    const fixture = new Fixture();
    const { machine } = fixture;
    const lease = 5n;
    expect(fixture.ask([Kind.LeaseGrant, encodeLeaseGrantRequest({ id: lease, ttl: 60 })])).toBe("ok");
    expect(fixture.ask(put("c", { lease }))).toBe("ok");
    expect(fixture.ask(put("x", { lease }))).toBe("ok");
    expect(fixture.as(ROOT_CALLER, put("z", { lease }))).toBe("ok");

    expect(fixture.ask(put("c\0", { lease }))).toBe("permissionDenied");
    expect(fixture.ask(txn({ success: [putOp("c\0", { lease })] }))).toBe("permissionDenied");
    expect(fixture.ask(revoke(lease))).toBe("permissionDenied");
    // A lease that is not there has no keys.
    expect(fixture.ask(revoke(6n))).toBe("leaseNotFound");
    expect(fixture.as(undefined, revoke(lease))).toBe("userEmpty");
    expect(fixture.as(ROOT_CALLER, del({ key: "z" }))).toBe("ok");
    expect(fixture.ask(revoke(lease))).toBe("ok");
    expect(machine.store.keyCount).toBe(0);
  });

  it("is root's alone where users and roles are changed or listed", () => {
    const fixture = new Fixture();
    const add: Request = [Kind.AuthUserAdd, encodeAuthUserAddRequest(createAuthUserAddRequest({ name: "new" }))];
    const { authRevision } = fixture.user;

    expect(fixture.as(undefined, add)).toBe("userEmpty");
    expect(fixture.as({ username: "gone", authRevision }, add)).toBe("userNotFound");
    expect(fixture.ask(add)).toBe("permissionDenied");
    for (const kind of [Kind.AuthUserList, Kind.AuthRoleList, Kind.AuthEnable, Kind.AuthDisable]) {
      expect(fixture.ask([kind, EMPTY_BYTES])).toBe("permissionDenied");
    }
    expect(fixture.machine.auth.state.revision).toBe(authRevision);
    // Which revision root knows does not matter here.
    expect(fixture.as({ username: "root", authRevision: 1 }, add)).toBe("ok");
    expect(fixture.as(undefined, [Kind.AuthStatus, EMPTY_BYTES])).toBe("ok");
  });

  it("lets users ask for themselves and for the roles they have", () => {
    const fixture = new Fixture();
    const get = (name: string): Request => [Kind.AuthUserGet, encodeAuthUserGetRequest({ name })];
    const role = (name: string): Request => [Kind.AuthRoleGet, encodeAuthRoleGetRequest({ role: name })];
    fixture.as(ROOT_CALLER, [Kind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "other" })]);

    expect(fixture.ask(get("user"))).toBe("ok");
    expect(fixture.ask(get("root"))).toBe("permissionDenied");
    expect(fixture.ask(role("r"))).toBe("ok");
    expect(fixture.ask(role("other"))).toBe("permissionDenied");
    expect(fixture.as(undefined, role("r"))).toBe("userEmpty");
    expect(fixture.as(ROOT_CALLER, get("user"))).toBe("ok");
  });

  it("follows changes of roles at once", () => {
    const fixture = new Fixture();
    expect(fixture.ask(put("x"))).toBe("ok");
    fixture.machine.auth.state.roles.delete("r");
    fixture.machine.auth.state.changed();
    expect(fixture.ask(put("x"))).toBe("permissionDenied");
  });
});
