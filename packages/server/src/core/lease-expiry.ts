import type { Lessor } from "@quorate/mvcc";
import type { Counts } from "./counts.ts";

/** At most this many revocations are proposed at one visit, and this many wait for their entry at any time. */
const REVOKES_PER_VISIT_MAX = 500;
const REVOKES_IN_FLIGHT_MAX = 1000;

/** What the leader needs to end leases. */
export interface LeaseExpiryDeps {
  readonly counts: Counts;
  readonly lessor: Lessor;
  /**
   * Asks a quorum whether this member still leads: one that was paused or cut off may not know of its successor, with whom the
   * leases were renewed meanwhile. Calls one of the two, at once or later.
   */
  readonly confirmLeadership: (confirmed: () => void, failed: () => void) => void;
  /** Proposes the revocation; `done` is told once whether it took effect, as far as is known. False when refused at once. */
  readonly proposeRevoke: (leaseId: bigint, done: (revoked: boolean) => void) => boolean;
}

/** The leader's duty to revoke leases whose time is over, through the log like any other write. */
export class LeaseExpiry {
  readonly #deps: LeaseExpiryDeps;
  readonly #inFlight = new Set<bigint>();
  #isConfirming = false;

  constructor(deps: LeaseExpiryDeps) {
    this.#deps = deps;
  }

  /** Looks for expired leases; call every 500 ms while this member leads. A revocation that failed is tried again later. */
  visit(nowMs: number): void {
    const { confirmLeadership, lessor } = this.#deps;
    if (this.#isConfirming || lessor.nextExpiryMs > nowMs) return;
    this.#isConfirming = true;
    confirmLeadership(
      () => {
        this.#isConfirming = false;
        this.#revoke(nowMs);
      },
      () => {
        this.#isConfirming = false;
      },
    );
  }

  /** Leases renewed since `nowMs`, or all of them if another member leads now, are not among the expired any more. */
  #revoke(nowMs: number): void {
    for (const id of this.#deps.lessor.expired(nowMs, REVOKES_PER_VISIT_MAX)) {
      if (this.#inFlight.size >= REVOKES_IN_FLIGHT_MAX) return;
      if (this.#inFlight.has(id)) continue;
      this.#inFlight.add(id);
      const taken = this.#deps.proposeRevoke(id, (revoked) => {
        this.#inFlight.delete(id);
        if (revoked) this.#deps.counts.leasesExpired++;
      });
      if (!taken) {
        this.#inFlight.delete(id);
        return;
      }
    }
  }
}
