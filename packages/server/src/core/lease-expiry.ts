import type { Lessor } from "@quorate/mvcc";
import type { Counts } from "./counts.ts";

/** At most this many revocations are proposed at one visit, and this many wait for their entry at any time. */
const REVOKES_PER_VISIT_MAX = 500;
const REVOKES_IN_FLIGHT_MAX = 1000;

/** What the leader needs to end leases. */
export interface LeaseExpiryDeps {
  readonly counts: Counts;
  readonly lessor: Lessor;
  /** Proposes the revocation; `done` is called once it was applied or given up. False when refused at once. */
  readonly proposeRevoke: (leaseId: bigint, done: () => void) => boolean;
}

/** The leader's duty to revoke leases whose time is over, through the log like any other write. */
export class LeaseExpiry {
  readonly #deps: LeaseExpiryDeps;
  readonly #inFlight = new Set<bigint>();

  constructor(deps: LeaseExpiryDeps) {
    this.#deps = deps;
  }

  /** Looks for expired leases; call every 500 ms while this member leads. A revocation that failed is tried again then. */
  visit(nowMs: number): void {
    for (const id of this.#deps.lessor.expired(nowMs, REVOKES_PER_VISIT_MAX)) {
      if (this.#inFlight.size >= REVOKES_IN_FLIGHT_MAX) return;
      if (this.#inFlight.has(id)) continue;
      this.#inFlight.add(id);
      const taken = this.#deps.proposeRevoke(id, () => this.#inFlight.delete(id));
      if (taken) this.#deps.counts.leasesExpired++;
      else {
        this.#inFlight.delete(id);
        return;
      }
    }
  }
}
