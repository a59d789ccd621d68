import type { Logger } from "@quorate/base";

const MINUTE_MS = 60_000;
/** All tables are verified so often, or more often. Reliability page, rule E3: at least daily. */
const ROUND_MS = 12 * 60 * MINUTE_MS;
/** The longest and the shortest time between two tables, however few or many there are. */
const PACE_MAX_MS = 5 * MINUTE_MS;
const PACE_MIN_MS = 250;
/** Size of a table that the engine has filled, bytes. */
const TABLE_BYTES = 4 * 1024 * 1024;

/** What verifies tables, one at a time: `LevelBackend`. */
export interface Scrubbed {
  scrub(after: string | undefined, done: (error: Error | undefined, verified: string | undefined) => void): void;
  sizeBytes(): number;
}

export interface ScrubDeps {
  readonly backend: Scrubbed;
  readonly logger: Logger;
  /** Damage was found: nothing may be served from this state any more. */
  readonly fatal: (error: Error) => void;
  /** Runs a callback once, later; the result cancels it. */
  readonly startTimer: (run: () => void, delayMs: number) => () => void;
}

/**
 * Verifies what lies on the disk while nobody reads it, table by table, round after round, so that a file that has gone bad is known
 * within a day and not when the copies of it are gone too. Reliability page, D8 and E3.
 */
export class Scrub {
  readonly #deps: ScrubDeps;
  #after: string | undefined;
  #verified = 0;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(deps: ScrubDeps) {
    this.#deps = deps;
  }

  /** Verifies the first table after a while, then one after the other until {@link stop}. */
  start(): void {
    this.#wait();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** Verifies the next table now; one at a time. */
  verifyNext(): void {
    const { backend, fatal, logger } = this.#deps;
    this.#cancel?.();
    backend.scrub(this.#after, (error, verified) => {
      if (this.#isStopped) return;
      if (error !== undefined) {
        logger.error("damaged data found on disk", { error: error.message });
        fatal(error);
        return;
      }
      if (verified !== undefined) this.#verified++;
      else if (this.#verified > 0) {
        logger.info("verified the tables of the engine", { tables: this.#verified });
        this.#verified = 0;
      }
      this.#after = verified;
      this.#wait();
    });
  }

  #wait(): void {
    if (this.#isStopped) return;
    const tables = Math.max(1, this.#deps.backend.sizeBytes() / TABLE_BYTES);
    const delayMs = Math.min(PACE_MAX_MS, Math.max(PACE_MIN_MS, ROUND_MS / tables));
    this.#cancel = this.#deps.startTimer(() => this.verifyNext(), delayMs);
  }
}

/** A timer that does not keep the process alive. */
export function startQuietTimer(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}
