import type { ErrorCode } from "@quorate/protocol";
import { PeerHttpError, PeerRequestError } from "./peer/index.ts";

/** A failed attempt to reach the leader is followed by the next after so long; etcd's figure. */
const RETRY_MS = 50;

export interface LeaderLinkDeps {
  /** Whether this member leads. */
  readonly isLeader: () => boolean;
  /** Peer URLs of the leader, another member; empty if none is known. */
  readonly leaderPeerUrls: () => readonly string[];
  readonly requestTimeoutMs: number;
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
   * Asks the leader, and whoever is leader next, until one answers or the time is up: by `attempt`, at a URL and within so many ms, or
   * by `own` where this member has come to lead. Resolves with the answer or an error code: what it was refused with, `timeout`, or
   * `noLeader` if there is none at the end.
   */
  async ask<T>(
    attempt: (url: string, timeoutMs: number) => Promise<Attempt<T>>,
    own: () => Promise<Attempt<T>>,
  ): Promise<{ readonly value: T } | ErrorCode> {
    const { isLeader, leaderPeerUrls, nowMs, requestTimeoutMs } = this.#deps;
    const deadlineMs = nowMs() + requestTimeoutMs;
    const timeLeftMs = (): number => deadlineMs - nowMs();
    while (timeLeftMs() > 0) {
      const asks = isLeader() ? [own] : leaderPeerUrls().map((url) => () => attempt(url, timeLeftMs()));
      for (const ask of asks) {
        if (timeLeftMs() <= 0) break;
        const outcome = await ask();
        if (outcome === "unreachable") continue;
        return "refused" in outcome ? outcome.refused : outcome;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return isLeader() || leaderPeerUrls().length > 0 ? "timeout" : "noLeader";
  }
}

const LEASE_NOT_FOUND_STATUS = 404;

/** The answer to `request`, another member's or our own as we would tell another, or what its refusal means: a lease nobody knows is final, everything else is tried again. */
export async function leaseAttempt<T>(request: Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await request };
  } catch (error) {
    const isAnswer = error instanceof PeerRequestError || error instanceof PeerHttpError;
    return isAnswer && error.status === LEASE_NOT_FOUND_STATUS ? { refused: "leaseNotFound" } : "unreachable";
  }
}
