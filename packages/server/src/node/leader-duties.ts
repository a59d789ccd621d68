import type { Logger } from "@quorate/base";
import type { Lessor } from "@quorate/mvcc";
import {
  createDowngradeInfoSetRequest,
  type ErrorCode,
  encodeDowngradeInfoSetRequest,
  encodeLeaseCheckpointRequest,
  encodeLeaseRevokeRequest,
} from "@quorate/protocol";
import {
  type ApplyResult,
  type Counts,
  decideClusterVersion,
  isDowngradeComplete,
  LeaseExpiry,
  type Membership,
  RequestKind,
} from "../core/index.ts";
import type { ClusterFacts } from "./cluster-facts.ts";

/** Leases are looked at so often, and the versions of the members; etcd's figures. */
const LEASE_VISIT_MS = 500;
const VERSION_VISIT_MS = 4000;
/** The same while it cannot be said yet what all members understand. */
const VERSION_RETRY_MS = 200;
/** Checkpoints of leases in one entry. */
const LEASE_CHECKPOINTS_MAX = 1000;

export interface LeaderDutiesDeps {
  readonly counts: Counts;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly electionTimeoutMs: number;
  /** How often it is looked whether a downgrade is over; 0: never. */
  readonly downgradeCheckTimeMs: number;
  /** Proposes a request; `done` is called once it was applied or given up. False when refused at once. */
  readonly propose: (kind: number, request: Uint8Array, done: (result: ApplyResult | ErrorCode) => void) => boolean;
  /** Asks a quorum whether this member still leads, and calls one of the two. */
  readonly confirmLeadership: (confirmed: () => void, failed: () => void) => void;
  readonly facts: ClusterFacts;
}

/**
 * What only the leader does: it ends leases, checkpoints their remaining time, settles the cluster version, and ends downgrades. Peer
 * protocol page, sections 13.5, 16 and 18.
 */
export class LeaderDuties {
  readonly #deps: LeaderDutiesDeps;
  readonly #expiry: LeaseExpiry;
  #leads = false;
  #nextLeaseMs = 0;
  #nextVersionMs = 0;
  #nextDowngradeMs = 0;
  #isAskingVersions = false;

  constructor(deps: LeaderDutiesDeps) {
    this.#deps = deps;
    this.#expiry = new LeaseExpiry({
      counts: deps.counts,
      lessor: deps.lessor,
      confirmLeadership: deps.confirmLeadership,
      proposeRevoke: (id, done) =>
        deps.propose(RequestKind.LeaseRevoke, encodeLeaseRevokeRequest({ id }), (result) =>
          done(typeof result !== "string"),
        ),
    });
  }

  /** The first entry of this leader's term is applied: what earlier leaders have done is known, its time begins. */
  begin(): void {
    const { electionTimeoutMs, lessor, nowMs } = this.#deps;
    // An empty entry in the middle of a term stands for a change of the membership that raft has refused.
    if (this.#leads) return;
    this.#leads = true;
    lessor.promote(nowMs(), electionTimeoutMs);
    this.#nextVersionMs = 0;
    this.visit();
  }

  /** Somebody else leads, or nobody: leases do not end here. */
  end(): void {
    if (!this.#leads) return;
    this.#leads = false;
    this.#deps.lessor.demote();
  }

  /** Does what is due; call it several times a second. */
  visit(): void {
    if (!this.#leads) return;
    const nowMs = this.#deps.nowMs();
    if (nowMs >= this.#nextLeaseMs) {
      this.#nextLeaseMs = nowMs + LEASE_VISIT_MS;
      this.#expiry.visit(nowMs);
      this.#checkpointLeases(nowMs);
    }
    if (nowMs >= this.#nextVersionMs && !this.#isAskingVersions) {
      this.#nextVersionMs = nowMs + VERSION_VISIT_MS;
      this.#settleVersion();
    }
    if (this.#deps.downgradeCheckTimeMs > 0 && nowMs >= this.#nextDowngradeMs) {
      this.#nextDowngradeMs = nowMs + this.#deps.downgradeCheckTimeMs;
      this.#endDowngrade();
    }
  }

  #checkpointLeases(nowMs: number): void {
    const checkpoints = this.#deps.lessor.checkpointsDue(nowMs, LEASE_CHECKPOINTS_MAX);
    if (checkpoints.length === 0) return;
    const request = encodeLeaseCheckpointRequest({
      checkpoints: checkpoints.map(({ id, remainingTtl }) => ({ id, remainingTtl })),
    });
    this.#deps.propose(RequestKind.LeaseCheckpoint, request, () => {});
  }

  #settleVersion(): void {
    this.#isAskingVersions = true;
    const { facts, logger, membership, nowMs } = this.#deps;
    void facts.ask().then(({ dialect, serverVersions }) => {
      this.#isAskingVersions = false;
      if (!this.#leads) return;
      const { clusterVersion: current, downgrade } = membership;
      const downgradeTarget = downgrade.enabled ? downgrade.targetVersion : undefined;
      const version = decideClusterVersion({ current, serverVersions, downgradeTarget });
      if (version === undefined) return;
      if (dialect === undefined) {
        this.#nextVersionMs = nowMs() + VERSION_RETRY_MS;
        return;
      }
      logger.info("setting the cluster version", { from: membership.clusterVersion, to: version });
      facts.setVersion(version, dialect);
    });
  }

  /** A downgrade is over when every member has arrived. */
  #endDowngrade(): void {
    const { facts, logger, membership, propose } = this.#deps;
    const { enabled, targetVersion } = membership.downgrade;
    if (!enabled) return;
    void facts.ask().then(({ serverVersions }) => {
      if (!this.#leads || !isDowngradeComplete(targetVersion, serverVersions)) return;
      logger.info("the cluster has been downgraded", { "cluster-version": targetVersion });
      propose(RequestKind.DowngradeInfoSet, encodeDowngradeInfoSetRequest(createDowngradeInfoSetRequest()), () => {});
    });
  }
}
