import type { Logger } from "@quorate/base";
import { encodeCompactionRequest } from "@quorate/protocol";
import { type ApplyResult, AutoCompaction, type AutoCompactionMode, RequestKind } from "../core/index.ts";

export interface AutoCompactorDeps {
  readonly isLeader: () => boolean;
  /** The store's current revision. */
  readonly revision: () => number;
  /** Proposes a request; `done` is called once it was applied or given up. False when refused at once. */
  readonly propose: (kind: number, request: Uint8Array, done: (result: ApplyResult) => void) => boolean;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** Has the leader compact revisions by itself, as `--auto-compaction-mode` and `-retention` say. Server configuration page, section 2.11. */
export class AutoCompactor {
  readonly #mode: AutoCompactionMode["mode"];
  readonly #compaction: AutoCompaction;
  readonly #deps: AutoCompactorDeps;

  constructor(mode: AutoCompactionMode, deps: AutoCompactorDeps) {
    this.#mode = mode.mode;
    this.#compaction = new AutoCompaction(mode, deps.nowMs());
    this.#deps = deps;
  }

  /** Call it several times a second. */
  visit(): void {
    const { isLeader, logger, nowMs, propose } = this.#deps;
    const beganMs = nowMs();
    const revision = this.#compaction.visit(beganMs, this.#deps.revision(), isLeader());
    if (revision === undefined) return;
    logger.info(`starting auto ${this.#mode} compaction`, { revision });
    const ended = (error: string | undefined): void => {
      this.#compaction.done(revision, error === undefined, nowMs());
      const took = `${Math.round(nowMs() - beganMs)}ms`;
      if (error === undefined) logger.info(`completed auto ${this.#mode} compaction`, { revision, took });
      else logger.warn(`failed auto ${this.#mode} compaction`, { revision, error });
    };
    const request = encodeCompactionRequest({ revision, physical: false });
    const wasTaken = propose(RequestKind.Compaction, request, (result) => {
      // Somebody else may have compacted as far meanwhile.
      ended(typeof result === "string" && result !== "compacted" ? result : undefined);
    });
    if (!wasTaken) ended("refused");
  }
}
