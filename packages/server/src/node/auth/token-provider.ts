import { randomBytes } from "node:crypto";
import type { ErrorCode } from "@quorate/protocol";
import {
  type AuthenticateResult,
  type Caller,
  NO_TOKENS,
  SimpleTokens,
  simpleTokenText,
  type TokenKeeper,
} from "../../core/index.ts";

/** One kind of tokens (`--auth-token`). gRPC API page, section 11.2. */
export interface TokenProvider {
  /** What applied entries tell of tokens. */
  readonly keeper: TokenKeeper;
  /** What the entry of a login carries; empty where members need not be told of the token. */
  newPrefix(): string;
  /** The token for a user who has logged in, or why there is none. `hasOldMembers`: some may be older than etcd 3.5. */
  issue(login: AuthenticateResult, hasOldMembers: boolean): { readonly token: string } | ErrorCode;
  /** Whose token it is; undefined for one that is not valid. `authRevision`: the current one. */
  callerOf(token: string, authRevision: number): Caller | undefined;
  /** The log index without which it cannot be said whether the token is valid; 0 for none. */
  indexOf(token: string): number;
  /** Forgets what is out of date; call it about once a second. */
  sweep(): void;
}

const PREFIX_LETTERS = 16;
/** No release makes longer ones: whose token has one need not wait to be refused. */
const PREFIX_LETTERS_MAX = 64;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/** Bytes from here on are thrown away, so that every letter is as likely as any other. */
const FAIR_BYTES = 256 - (256 % LETTERS.length);

/** Tokens that every member keeps in memory. */
export class SimpleTokenProvider implements TokenProvider {
  readonly keeper: SimpleTokens;

  constructor(ttlMs: number, nowMs: () => number) {
    this.keeper = new SimpleTokens(ttlMs, nowMs);
  }

  newPrefix(): string {
    let prefix = "";
    while (prefix.length < PREFIX_LETTERS) {
      for (const byte of randomBytes(PREFIX_LETTERS)) {
        if (byte < FAIR_BYTES && prefix.length < PREFIX_LETTERS) prefix += LETTERS[byte % LETTERS.length];
      }
    }
    return prefix;
  }

  issue({ entryIndex, tokenPrefix }: AuthenticateResult, hasOldMembers: boolean): { readonly token: string } {
    return { token: simpleTokenText(tokenPrefix, entryIndex, hasOldMembers) };
  }

  callerOf(token: string, authRevision: number): Caller | undefined {
    const username = this.keeper.userOf(token);
    return username === undefined ? undefined : { username, authRevision };
  }

  indexOf(token: string): number {
    return token.indexOf(".") > PREFIX_LETTERS_MAX ? 0 : (SimpleTokens.indexOf(token) ?? 0);
  }

  sweep(): void {
    this.keeper.sweep();
  }
}

/** No tokens at all (`--auth-token=`): users are known by their certificates. */
export const NO_TOKEN_PROVIDER: TokenProvider = {
  keeper: NO_TOKENS,
  newPrefix: () => "",
  issue: () => "authFailed",
  callerOf: () => undefined,
  indexOf: () => 0,
  sweep: () => {},
};
