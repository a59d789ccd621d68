import { EMPTY_BYTES, utf8Bytes } from "@quorate/base";
import type { MapBackend } from "@quorate/mvcc/testing";
import {
  createAuthRoleGrantPermissionRequest,
  createAuthUserAddRequest,
  createPermission,
  encodeAuthRoleAddRequest,
  encodeAuthRoleGrantPermissionRequest,
  encodeAuthUserAddRequest,
  encodeAuthUserGrantRoleRequest,
  PermissionType,
} from "@quorate/protocol";
import { EntryType } from "@quorate/raft";
import { type ApplyResult, type Caller, PendingRequests, RequestKind, type TokenKeeper } from "@quorate/server/core";
import { Answer, Machine, requestEntry } from "../machine.ts";

export type Request = readonly [kind: number, request: Uint8Array];

/** Of any revision there will be. */
export const ROOT_CALLER: Caller = { username: "root", authRevision: 1_000_000 };

/** A state machine that is given requests on behalf of callers. */
export class AuthMachine extends Machine {
  /** Of the next entry. */
  nextIndex = 1;

  constructor(tokens?: TokenKeeper, backend?: MapBackend) {
    super(undefined, backend, undefined, tokens);
  }

  /** Users count: `root`, and `user`, whose role `r` reads [a, f), writes [c, d) and both reads and writes x. */
  static enabled(tokens?: TokenKeeper): AuthMachine {
    const machine = new AuthMachine(tokens);
    const user = (name: string): Request => [
      RequestKind.AuthUserAdd,
      encodeAuthUserAddRequest(createAuthUserAddRequest({ name, hashedPassword: "aGFzaA==" })),
    ];
    const grant = (name: string, role: string): Request => [
      RequestKind.AuthUserGrantRole,
      encodeAuthUserGrantRoleRequest({ user: name, role }),
    ];
    const permit = (permType: number, key: string, end: string): Request => [
      RequestKind.AuthRoleGrantPermission,
      encodeAuthRoleGrantPermissionRequest(
        createAuthRoleGrantPermissionRequest({
          name: "r",
          perm: createPermission({ permType, key: utf8Bytes(key), rangeEnd: utf8Bytes(end) }),
        }),
      ),
    ];
    machine.run(
      user("root"),
      user("user"),
      grant("root", "root"),
      [RequestKind.AuthRoleAdd, encodeAuthRoleAddRequest({ name: "r" })],
      permit(PermissionType.READ, "a", "c"),
      permit(PermissionType.READ, "b", "f"),
      permit(PermissionType.WRITE, "c", "d"),
      permit(PermissionType.READWRITE, "x", ""),
      grant("user", "r"),
      [RequestKind.AuthEnable, EMPTY_BYTES],
    );
    return machine;
  }

  /** Applies requests in nobody's name, one entry each, and gives what they came to. */
  run(...requests: readonly Request[]): ApplyResult[] {
    return this.runAs(undefined, ...requests);
  }

  runAs(caller: Caller | undefined, ...requests: readonly Request[]): ApplyResult[] {
    const pending = new PendingRequests();
    return requests.map(([kind, request]) => {
      const index = this.nextIndex++;
      const answer = new Answer();
      pending.add(index, answer, 0);
      const data = requestEntry(kind, request, index, undefined, caller);
      this.applier.apply({ term: 2, index, type: EntryType.Normal, data }, pending);
      this.applier.commit(index);
      return answer.result as ApplyResult;
    });
  }
}
