import type { Call } from "@quorate/grpc";
import type { ErrorCode, TxnRequest } from "@quorate/protocol";
import { type Auth, type Caller, NOBODY, ROOT } from "../../core/index.ts";
import type { Authenticator } from "../auth/authenticator.ts";

/** What is needed of a call to know on whose behalf it is made. */
export type Identity = Pick<Call, "metadata" | "peer">;

/**
 * What calls may do, as of now: undefined, or why not. For reads of this member's own state, and for requests that are refused before
 * they are proposed; what goes into the log is checked again when it is applied. gRPC API page, section 11.4.
 */
export class Access {
  readonly #auth: Auth;
  readonly #authenticator: Authenticator;

  constructor(auth: Auth, authenticator: Authenticator) {
    this.#auth = auth;
    this.#authenticator = authenticator;
  }

  /** Whether users count. While they do not, nothing else here need be asked: that is all the hot path pays. */
  get isEnabled(): boolean {
    return this.#auth.state.isEnabled;
  }

  /** Of users and roles. */
  get revision(): number {
    return this.#auth.state.revision;
  }

  /** Who calls, for the header of an entry: nobody where users do not count, or none is named. */
  identify(call: Identity): Caller | ErrorCode {
    return (this.isEnabled ? this.#authenticator.identify(call) : undefined) ?? NOBODY;
  }

  /** The server itself. */
  root(): Caller {
    return this.isEnabled ? { username: ROOT, authRevision: this.revision } : NOBODY;
  }

  /** Any user will do, and need not even be there any more. */
  user(call: Identity): ErrorCode | undefined {
    if (!this.isEnabled) return undefined;
    const caller = this.#authenticator.identify(call);
    return typeof caller === "object" ? undefined : (caller ?? "userEmpty");
  }

  /** Only the role root. */
  admin(call: Identity): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.admin(caller));
  }

  /** The same for a token alone. */
  adminByToken(token: string | undefined): ErrorCode | undefined {
    if (!this.isEnabled) return undefined;
    const caller = token === undefined ? NOBODY : this.#authenticator.identifyToken(token);
    return typeof caller === "string" ? caller : this.#auth.checks.admin(caller);
  }

  read(call: Identity, key: Uint8Array, rangeEnd: Uint8Array): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.read(caller, key, rangeEnd));
  }

  /** A read that is answered from this member's state. A signed token may be of a revision that is still to come here. */
  localRead(call: Identity, key: Uint8Array, rangeEnd: Uint8Array): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.read(caller, key, rangeEnd) ?? this.#inTime(caller));
  }

  /** The same for a transaction of reads alone. */
  localTxn(call: Identity, request: TxnRequest): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.txn(caller, request) ?? this.#inTime(caller));
  }

  /** A transaction that is going to be proposed. */
  txn(call: Identity, request: TxnRequest): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.txn(caller, request));
  }

  renewLease(call: Identity, leaseId: bigint): ErrorCode | undefined {
    return this.user(call) ?? this.#with(call, (caller) => this.#auth.checks.leaseWrite(caller, leaseId));
  }

  /** Whoever asks for the keys of leases must be able to read them all. */
  leaseKeys(call: Identity, leaseIds: readonly bigint[]): ErrorCode | undefined {
    const { checks } = this.#auth;
    const firstOf = (caller: Caller): ErrorCode | undefined => {
      for (const id of leaseIds) {
        const refused = checks.leaseRead(caller, id);
        if (refused !== undefined) return refused;
      }
      return undefined;
    };
    return this.user(call) ?? this.#with(call, firstOf);
  }

  /** Keys of a lease that another member has told of. */
  toldKeys(call: Identity, keys: readonly Uint8Array[]): ErrorCode | undefined {
    return this.#with(call, (caller) => this.#auth.checks.keysRead(caller, keys));
  }

  #with(call: Identity, check: (caller: Caller) => ErrorCode | undefined): ErrorCode | undefined {
    if (!this.isEnabled) return undefined;
    const caller = this.#authenticator.identify(call) ?? NOBODY;
    return typeof caller === "string" ? caller : check(caller);
  }

  #inTime({ authRevision }: Caller): ErrorCode | undefined {
    return authRevision !== 0 && authRevision !== this.revision ? "authOldRevision" : undefined;
  }
}
