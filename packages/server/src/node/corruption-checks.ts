import type { Logger } from "@quorate/base";
import type { Store } from "@quorate/mvcc";
import type { ErrorCode } from "@quorate/protocol";
import {
  type CurrentHash,
  compareCompaction,
  firstSuspicion,
  hexId,
  membersThatDiffer,
  type PeerAnswer,
} from "../core/index.ts";
import type { Timers } from "./background.ts";
import type { ServerConfig } from "./config/index.ts";
import type { Member } from "./member.ts";
import type { PeerClient } from "./peer/index.ts";
import { PeerHashes } from "./peer-hashes.ts";
import { requestTimeoutMs } from "./request-timeout.ts";

export interface CorruptionChecksDeps {
  readonly memberId: bigint;
  readonly store: Pick<Store, "hashKv" | "compactionHashes" | "revision">;
  /** What the other members answer for a revision; never rejects. */
  readonly askPeers: (revision: number) => Promise<readonly PeerAnswer[]>;
  readonly logger: Logger;
}

/** What the leader needs besides. */
export interface LeaderChecksDeps extends CorruptionChecksDeps {
  readonly isLeader: () => boolean;
  /** Asks a quorum whether this member still leads, and waits until it has applied what that knew of. */
  readonly linearizableRead: (ready: () => void, failed: (code: ErrorCode) => void) => void;
  /** Asks, through the log, for the CORRUPT alarm of a member. */
  readonly raiseCorrupt: (memberId: bigint) => void;
}

/** What a member that is opened so far has for its checks. */
export function corruptionChecksDeps(
  config: ServerConfig,
  { membership, storage, store }: Member,
  client: PeerClient,
  logger: Logger,
): CorruptionChecksDeps {
  const { clusterId, memberId } = storage.identity;
  const peers = new PeerHashes({
    memberId,
    clusterId,
    members: () => membership.list(),
    client,
    timeoutMs: requestTimeoutMs(config),
    logger,
  });
  return { memberId, store, askPeers: (revision) => peers.ask(revision), logger };
}

/**
 * The feature `InitialCorruptCheck`: whether this member's data, just opened, is that of the others. Rejects in etcd's words if not. Members that do not answer, or have
 * compacted otherwise, say nothing either way. Peer protocol page, section 17.
 */
export async function checkInitially({ askPeers, logger, memberId, store }: CorruptionChecksDeps): Promise<void> {
  const fields = { "local-member-id": hexId(memberId) };
  logger.info("starting initial corruption check", fields);
  const own = await hashOf(store, 0);
  const peers = await askPeers(own.hashRevision);
  const different = membersThatDiffer(own, peers);
  for (const id of different) {
    logger.warn("found different hash values from remote peer", {
      ...fields,
      "local-member-revision": own.hashRevision,
      "local-member-hash": own.hash,
      "remote-peer-id": hexId(id),
    });
  }
  if (different.length > 0) throw new Error(`${hexId(memberId)} found data inconsistency with peers`);
  const compared = peers.filter(({ answer }) => answer?.compactRevision === own.compactRevision).length;
  logger.info("initial corruption checking passed; no corruption", { ...fields, "peers-compared": compared });
}

/** What the leader finds out about all members' data while they serve; only one comparison at a time. */
export class CorruptionChecks {
  readonly #deps: LeaderChecksDeps;
  #isRunning = false;
  /** The newest compaction at which all members had the same. */
  #checkedRevision = 0;

  constructor(deps: LeaderChecksDeps) {
    this.#deps = deps;
  }

  /** Has the comparisons made at the times that the configuration says, whoever leads by then. */
  schedule(timers: Timers, { compactHashCheckTimeMs, corruptCheckTimeMs, featureGates }: ServerConfig): void {
    if (corruptCheckTimeMs > 0) timers.every(corruptCheckTimeMs, () => this.compareNewest());
    if (featureGates.CompactHashCheck) timers.every(compactHashCheckTimeMs, () => this.compareCompactions());
  }

  /** `--corrupt-check-time`: compares the newest state. */
  compareNewest(): void {
    this.#run("failed to check hash KV", () => this.#compareNewest());
  }

  /** `CompactHashCheck`: compares what members stored at compactions, newest first, until one could be compared with all. */
  compareCompactions(): void {
    this.#run("failed to check compaction hashes", () => this.#compareCompactions());
  }

  #run(failure: string, check: () => Promise<void>): void {
    if (this.#isRunning || !this.#deps.isLeader()) return;
    this.#isRunning = true;
    void check()
      .catch((error: unknown) =>
        this.#deps.logger.warn(failure, { error: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => {
        this.#isRunning = false;
      });
  }

  async #compareNewest(): Promise<void> {
    const { askPeers, logger, memberId, raiseCorrupt, store } = this.#deps;
    const first = await hashOf(store, 0);
    const peers = await askPeers(first.hashRevision);
    await this.#confirmed();
    const second = await hashOf(store, 0);
    const suspicion = firstSuspicion({ self: memberId, first, second, peers });
    if (suspicion !== undefined) {
      const { memberId: suspect, reason } = suspicion;
      logger.error(reason, { "member-id": hexId(suspect), revision: first.hashRevision });
      raiseCorrupt(suspect);
    }
    const answered = peers.filter(({ answer }) => answer !== undefined).length;
    logger.info("finished peer corruption check", { "number-of-peers-checked": answered });
  }

  async #compareCompactions(): Promise<void> {
    const { askPeers, logger, memberId, raiseCorrupt, store } = this.#deps;
    const unchecked = store.compactionHashes.filter(({ revision }) => revision > this.#checkedRevision);
    for (const own of [...unchecked].reverse()) {
      const fields = { revision: own.revision, "compact-revision": own.compactRevision };
      const peers = await askPeers(own.revision);
      if (peers.length === 0) return;
      const verdict = compareCompaction(memberId, own, peers);
      if (verdict.kind === "equal") {
        logger.info("successfully checked hash on whole cluster", fields);
        this.#checkedRevision = Math.max(this.#checkedRevision, own.revision);
        return;
      }
      if (verdict.kind === "different") {
        const suspects = verdict.suspects.map(hexId);
        logger.error("Detected compaction hash mismatch", { ...fields, "leader-hash": own.hash, suspects });
        for (const id of verdict.suspects) raiseCorrupt(id);
        return;
      }
      logger.warn("skipped revision in compaction hash check; was not able to check all peers", {
        ...fields,
        "number-of-peers-checked": verdict.checked,
        "number-of-peers": peers.length,
      });
    }
  }

  #confirmed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#deps.linearizableRead(resolve, (code) => reject(new Error(code)));
    });
  }
}

function hashOf(
  store: Pick<Store, "hashKv">,
  revision: number,
): Promise<CurrentHash & { readonly hashRevision: number }> {
  return new Promise((resolve, reject) => {
    store.hashKv(revision, (code, result) => {
      if (result === undefined) reject(new Error(code));
      else resolve(result);
    });
  });
}
