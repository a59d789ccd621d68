/** Only a leader that a quorum has just confirmed may promise time to the holder of a lease. */
import { describe, expect, it } from "@jest/globals";
import type { RenewRefusal } from "@quorate/mvcc";
import { type LeaseOutcome, LeaseRequests, type LeaseRequestsDeps } from "../../src/node/lease-requests.ts";

const TTL = 6;

/** A leader whose question to the quorum is answered by the test; renewals and forwarded requests are counted. */
class Leader {
  readonly requests: LeaseRequests;
  isPrimary: boolean = true;
  renewals: number = 0;
  forwarded: number = 0;
  confirm: () => void = () => {};
  refuse: () => void = () => {};

  constructor() {
    const lessor = {
      renew: (): number | RenewRefusal => {
        if (!this.isPrimary) return "notPrimary";
        this.renewals += 1;
        return TTL;
      },
    };
    Object.defineProperty(lessor, "isPrimary", { get: () => this.isPrimary });
    const replica = {
      commitIndex: 1,
      appliedIndex: 1,
      linearizableRead: (ready: () => void, failed: () => void): void => {
        this.confirm = ready;
        this.refuse = failed;
      },
    };
    const link = {
      ask: (): Promise<LeaseOutcome<number>> => {
        this.forwarded += 1;
        return Promise.resolve({ value: TTL });
      },
    };
    const deps = { lessor, replica, link, client: () => ({}), nowMs: () => 0 };
    this.requests = new LeaseRequests(deps as unknown as LeaseRequestsDeps);
  }

  renew(): Promise<LeaseOutcome<number>> {
    return new Promise((resolve) => this.requests.renew(1n, resolve));
  }
}

describe("LeaseRequests.renew", () => {
  it("renews once the quorum has confirmed the leader, and not before", async () => {
    const leader = new Leader();
    const answer = leader.renew();
    expect(leader.renewals).toBe(0);
    leader.confirm();
    expect(await answer).toEqual({ value: TTL });
    expect(leader.renewals).toBe(1);
  });

  it("refuses when no quorum confirms it, in etcd's words", async () => {
    const leader = new Leader();
    const answer = leader.renew();
    leader.refuse();
    expect(await answer).toBe("notPrimaryLessor");
    expect(leader.renewals).toBe(0);
  });

  it("passes the request on when another member leads by then", async () => {
    const leader = new Leader();
    const answer = leader.renew();
    leader.isPrimary = false;
    leader.confirm();
    expect(await answer).toEqual({ value: TTL });
    expect({ renewals: leader.renewals, forwarded: leader.forwarded }).toEqual({ renewals: 0, forwarded: 1 });
  });

  it("holds for renewals that other members pass on", async () => {
    const leader = new Leader();
    const answer = leader.requests.renewForPeer(1n);
    await Promise.resolve();
    leader.refuse();
    await expect(answer).rejects.toThrow("not a primary lessor");
    expect(leader.renewals).toBe(0);
  });
});
