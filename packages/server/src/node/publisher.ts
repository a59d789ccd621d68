import type { Logger } from "@quorate/base";
import type { ErrorCode } from "@quorate/protocol";
import type { ApplyResult } from "../core/index.ts";

const RETRY_MS = 100;

export interface PublisherDeps {
  readonly logger: Logger;
  /**
   * Proposes this member's name and client URLs; resolves with the result, or the code it failed with, refusals included. Undefined
   * when it cannot be said yet how; never rejects.
   */
  readonly propose: () => Promise<ApplyResult | ErrorCode | undefined>;
}

/**
 * Tells the cluster this member's name and client URLs, again and again until the entry is applied here: this member has then
 * caught up with the cluster, and serves. Peer protocol page, section 15.
 */
export class Publisher {
  readonly #deps: PublisherDeps;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  /** Resolves when it is done; never where `stop` came before. */
  publish(): Promise<void> {
    return new Promise((resolve) => this.#attempt(resolve));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #attempt(done: () => void): void {
    const { logger, propose } = this.#deps;
    void propose().then((result) => {
      if (this.#isStopped) return;
      if (result !== undefined && typeof result !== "string") {
        done();
        return;
      }
      if (result !== undefined) logger.warn("failed to publish local member to cluster", { error: result });
      this.#timer = setTimeout(() => this.#attempt(done), RETRY_MS);
    });
  }
}
