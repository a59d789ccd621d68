import type { Logger } from "@quorate/base";
import {
  createClusterMemberAttrSetRequest,
  createMemberAttributes,
  type ErrorCode,
  encodeClusterMemberAttrSetRequest,
} from "@quorate/protocol";
import { type ApplyResult, RequestKind } from "../core/index.ts";

const RETRY_MS = 100;

export interface PublisherDeps {
  readonly memberId: bigint;
  readonly name: string;
  readonly clientUrls: readonly string[];
  readonly logger: Logger;
  /** Proposes a request; `done` gets its result, or the code it failed with, refusals included. Never called synchronously. */
  readonly propose: (kind: number, request: Uint8Array, done: (result: ApplyResult | ErrorCode) => void) => void;
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
    const { clientUrls, logger, memberId, name, propose } = this.#deps;
    const request = encodeClusterMemberAttrSetRequest(
      createClusterMemberAttrSetRequest({
        memberId,
        memberAttributes: createMemberAttributes({ name, clientUrls: [...clientUrls] }),
      }),
    );
    propose(RequestKind.ClusterMemberAttrSet, request, (result) => {
      if (this.#isStopped) return;
      if (typeof result !== "string") {
        done();
        return;
      }
      logger.warn("failed to publish local member to cluster", { error: result });
      this.#timer = setTimeout(() => this.#attempt(done), RETRY_MS);
    });
  }
}
