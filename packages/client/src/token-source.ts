import type { EtcdError } from "./etcd-error.ts";
import { isEtcdError } from "./etcd-error.ts";
import type { TimeLimit } from "./time-limit.ts";

const REFUSALS: ReadonlySet<string> = new Set(["invalidAuthToken", "authOldRevision", "userEmpty"]);
/** How servers word the same where they do not translate it, such as etcd 3.4 and 3.5 for snapshots. */
const UNTRANSLATED: ReadonlySet<string> = new Set([
  "auth: invalid auth token",
  "auth: revision in header is old",
  "auth: user name is empty",
]);

/**
 * How many tokens that were fetched after a refusal may be refused in a row: any change of users or roles makes signed ones old, so
 * that a new one may be old again.
 */
export const TOKEN_RENEWALS_MAX = 2;

/** Asks the server for a token. */
export type Authenticate = () => Promise<string>;

/**
 * The token that calls carry. With a name and password it is fetched when first needed, by one call for all that wait, and
 * again after the server refused it. While authentication is off there is none; it is asked for again when a call is refused.
 */
export class TokenSource {
  readonly #authenticate: Authenticate | undefined;
  #token: string | undefined;
  #known: boolean;
  #pending: Promise<void> | undefined;

  /** Either a token that never changes, or the way to one, or neither. */
  constructor(fixed: string | undefined, authenticate: Authenticate | undefined) {
    this.#token = fixed;
    this.#authenticate = authenticate;
    this.#known = authenticate === undefined;
  }

  /**
   * The token, undefined for none. Rejects with what the server says to the name and password, and when `limit` is over: the fetching goes
   * on then for the others that wait.
   */
  async current(limit: TimeLimit): Promise<string | undefined> {
    if (!this.#known) await this.#fetch(limit);
    return this.#token;
  }

  /** True for an answer after which another token may help. Source: reference of etcd's errors, section 4, token refresh. */
  refuses(error: EtcdError): boolean {
    if (this.#authenticate === undefined) return false;
    return REFUSALS.has(error.code) || UNTRANSLATED.has(error.message);
  }

  /** Fetches another token unless `used`, which was refused, has been replaced already; tells whether it did. Rejects as `current`. */
  async renew(used: string | undefined, limit: TimeLimit): Promise<boolean> {
    if (this.#known && this.#token === used) this.#known = false;
    if (this.#known) return false;
    await this.#fetch(limit);
    return true;
  }

  async #fetch(limit: TimeLimit): Promise<void> {
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    await limit.race(this.#pending);
    // It may have come in the very moment in which the caller gave up.
    limit.check();
  }

  async #ask(): Promise<void> {
    if (this.#authenticate === undefined) return;
    try {
      this.#token = await this.#authenticate();
    } catch (error) {
      if (!isEtcdError(error, "authNotEnabled")) throw error;
      this.#token = undefined;
    }
    this.#known = true;
  }
}
