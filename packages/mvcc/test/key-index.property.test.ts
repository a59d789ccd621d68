/**
 * The key index against a plain list of revisions per key: random additions, removals by compaction, and every question it
 * answers, with enough keys that leaves and inner nodes split, join and vanish.
 */

import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { CompactionCursor, FoundKeys, KeyIndex } from "../src/key-index/key-index.ts";

interface Entry {
  readonly main: number;
  readonly sub: number;
  readonly create: number;
  readonly version: number;
}

class ModelIndex {
  readonly keys = new Map<string, Entry[]>();

  at(key: string, revision: number): Entry | undefined {
    return this.keys.get(key)?.findLast((entry) => entry.main <= revision);
  }

  live(begin: string, end: string | undefined, revision: number): string[] {
    const inside = [...this.keys.keys()].filter((key) => key >= begin && (end === undefined || key < end));
    return inside.filter((key) => (this.at(key, revision)?.version ?? 0) > 0).sort((a, b) => (a < b ? -1 : 1));
  }

  compact(at: number): string[] {
    const dropped: string[] = [];
    for (const [key, entries] of this.keys) {
      const newest = this.at(key, at);
      const kept = entries.filter(
        (e) => e.main > at || (e === newest && e.version > 0) || (e.version === 0 && e.main === at),
      );
      for (const e of entries) if (!kept.includes(e)) dropped.push(`${e.main}.${e.sub}${e.version === 0 ? "t" : ""}`);
      if (kept.length === 0) this.keys.delete(key);
      else this.keys.set(key, kept);
    }
    return dropped.sort();
  }
}

function run(seed: number, rounds: number, keySpace: number): void {
  const random = new SeededPrng(seed);
  const index = new KeyIndex();
  const model = new ModelIndex();
  let main = 1;
  let compacted = -1;
  const key = (): string => {
    const n = random.below(keySpace);
    return n % 3 === 0 ? `k${n}` : `key/${String(n).padStart(6, "0")}${n % 7 === 0 ? "\xff" : ""}`;
  };

  const write = (name: string, isDelete: boolean, sub: number): void => {
    const slot = index.slotOf(name);
    const last = model.at(name, main);
    expect(slot !== undefined).toBe(last !== undefined);
    const isLive = (last?.version ?? 0) > 0;
    if (isDelete && !isLive) return;
    const create = isDelete ? 0 : isLive ? (last as Entry).create : main;
    const version = isDelete ? 0 : isLive ? (last as Entry).version + 1 : 1;
    if (slot === undefined) index.add(name, main, sub, create, version);
    else index.append(slot, main, sub, create, version);
    const entries = model.keys.get(name) ?? [];
    entries.push({ main, sub, create, version });
    model.keys.set(name, entries);
  };

  for (let round = 0; round < rounds; round++) {
    main += 1;
    const deleteShare = round % 200 < 100 ? 2 : 8;
    for (let i = random.below(6), sub = 0; i >= 0; i--, sub++) write(key(), random.below(10) < deleteShare, sub);
    if (random.below(20) === 0) {
      compacted = Math.max(compacted, main - random.below(30));
      const dropped: string[] = [];
      const cursor = new CompactionCursor();
      const budget = 1 + random.below(40);
      let isMore = true;
      while (isMore) {
        const before = dropped.length;
        isMore = index.compact(compacted, cursor, budget, (m, s, t) => dropped.push(`${m}.${s}${t ? "t" : ""}`));
        expect(dropped.length - before).toBeLessThanOrEqual(budget);
      }
      expect(dropped.sort()).toEqual(model.compact(compacted));
    }
    if (random.below(5) !== 0) continue;
    const revision = random.below(2) === 0 ? main : main - random.below(main - Math.max(compacted, 0));
    const begin = random.below(4) === 0 ? "" : key();
    const end = random.below(4) === 0 ? undefined : key();
    const expected = model.live(begin, end, revision);
    expect(index.count(begin, end, revision)).toBe(expected.length);
    const found = new FoundKeys();
    const limit = random.below(3) === 0 ? 1 + random.below(20) : Number.POSITIVE_INFINITY;
    index.collect(begin, end, revision, limit, found);
    expect(found.slots.map((slot) => index.key(slot))).toEqual(expected.slice(0, limit));
    for (let i = 0; i < found.length; i++) {
      const slot = found.slots[i] as number;
      const position = found.positions[i] as number;
      const { main: m, sub, create, version } = model.at(expected[i] as string, revision) as Entry;
      const actual = [index.main(slot, position), index.sub(slot, position)];
      actual.push(index.createRevision(slot, position), index.version(slot, position));
      expect(actual).toEqual([m, sub, create, version]);
    }
    const one = key();
    const entry = model.at(one, revision);
    expect(index.find(one, revision) !== undefined).toBe((entry?.version ?? 0) > 0);
    if (entry !== undefined) {
      expect(index.isNewestAt(one, entry.main, entry.sub, revision)).toBe(true);
      expect(index.isNewestAt(one, entry.main, entry.sub + 1, revision)).toBe(false);
    }
    const deletedAt = (name: string): boolean =>
      model.keys.get(name)?.some((e) => e.main === revision && e.version === 0) ?? false;
    expect(index.isDeletedAt(one, revision)).toBe(deletedAt(one));
    expect(index.hasTombstoneAt(revision)).toBe([...model.keys.keys()].some(deletedAt));
    expect(index.liveCount).toBe(model.live("", undefined, main).length);
  }
}

describe("KeyIndex", () => {
  it.each([1, 2, 3, 4])("agrees with a plain list on few keys, seed %d", (seed) => {
    run(seed, 500, 40);
  });

  it.each([11, 12])("agrees with a plain list on many keys, seed %d", (seed) => {
    run(seed, 500, 1500);
  });

  it("splits inner nodes, and forgets everything when everything is deleted and compacted", () => {
    const index = new KeyIndex();
    const random = new SeededPrng(7);
    const count = 12_000;
    for (let i = 0; i < count; i++) {
      const name = `${random.u32()}.${i}`;
      index.add(name, i + 2, 0, i + 2, 1);
    }
    expect(index.count("", undefined, count + 1)).toBe(count);
    expect(index.count("", undefined, 5001)).toBe(5000);
    const found = new FoundKeys();
    index.collect("", undefined, count + 1, Number.POSITIVE_INFINITY, found);
    const keys = found.slots.map((slot) => index.key(slot));
    expect(keys).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
    found.slots.forEach((slot, i) => index.append(slot, count + 2 + i, 0, 0, 0));
    expect(index.liveCount).toBe(0);

    let dropped = 0;
    const cursor = new CompactionCursor();
    let isMore = true;
    while (isMore) {
      isMore = index.compact(3 * count, cursor, 50, () => {
        dropped += 1;
      });
    }

    expect(dropped).toBe(2 * count);
    expect(index.slotOf(keys[0] as string)).toBe(undefined);
    index.add("again", 4 * count, 0, 4 * count, 1);
    expect(index.count("", undefined, 4 * count)).toBe(1);
  });

  it("keeps ascending keys in full leaves", () => {
    const index = new KeyIndex();
    for (let i = 0; i < 20_000; i++) index.add(String(i).padStart(8, "0"), i + 2, 0, i + 2, 1);

    expect(index.count("00000100", "00010100", 20_001)).toBe(10_000);
  });
});
