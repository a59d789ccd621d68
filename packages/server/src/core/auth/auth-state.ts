import { utf8Bytes } from "@quorate/base";
import type { Backend } from "@quorate/mvcc";
import { decodeRole, encodeRole, PermissionType, type Role, type User } from "@quorate/protocol";
import { bigEndianNumber, readBigEndianNumber } from "../big-endian.ts";
import { ROOT } from "./caller.ts";
import { KeyIntervals } from "./key-intervals.ts";
import { RecordTable } from "./record-table.ts";
import { USER_RECORD } from "./user-record.ts";

const ENABLED = utf8Bytes("authEnabled");
const REVISION = utf8Bytes("authRevision");

/** What a user may read and write over all roles. */
export interface UserPermissions {
  readonly read: KeyIntervals;
  readonly write: KeyIntervals;
}

/**
 * Users, roles and whether they count, in etcd's buckets `auth`, `authUsers` and `authRoles`; changed only by applied entries. File
 * formats page, section 2.3; gRPC API page, section 11.
 */
export class AuthState {
  readonly #backend: Backend;
  readonly users: RecordTable<User>;
  readonly roles: RecordTable<Role>;
  /** Of the users that were asked about since the last change. */
  readonly #permissions = new Map<string, UserPermissions>();
  #isEnabled = false;
  #revision = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.users = new RecordTable(backend, "authUsers", USER_RECORD);
    this.roles = new RecordTable(backend, "authRoles", { encode: encodeRole, decode: decodeRole });
    this.reload();
  }

  /** Whether requests need a user. The one test that the hot path makes while they do not. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Goes up by one with every change of users and roles; 1 at the beginning. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads everything again from the backend: at start, and after a snapshot was installed. */
  reload(): void {
    const enabled = this.#backend.get("auth", ENABLED);
    this.#isEnabled = enabled?.length === 1 && enabled[0] === 1;
    const revision = this.#backend.get("auth", REVISION);
    this.#revision = revision === undefined ? 0 : readBigEndianNumber(revision);
    this.users.reload();
    this.roles.reload();
    this.#permissions.clear();
    // Every member begins with 1 by itself: nothing in the log says so. Peer protocol page, section 13.3.
    if (this.#revision === 0) this.changed();
  }

  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#backend.put("auth", ENABLED, Uint8Array.of(isEnabled ? 1 : 0));
  }

  /** Something was changed: what was known by the last revision is old. */
  changed(): void {
    this.#revision += 1;
    this.#backend.put("auth", REVISION, bigEndianNumber(this.#revision));
    this.#permissions.clear();
  }

  /** Whether the user is there and holds the role root. */
  isRoot(username: string): boolean {
    return this.users.get(username)?.roles.includes(ROOT) === true;
  }

  /** None for a user that is not there. PERF: O(permissions of the user) after a change, a map lookup otherwise. */
  permissionsOf(username: string): UserPermissions {
    const known = this.#permissions.get(username);
    if (known !== undefined) return known;
    const permissions = { read: new KeyIntervals(), write: new KeyIntervals() };
    const user = this.users.get(username);
    // Names that are no user's must not fill the memory.
    if (user === undefined) return permissions;
    for (const role of user.roles) {
      for (const { key, permType, rangeEnd } of this.roles.get(role)?.keyPermission ?? []) {
        if (permType === PermissionType.READ || permType === PermissionType.READWRITE)
          permissions.read.add(key, rangeEnd);
        if (permType === PermissionType.WRITE || permType === PermissionType.READWRITE)
          permissions.write.add(key, rangeEnd);
      }
    }
    this.#permissions.set(username, permissions);
    return permissions;
  }
}
