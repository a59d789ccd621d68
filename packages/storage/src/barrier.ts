import type { ConfState } from "@quorate/raft";

/**
 * A point at which the engine is known to hold exactly the effects of the log up to `index` (of term `term`): `revision` is
 * the store's current revision there, `confState` the configuration in force. Source: reliability rule E2.
 */
export interface Barrier {
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly confState: ConfState;
}
