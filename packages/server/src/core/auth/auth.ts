import { type Logger, NO_LOGGER } from "@quorate/base";
import type { Backend, Lessor } from "@quorate/mvcc";
import { AuthApplier } from "./auth-applier.ts";
import { AuthChanges } from "./auth-changes.ts";
import { AuthState } from "./auth-state.ts";
import { PermissionChecks } from "./permission-checks.ts";
import { NO_TOKENS, type TokenKeeper } from "./simple-tokens.ts";

export interface AuthDeps {
  readonly backend: Backend;
  readonly lessor: Lessor;
  /** See `AuthChangesDeps`. */
  readonly hashPassword: (password: string) => Uint8Array;
  /** Simple tokens; none by default. */
  readonly tokens?: TokenKeeper;
  readonly logger?: Logger;
}

/** Users, roles and permissions of a member: the state and what works on it. */
export class Auth {
  readonly state: AuthState;
  readonly checks: PermissionChecks;
  readonly applier: AuthApplier;
  readonly #tokens: TokenKeeper;

  constructor({ backend, hashPassword, lessor, logger = NO_LOGGER, tokens = NO_TOKENS }: AuthDeps) {
    this.#tokens = tokens;
    this.state = new AuthState(backend);
    this.checks = new PermissionChecks(this.state, lessor);
    const changes = new AuthChanges(this.state, {
      logger,
      hashPassword,
      forgetUser: (username) => tokens.forgetUser(username),
      forgetAll: () => tokens.forgetAll(),
    });
    this.applier = new AuthApplier({ state: this.state, changes, checks: this.checks, tokens });
  }

  /**
   * The backend holds another state now, that of a snapshot. Tokens were not part of it, nor what made some of them void: another
   * password, the end of a user.
   */
  reload(): void {
    this.state.reload();
    this.#tokens.forgetAll();
  }
}
