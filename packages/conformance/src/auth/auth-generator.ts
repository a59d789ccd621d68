import type { SeededChoice } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { adminRequest } from "./admin-requests.ts";
import type { AuthStep, Sender } from "./auth-step.ts";
import { type AuthWorld, LEASES, ROOT } from "./auth-world.ts";

/** What a release is not to be asked, because its state would then differ for good. See `auth-changes.ts`. */
export interface Restraints {
  /** Transactions inside transactions, and leases and previous values of puts in them, are not looked at: up to 3.4 and 3.5.27. */
  readonly plainTxns: boolean;
  /** Leases are granted and ended for nobody, too, and anybody may compact and raise alarms. */
  readonly guardedWrites: boolean;
  /** Permissions for ranges the wrong way round are taken; a password may be changed to an empty one. */
  readonly validPermissions: boolean;
}

/** Draws steps from a seed and from what the world is believed to be. */
export class AuthGenerator {
  readonly #choice: SeededChoice;
  readonly #world: AuthWorld;
  readonly #restraints: Restraints;

  constructor(choice: SeededChoice, world: AuthWorld, restraints: Restraints) {
    this.#choice = choice;
    this.#world = world;
    this.#restraints = restraints;
  }

  next(): AuthStep {
    switch (
      this.#choice.weighted({ read: 24, write: 26, txn: 14, lease: 12, stream: 12, admin: 14, cluster: 8, login: 8 })
    ) {
      case "read":
        return this.#call("KV/Range", this.#rangeRequest());
      case "write":
        return this.#write();
      case "txn":
        return this.#call("KV/Txn", this.#txnRequest(this.#restraints.plainTxns ? 0 : 2));
      case "lease":
        return this.#lease();
      case "stream":
        return this.#stream();
      case "admin":
        return this.#admin();
      case "cluster":
        return this.#cluster();
      default:
        return this.#login();
    }
  }

  #sender(): Sender {
    switch (this.#choice.weighted({ user: 60, root: 8, nobody: 4, badToken: 3 })) {
      case "user":
        return { kind: "user", name: this.#choice.pick(this.#world.names.users) };
      case "root":
        return { kind: "user", name: ROOT };
      case "nobody":
        return { kind: "nobody" };
      default:
        return { kind: "badToken", token: this.#choice.pick(["x", "abcdefghijklmnop.1", "a.b", "Bearer a.1", ""]) };
    }
  }

  #call(method: string, request: Message, sender: Sender = this.#sender()): AuthStep {
    return { kind: "call", sender, method, request };
  }

  #rangeRequest(): Message {
    const { oneIn } = this.#draw();
    return {
      ...this.#world.range(),
      serializable: oneIn(2),
      count_only: oneIn(8),
      limit: String(oneIn(4) ? this.#choice.below(3) : 0),
      ...(oneIn(20) ? { key: Buffer.alloc(0) } : {}),
    };
  }

  #putRequest(isPlain: boolean): Message {
    const { oneIn } = this.#draw();
    const key = oneIn(40) ? Buffer.alloc(0) : this.#world.key();
    const value = Buffer.from(String(this.#choice.below(100)));
    if (isPlain) return { key, value };
    return { key, value, prev_kv: oneIn(4), lease: oneIn(4) ? this.#choice.pick(LEASES) : "0" };
  }

  #deleteRequest(): Message {
    return { ...this.#world.range(), prev_kv: this.#choice.oneIn(3) };
  }

  #write(): AuthStep {
    if (this.#choice.oneIn(4)) return this.#call("KV/DeleteRange", this.#deleteRequest());
    return this.#call("KV/Put", this.#putRequest(false));
  }

  #txnRequest(depth: number): Message {
    const ops = (): readonly Message[] => Array.from({ length: this.#choice.below(3) }, () => this.#op(depth));
    const compare = Array.from({ length: this.#choice.below(3) }, () => ({
      ...this.#world.range(),
      result: this.#choice.below(4),
      target: 0,
      version: String(this.#choice.below(3)),
    }));
    return { compare, success: ops(), failure: ops() };
  }

  #op(depth: number): Message {
    switch (this.#choice.weighted({ range: 4, put: 4, delete: 2, txn: depth > 0 ? 2 : 0 })) {
      case "range":
        return { request_range: { ...this.#world.range(), serializable: this.#choice.oneIn(2) } };
      case "put":
        return { request_put: this.#putRequest(this.#restraints.plainTxns) };
      case "delete":
        return { request_delete_range: this.#deleteRequest() };
      default:
        return { request_txn: this.#txnRequest(depth - 1) };
    }
  }

  #lease(): AuthStep {
    const id = this.#choice.pick(LEASES);
    const any = this.#sender();
    // Up to 3.4 nobody may do these, too.
    const guarded: Sender =
      this.#restraints.guardedWrites && any.kind === "nobody" ? { kind: "user", name: ROOT } : any;
    switch (this.#choice.weighted({ grant: 4, revoke: 2, ttl: 4, leases: 2 })) {
      case "grant":
        return this.#call("Lease/LeaseGrant", { ID: id, TTL: "5000" }, guarded);
      case "revoke":
        return this.#call("Lease/LeaseRevoke", { ID: id }, guarded);
      case "ttl":
        return this.#call("Lease/LeaseTimeToLive", { ID: id, keys: this.#choice.oneIn(2) }, any);
      default:
        return this.#call("Lease/LeaseLeases", {}, any);
    }
  }

  #stream(): AuthStep {
    const sender = this.#sender();
    if (this.#choice.oneIn(3)) {
      return { kind: "stream", sender, method: "Lease/LeaseKeepAlive", request: { ID: this.#choice.pick(LEASES) } };
    }
    const create_request = {
      ...this.#world.range(),
      ...(this.#choice.oneIn(10) ? { key: Buffer.alloc(0) } : {}),
      start_revision: this.#choice.oneIn(10) ? "1000000" : "0",
    };
    return { kind: "stream", sender, method: "Watch/Watch", request: { create_request } };
  }

  /** Mostly by root, so that most of it happens. */
  #admin(): AuthStep {
    const sender: Sender = this.#choice.oneIn(4) ? this.#sender() : { kind: "user", name: ROOT };
    const { method, request } = adminRequest(this.#choice, this.#world, this.#restraints.validPermissions);
    return this.#call(method, request, sender);
  }

  #cluster(): AuthStep {
    const sender = this.#sender();
    const isRoot = sender.kind === "user" && sender.name === ROOT;
    const compact: readonly [string, Message] = ["KV/Compact", { revision: "1" }];
    const raise: readonly [string, Message] = ["Maintenance/Alarm", { action: 2, alarm: 1, memberID: "1" }];
    const anybody: readonly (readonly [string, Message])[] = [
      ["Cluster/MemberList", { linearizable: this.#choice.oneIn(2) }],
      ["Cluster/MemberRemove", { ID: "77" }],
      ["Cluster/MemberPromote", { ID: "77" }],
      ["Cluster/MemberAdd", { peerURLs: ["nonsense"] }],
      ["Maintenance/Status", {}],
      ["Maintenance/Alarm", {}],
      ["Maintenance/Defragment", {}],
      ["Maintenance/Hash", {}],
      ["Maintenance/HashKV", {}],
      ["Maintenance/MoveLeader", { targetID: "77" }],
      ...(this.#restraints.guardedWrites && !isRoot ? [] : [compact, raise]),
    ];
    const [method, request] = this.#choice.pick(anybody);
    return this.#call(method, request, sender);
  }

  #login(): AuthStep {
    const name = this.#choice.oneIn(6) ? ROOT : this.#world.user();
    const right = this.#world.passwords.get(name);
    return { kind: "login", name, password: right === undefined || this.#choice.oneIn(6) ? "wrong" : right };
  }

  #draw(): { readonly oneIn: (n: number) => boolean } {
    return { oneIn: (n) => this.#choice.oneIn(n) };
  }
}
