import type { ErrorCode } from "@quorate/protocol";
import { PeerRequestError } from "./peer/index.ts";

/** A failed attempt to reach the leader is followed by the next after so long; etcd's figure. */
const RETRY_MS = 50;

export interface LeaderLinkDeps {
  readonly leaderPeerUrls: () => readonly string[];
  readonly requestTimeoutMs: number;
  readonly electionTimeoutMs: number;
  readonly nowMs: () => number;
}

/** How one attempt at one URL came out: an answer, a refusal that is final, or nothing. */
export type Attempt<T> = { readonly value: T } | { readonly refused: ErrorCode } | "unreachable";

/** Has requests that only the leader can answer answered by it. Peer protocol page, section 2. */
export class LeaderLink {
  readonly #deps: LeaderLinkDeps;

  constructor(deps: LeaderLinkDeps) {
    this.#deps = deps;
  }

  /**
   * Asks the leader, and whoever is leader next, until one answers or the time is up. Resolves with the answer or an error
   * code: `noLeader` if none showed up for an election timeout, `timeout`.
   */
  async ask<T>(attempt: (url: string) => Promise<Attempt<T>>): Promise<{ readonly value: T } | ErrorCode> {
    const { electionTimeoutMs, leaderPeerUrls, nowMs, requestTimeoutMs } = this.#deps;
    const deadlineMs = nowMs() + requestTimeoutMs;
    let leaderSeenMs = nowMs();
    while (nowMs() < deadlineMs) {
      const urls = leaderPeerUrls();
      if (urls.length > 0) leaderSeenMs = nowMs();
      else if (nowMs() - leaderSeenMs > electionTimeoutMs) return "noLeader";
      for (const url of urls) {
        const outcome = await attempt(url);
        if (outcome === "unreachable") continue;
        return "refused" in outcome ? outcome.refused : outcome;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return "timeout";
  }
}

const LEASE_NOT_FOUND_STATUS = 404;

/** The answer to `request`, or what its refusal means: a lease nobody knows is final, everything else is tried again. */
export async function leaseAttempt<T>(request: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await request };
  } catch (error) {
    const isUnknown = error instanceof PeerRequestError && error.status === LEASE_NOT_FOUND_STATUS;
    return isUnknown ? { refused: "leaseNotFound" } : "unreachable";
  }
}
