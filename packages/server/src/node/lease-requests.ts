import { bytesFromLatin1 } from "@quorate/base";
import type { Lessor, RenewRefusal } from "@quorate/mvcc";
import { createLeaseTimeToLiveResponse, type ErrorCode, type LeaseTimeToLiveResponse } from "@quorate/protocol";
import type { Replica } from "../core/index.ts";
import { type Attempt, type LeaderLink, leaseAttempt } from "./leader-link.ts";
import { type PeerClient, PeerHttpError } from "./peer/index.ts";

/** The leader has applied what it knows to be committed within this time, or another member's question fails. */
const APPLY_WAIT_MS = 1000;
const APPLY_POLL_MS = 2;

export type LeaseOutcome<T> = { readonly value: T } | ErrorCode;

export interface LeaseRequestsDeps {
  readonly lessor: Lessor;
  readonly replica: Replica;
  readonly link: LeaderLink;
  readonly client: () => PeerClient;
  readonly nowMs: () => number;
}

/**
 * Renewing leases and asking for their time: only the leader knows, so other members pass it on. gRPC API page, section 7.2; peer
 * protocol page, section 2.
 */
export class LeaseRequests {
  readonly #deps: LeaseRequestsDeps;

  constructor(deps: LeaseRequestsDeps) {
    this.#deps = deps;
  }

  /** Calls back with the lease's TTL in seconds. */
  renew(id: bigint, done: (outcome: LeaseOutcome<number>) => void): void {
    if (!this.#deps.lessor.isPrimary) {
      this.#forwardRenewal(id, done);
      return;
    }
    void this.#renewAsLeader(id).then((renewed) => {
      if (typeof renewed === "number") done({ value: renewed });
      else if (renewed === "notPrimary") this.#forwardRenewal(id, done);
      else done(renewed === "unconfirmed" ? "notPrimaryLessor" : "leaseNotFound");
    });
  }

  /** Calls back with what the leader knows of the lease; without a header. */
  timeToLive(id: bigint, keys: boolean, done: (outcome: LeaseOutcome<LeaseTimeToLiveResponse>) => void): void {
    const { client, lessor, link } = this.#deps;
    if (lessor.isPrimary) {
      const known = this.#ownTimeToLive(id, keys);
      done(known === undefined ? "leaseNotFound" : { value: known });
    } else {
      const attempt = (url: string, timeoutMs: number): Promise<Attempt<LeaseTimeToLiveResponse>> =>
        leaseAttempt(client().timeToLive(url, id, { keys, timeoutMs }));
      void link.ask(attempt, () => leaseAttempt(this.timeToLiveForPeer(id, keys))).then(done);
    }
  }

  /** Renews for another member. Rejects with a PeerHttpError. */
  async renewForPeer(id: bigint): Promise<number> {
    await this.#applied();
    const renewed = await this.#renewAsLeader(id);
    if (typeof renewed === "number") return renewed;
    if (renewed === "notPrimary" || renewed === "unconfirmed") throw new PeerHttpError(400, "not a primary lessor");
    throw new PeerHttpError(404, "lease not found");
  }

  /** The same for the time to live. */
  async timeToLiveForPeer(id: bigint, keys: boolean): Promise<LeaseTimeToLiveResponse> {
    await this.#applied();
    if (!this.#deps.lessor.isPrimary) throw new PeerHttpError(500, "not a primary lessor");
    const known = this.#ownTimeToLive(id, keys);
    if (known === undefined) throw new PeerHttpError(404, "lease not found");
    return known;
  }

  #forwardRenewal(id: bigint, done: (outcome: LeaseOutcome<number>) => void): void {
    const { client, link } = this.#deps;
    const attempt = (url: string, timeoutMs: number): Promise<Attempt<number>> =>
      leaseAttempt(client().renewLease(url, id, timeoutMs));
    void link.ask(attempt, () => leaseAttempt(this.renewForPeer(id))).then(done);
  }

  /**
   * A leader that was paused or cut off may have a successor already, whose clock for the lease has begun: it must not promise
   * time before a quorum has told it that it still leads.
   */
  #renewAsLeader(id: bigint): Promise<number | RenewRefusal | "unconfirmed"> {
    const { lessor, nowMs, replica } = this.#deps;
    return new Promise((resolve) => {
      replica.linearizableRead(
        () => resolve(lessor.renew(id, nowMs())),
        () => resolve("unconfirmed"),
      );
    });
  }

  #ownTimeToLive(id: bigint, keys: boolean): LeaseTimeToLiveResponse | undefined {
    const { lessor, nowMs } = this.#deps;
    const found = lessor.timeToLive(id, nowMs());
    if (found === undefined) return undefined;
    const { grantedTtl, ttl } = found;
    return createLeaseTimeToLiveResponse({
      id,
      ttl,
      grantedTtl,
      keys: keys ? lessor.keysOf(id).map(bytesFromLatin1) : [],
    });
  }

  /** A lease granted through another member may be committed and not yet applied here. */
  async #applied(): Promise<void> {
    const { nowMs, replica } = this.#deps;
    const target = replica.commitIndex;
    const deadlineMs = nowMs() + APPLY_WAIT_MS;
    while (replica.appliedIndex < target) {
      if (nowMs() >= deadlineMs) throw new PeerHttpError(408, "waiting for the applied index took too long");
      await new Promise((resolve) => setTimeout(resolve, APPLY_POLL_MS));
    }
  }
}
