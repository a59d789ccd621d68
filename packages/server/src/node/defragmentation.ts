import type { Checkpoints } from "../core/index.ts";
import type { PhysicalCompaction } from "./background.ts";
import type { DiskMetrics } from "./metrics/index.ts";

export interface DefragmentationDeps {
  readonly compaction: Pick<PhysicalCompaction, "whenDone">;
  readonly checkpoints: () => Pick<Checkpoints, "renew">;
  /** Gives the space of deleted records back to the file system. */
  readonly compactFiles: (done: (error?: Error) => void) => void;
  readonly metrics: DiskMetrics;
}

/**
 * Gives back the space of removed revisions while requests go on. What revision compaction is about to remove counts, and a checkpoint
 * must have taken it out of the engine before its files can shrink. One at a time: who comes meanwhile waits for a run of its own, as
 * what has been removed since is meant too.
 */
export class Defragmentation {
  readonly #deps: DefragmentationDeps;
  #isRunning = false;
  #waiting: ((error?: Error) => void)[] = [];

  constructor(deps: DefragmentationDeps) {
    this.#deps = deps;
  }

  run(done: (error?: Error) => void): void {
    this.#waiting.push(done);
    this.#begin();
  }

  #begin(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    const { checkpoints, compactFiles, compaction, metrics } = this.#deps;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isRunning = true;
    const beginMs = performance.now();
    metrics.defragInflight.set(1);
    const finish = (error?: Error): void => {
      this.#isRunning = false;
      metrics.defragInflight.set(0);
      metrics.backendDefrag.observe((performance.now() - beginMs) / 1000);
      for (const done of waiting) done(error);
      this.#begin();
    };
    compaction.whenDone(() => checkpoints().renew(() => compactFiles(finish)));
  }
}
