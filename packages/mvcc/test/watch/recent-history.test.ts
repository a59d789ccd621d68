import { describe, expect, it } from "@jest/globals";
import { KeyChange } from "../../src/change.ts";
import { RecentHistory } from "../../src/watch/recent-history.ts";
import { RevisionEvents } from "../../src/watch/revision-events.ts";

function entry(revision: number, valueBytes = 0): RevisionEvents {
  return new RevisionEvents(revision, [new KeyChange("k", false, new Uint8Array(valueBytes), revision, revision, 0)]);
}

describe("RecentHistory", () => {
  it("keeps the newest revisions, as many as it may", () => {
    const recent = new RecentHistory(300, 1 << 20);
    expect(recent.firstRevision).toBe(Number.POSITIVE_INFINITY);
    for (let revision = 5; revision < 2000; revision++) {
      recent.push(entry(revision));
      const first = Math.max(5, revision - 299);
      expect(recent.firstRevision).toBe(first);
      expect(recent.from(revision).map((kept) => kept.revision)).toEqual([revision]);
      if (revision % 100 === 0) {
        const all = recent.from(first);
        expect([all.length, all[0]?.revision, all.at(-1)?.revision]).toEqual([revision - first + 1, first, revision]);
        expect(() => recent.from(first - 1)).toThrow();
      }
    }
    expect(() => recent.push(entry(2001))).toThrow();
    recent.clear();
    recent.push(entry(9999));
    expect(recent.firstRevision).toBe(9999);
  });

  it("keeps no more bytes than it may, down to nothing", () => {
    const recent = new RecentHistory(1000, 10_000);
    for (let revision = 2; revision < 30; revision++) recent.push(entry(revision, 1000));
    expect(recent.from(recent.firstRevision).length).toBe(4);
    recent.push(entry(30, 10_000));
    expect(recent.firstRevision).toBe(Number.POSITIVE_INFINITY);
    recent.push(entry(31));
    expect(recent.firstRevision).toBe(31);
  });

  it("keeps nothing when told so", () => {
    const recent = new RecentHistory(0, 1 << 20);
    for (let revision = 2; revision < 1000; revision++) recent.push(entry(revision));
    expect(recent.firstRevision).toBe(Number.POSITIVE_INFINITY);
  });
});
