import { describe, expect, it } from "@jest/globals";
import { createLeaseKeepAliveResponse } from "@quorate/protocol";
import { LeaseEntry } from "../src/lease/lease-entry.ts";

const listener = { onRenewed: () => {}, onEnd: () => {} };
const renewed = (ttl: number) => createLeaseKeepAliveResponse({ id: 1n, ttl });

describe("LeaseEntry", () => {
  it("is renewed at once, and then when a third of its time to live has passed", () => {
    const entry = new LeaseEntry(1n, 6_000, listener, 1_000);
    expect(entry.isDue(1_000)).toBe(true);
    entry.onSent(1_000);
    expect(entry.isDue(1_500)).toBe(false);
    entry.onRenewed(renewed(9), 1_500);

    expect(entry.isDue(4_499)).toBe(false);
    expect(entry.isDue(4_500)).toBe(true);
    expect(entry.wakeMs()).toBe(4_500);
  });

  it("counts its time to live from when the renewal was sent, not from when it was answered", () => {
    const entry = new LeaseEntry(1n, 6_000, listener, 0);
    entry.onSent(100);
    entry.onRenewed(renewed(3), 2_000);

    expect(entry.isExpired(3_099)).toBe(false);
    expect(entry.isExpired(3_100)).toBe(true);
  });

  it("takes a server for hanging after a third of the time to live, but no sooner than a second", () => {
    const long = new LeaseEntry(1n, 12_000, listener, 0);
    long.onSent(0);
    expect([long.isStalled(3_999), long.isStalled(4_000)]).toEqual([false, true]);
    const short = new LeaseEntry(1n, 2_000, listener, 0);
    short.onSent(0);
    expect([short.isStalled(999), short.isStalled(1_000)]).toEqual([false, true]);
  });

  it("is sent again when the stream is lost, and expires all the same", () => {
    const entry = new LeaseEntry(1n, 6_000, listener, 0);
    entry.onSent(0);
    entry.onLost(2_000);
    expect(entry.isDue(2_000)).toBe(true);
    expect(entry.isExpired(6_000)).toBe(true);
  });
});
