/** More tokens are not kept: the oldest go first. */
const TOKENS_MAX = 1_000_000;
const INDEX = /^\d{1,20}$/;

/** The tokens that members have given out; told of by applied entries, in their order. */
export interface TokenKeeper {
  /** The entry at `entryIndex` gives `username` the token that begins with `prefix`. */
  assign(username: string, prefix: string, entryIndex: number): void;
  /** The tokens of a user are void. */
  forgetUser(username: string): void;
  /** All tokens are void. */
  forgetAll(): void;
}

/** For tokens that say themselves whose they are. */
export const NO_TOKENS: TokenKeeper = { assign: () => {}, forgetUser: () => {}, forgetAll: () => {} };

interface KnownToken {
  readonly username: string;
  readonly entryIndex: number;
  expiresMs: number;
}

/**
 * The text of the token that is given out. Members of etcd 3.4 name the entry that brings it, later ones the entry before that, and know
 * the token by that name alone.
 */
export function simpleTokenText(prefix: string, entryIndex: number, hasOldMembers: boolean): string {
  return `${prefix}.${hasOldMembers ? entryIndex : entryIndex - 1}`;
}

/**
 * Simple tokens, `<16 letters>.<log index>`: every member keeps all of them, each with a clock of its own. They are lost with the
 * process. gRPC API page, section 11.2; peer protocol page, section 13.3.
 */
export class SimpleTokens implements TokenKeeper {
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  /** By prefix. */
  readonly #tokens = new Map<string, KnownToken>();

  /** `ttlMs`: a token that was not used for so long is void. `nowMs`: a clock that never goes back. */
  constructor(ttlMs: number, nowMs: () => number) {
    this.#ttlMs = ttlMs;
    this.#nowMs = nowMs;
  }

  /** Number of tokens. */
  get size(): number {
    return this.#tokens.size;
  }

  assign(username: string, prefix: string, entryIndex: number): void {
    // A member with another kind of tokens sends none, and what is left could be guessed.
    if (prefix === "") return;
    if (this.#tokens.size >= TOKENS_MAX) this.#forgetOldest();
    this.#tokens.set(prefix, { username, entryIndex, expiresMs: this.#nowMs() + this.#ttlMs });
  }

  forgetUser(username: string): void {
    for (const [prefix, token] of this.#tokens) if (token.username === username) this.#tokens.delete(prefix);
  }

  forgetAll(): void {
    this.#tokens.clear();
  }

  /** Forgets tokens whose time is over; call it now and then. PERF: O(tokens). */
  sweep(): void {
    const nowMs = this.#nowMs();
    for (const [prefix, token] of this.#tokens) if (token.expiresMs <= nowMs) this.#tokens.delete(prefix);
  }

  /** Whose token it is, undefined for one that is not known, or not any more. Its time begins anew. */
  userOf(text: string): string | undefined {
    const index = SimpleTokens.indexOf(text);
    if (index === undefined) return undefined;
    const token = this.#tokens.get(text.slice(0, text.indexOf(".")));
    const nowMs = this.#nowMs();
    // Members of etcd 3.4 name the entry itself, later ones the one before it.
    if (token === undefined || token.expiresMs <= nowMs || token.entryIndex - index > 1 || index > token.entryIndex) {
      return undefined;
    }
    token.expiresMs = nowMs + this.#ttlMs;
    return token.username;
  }

  /** The log index that a token names: a member that has not applied it may not know the token yet. Undefined if it is none. */
  static indexOf(text: string): number | undefined {
    const [, index, ...rest] = text.split(".");
    return index !== undefined && rest.length === 0 && INDEX.test(index) ? Number(index) : undefined;
  }

  #forgetOldest(): void {
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}
