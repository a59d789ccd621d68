import type { Call, Metadata, PeerInfo } from "@quorate/grpc";
import type { ErrorCode } from "@quorate/protocol";
import type { Caller } from "../../core/index.ts";
import { AppliedWaits } from "./applied-waits.ts";
import type { TokenProvider } from "./token-provider.ts";

const BEARER = "Bearer ";

export interface AuthenticatorDeps {
  readonly provider: TokenProvider;
  /** Whether users count, and the revision that they are at. */
  readonly state: { readonly isEnabled: boolean; readonly revision: number };
  /** Whether the common name of a client's certificate says who it is (`--client-cert-auth`). */
  readonly byCertificate: boolean;
  readonly appliedIndex: () => number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** A token of a log index that does not come is looked at after so long. */
  readonly waitMs: number;
}

/** Finds out on whose behalf a call is made: by its token, or else by its certificate. gRPC API page, section 11.2. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #waits: AppliedWaits;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
    this.#waits = new AppliedWaits(deps);
  }

  /** The caller as of now, an error for a bad token, undefined for nobody. Only to be asked while users count. */
  identify({ metadata, peer }: Pick<Call, "metadata" | "peer">): Caller | ErrorCode | undefined {
    const token = tokenOf(metadata);
    if (token === undefined) return this.#byCertificate(metadata, peer);
    const { provider, state } = this.#deps;
    return provider.callerOf(token, state.revision) ?? "invalidAuthToken";
  }

  /** The same for a token that came another way. */
  identifyToken(token: string): Caller | ErrorCode {
    const { provider, state } = this.#deps;
    return provider.callerOf(withoutBearer(token), state.revision) ?? "invalidAuthToken";
  }

  /**
   * The log index to wait for before a call can be identified: another member may have given out its token in an entry that is not
   * applied here. Undefined where it can be told at once.
   */
  awaitedIndex({ metadata }: Pick<Call, "metadata">): number | undefined {
    const token = tokenOf(metadata);
    if (token === undefined) return undefined;
    const { appliedIndex, provider, state } = this.#deps;
    const index = provider.indexOf(token);
    // A token names the entry before the one that brings it.
    if (index === 0 || index < appliedIndex() || provider.callerOf(token, state.revision) !== undefined)
      return undefined;
    return index + 1;
  }

  /** Runs a callback, which holds on to so many bytes, once everything up to `index` is applied, or after a while. */
  whenApplied(index: number, bytes: number, run: () => void): void {
    this.#waits.whenApplied(index, bytes, run);
  }

  /** Something was applied. */
  applied(): void {
    this.#waits.applied();
  }

  /** Lets go of what has waited too long, and of old tokens; call it about once a second. */
  visit(): void {
    this.#deps.provider.sweep();
    this.applied();
  }

  #byCertificate(metadata: Metadata, peer: PeerInfo): Caller | undefined {
    if (!this.#deps.byCertificate || peer.certificate === undefined) return undefined;
    // The gateway's own certificate says nothing about its clients.
    if (metadata.get("grpcgateway-accept") !== undefined) return undefined;
    return { username: peer.certificate.commonName ?? "", authRevision: this.#deps.state.revision };
  }
}

/** The token that was sent, if one was. */
export function tokenOf(metadata: Metadata): string | undefined {
  const given = metadata.get("token") ?? metadata.get("authorization");
  return given === undefined ? undefined : withoutBearer(given);
}

function withoutBearer(token: string): string {
  return token.startsWith(BEARER) ? token.slice(BEARER.length) : token;
}
