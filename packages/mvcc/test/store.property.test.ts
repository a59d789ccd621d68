/**
 * Random requests against the store and against the naive model of model-store.ts: every result, the events, hashes,
 * history and the state after restores must be the same. Compaction runs in random slices between requests.
 */

import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import type { Compare, RangeRequest, RequestOp, TxnRequest } from "@quorate/protocol";
import type { Change } from "../src/change.ts";
import type { LeaseAttachments } from "../src/lease-attachments.ts";
import { checkTxn } from "../src/request-check.ts";
import { Store } from "../src/store.ts";
import { MapBackend } from "../src/testing/map-backend.ts";
import { encode, type ModelKv, ModelStore } from "./model-store.ts";
import { hashOf, restored } from "./open-store.ts";
import { bytes, compare, del, op, range, txn } from "./requests.ts";

/** Attachments in two maps, to be compared with the model's key-values. */
class SimpleLeases implements LeaseAttachments {
  readonly ids = new Set<bigint>();
  readonly byKey = new Map<string, bigint>();
  exists(id: bigint): boolean {
    return this.ids.has(id);
  }
  attach(id: bigint, key: string): boolean {
    if (this.ids.has(id)) this.byKey.set(key, id);
    return this.ids.has(id);
  }
  detach(key: string): void {
    this.byKey.delete(key);
  }
  leaseOf(key: string): bigint {
    return this.byKey.get(key) ?? 0n;
  }
}

const KEYS = ["a", "ab", "abc", "b", "b\0", "c", "ca", "d", "e\xff", "f", "g", "h", "\xff", "\xff\xff"];
const ENDS = ["", "", "\0", "b", "c", "d", "g", "zz", "a"];

class Run {
  readonly random: SeededPrng;
  readonly model = new ModelStore();
  readonly leases = new SimpleLeases();
  backend = new MapBackend();
  store: Store;
  heard: [number, readonly Change[]][] = [];

  constructor(seed: number) {
    this.random = new SeededPrng(seed);
    this.store = new Store(this.backend, { leases: this.leases });
    this.#listen();
    for (const id of [1n, 2n, -3n]) {
      this.leases.ids.add(id);
      this.model.leases.add(id);
    }
  }

  step(): void {
    const dice = this.random.below(100);
    if (dice < 30) this.#put();
    else if (dice < 40) this.#deleteRange();
    else if (dice < 60) this.#txn();
    else if (dice < 85) this.#range();
    else if (dice < 88) this.#compact();
    else if (dice < 90) this.#hash();
    else if (dice < 93) this.#history();
    else if (dice < 94) this.#restore();
    else if (dice < 95) this.#deleteKeys();
    else this.#compactionStep();
    expect(this.store.revision).toBe(this.model.revision);
    expect(this.store.compactedRevision).toBe(this.model.compacted);
  }

  check(): void {
    const state = this.model.state(this.model.revision);
    expect(this.store.keyCount).toBe(state.length);
    expect(this.store.range(range("\0", "\0"))).toMatchObject({ kvs: state.map(encode) });
    const withLease = state.filter((kv) => kv.lease !== 0n).map((kv): [string, bigint] => [kv.key, kv.lease]);
    expect(new Map(withLease)).toEqual(this.leases.byKey);
  }

  #listen(): void {
    this.store.onWrite = (revision, changes) => this.heard.push([revision, changes]);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)] as T;
  }

  #chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }

  #putOp(): RequestOp {
    const ignoreValue = this.#chance(8);
    const ignoreLease = this.#chance(8);
    return op.put(this.#pick(KEYS), ignoreValue ? "" : `v${this.random.below(5)}`, {
      lease: !ignoreLease && this.#chance(20) ? this.#pick([1n, 2n, -3n, 9n]) : 0n,
      prevKv: this.#chance(30),
      ignoreValue,
      ignoreLease,
    });
  }

  #put(): void {
    const request = this.#putOp().requestPut;
    if (request === undefined) throw new Error("unreachable");
    this.#same(
      () => this.store.put(request),
      () => this.model.put(request),
    );
  }

  #deleteRange(): void {
    const request = del(this.#pick(KEYS), this.#chance(50) ? "" : this.#pick(ENDS), { prevKv: this.#chance(50) });
    this.#same(
      () => this.store.deleteRange(request),
      () => this.model.deleteRange(request),
    );
  }

  #revision(): number {
    if (this.#chance(60)) return 0;
    return this.model.revision + 1 - this.random.below(Math.min(30, this.model.revision + 3));
  }

  #rangeRequest(): RangeRequest {
    const revision = (): number => (this.#chance(90) ? 0 : this.random.below(this.model.revision + 2));
    return range(this.#pick(KEYS), this.#pick(ENDS), {
      limit: this.#chance(50) ? 0 : this.random.below(6) - 1,
      revision: this.#revision(),
      sortOrder: this.random.below(3),
      sortTarget: this.#chance(50) ? 0 : this.random.below(5),
      keysOnly: this.#chance(20),
      countOnly: this.#chance(10),
      minModRevision: revision(),
      maxModRevision: revision(),
      minCreateRevision: revision(),
      maxCreateRevision: revision(),
    });
  }

  #range(): void {
    const request = this.#rangeRequest();
    this.#same(
      () => this.store.range(request),
      () => this.model.range(request),
    );
  }

  #compare(): Compare {
    const target = this.random.below(6);
    return compare(this.#pick(KEYS), {
      rangeEnd: bytes(this.#chance(70) ? "" : this.#pick(ENDS)),
      target,
      result: this.random.below(5),
      version: target === 0 ? this.random.below(4) : undefined,
      createRevision: target === 1 ? this.random.below(this.model.revision + 2) : undefined,
      modRevision: target === 2 ? this.random.below(this.model.revision + 2) : undefined,
      value: target === 3 ? bytes(`v${this.random.below(5)}`) : undefined,
      lease: target === 4 ? this.#pick([0n, 1n, 2n, -3n]) : undefined,
    });
  }

  #ops(depth: number): RequestOp[] {
    return Array.from({ length: this.random.below(4) }, (): RequestOp => {
      const dice = this.random.below(10);
      if (dice < 4) return this.#putOp();
      if (dice < 6) return op.del(this.#pick(KEYS), this.#pick(ENDS), { prevKv: this.#chance(50) });
      if (dice < 9 || depth === 0) return { ...op.nothing(), requestRange: this.#rangeRequest() };
      return { ...op.nothing(), requestTxn: this.#txnRequest(depth - 1) };
    });
  }

  #txnRequest(depth: number): TxnRequest {
    const compares = Array.from({ length: this.random.below(3) }, () => this.#compare());
    return txn({ compare: compares, success: this.#ops(depth), failure: this.#ops(depth) });
  }

  #txn(): void {
    const request = this.#txnRequest(2);
    if (checkTxn(request) !== undefined) return;
    this.#same(
      () => this.store.txn(request),
      () => this.model.txn(request),
    );
  }

  #deleteKeys(): void {
    const keys = [this.#pick(KEYS), this.#pick(KEYS), this.#pick(KEYS)];
    const distinct = [...new Set(keys)].sort((a, b) => (a < b ? -1 : 1));
    this.store.deleteKeys(keys);
    this.model.txn(txn({ success: distinct.map((key) => op.del(key)) }));
  }

  #compact(): void {
    if (this.store.compactionPending && this.#chance(50)) return;
    const revision = this.model.revision + 1 - this.random.below(10);
    this.#finishCompaction();
    expect(this.store.compact(revision)).toBe(this.model.compact(revision));
  }

  #compactionStep(): void {
    this.store.compactionStep(1 + this.random.below(8));
    this.backend.runScans(false);
  }

  #finishCompaction(): void {
    for (let i = 0; this.store.compactionStep(3); i++) {
      expect(i).toBeLessThan(10_000);
      this.backend.runScans();
    }
    const stored = new Map(this.store.compactionHashes.map((h) => [h.revision, h]));
    for (const [revision, { hash, compactRevision }] of this.model.storedHashes) {
      expect(stored.get(revision)).toEqual({ hash, revision, compactRevision });
    }
    const expected = this.model.records.map((record) => [record.main, record.sub, record.kv === undefined]);
    expect(this.backend.revisions().map((r) => [r.main, r.sub, r.tombstone])).toEqual(expected);
  }

  #hash(): void {
    const revision = this.#revision();
    // The stored hash of an unfinished compaction is not there yet, in etcd either.
    if (this.store.compactionPending && this.model.storedHashes.has(revision)) return;
    const expected = this.model.hashKv(revision);
    const actual = hashOf(this.store, this.backend, revision);
    if (typeof expected === "string") expect(actual).toBe(expected);
    else expect(actual).toMatchObject(expected);
  }

  #history(): void {
    const { revision, compacted } = this.model;
    if (revision < 2) return;
    const from = Math.max(2, compacted, revision - this.random.below(20));
    const to = Math.min(revision, from + this.random.below(20));
    const seen: [number, readonly Change[]][] = [];
    let reached = 0;
    this.store.history(from, to, (revisions, through) => {
      for (const one of revisions) seen.push([one.revision, one.changes]);
      reached = through;
    });
    this.backend.runScans();
    expect(reached).toBe(to);
    const told = this.heard.filter(([main]) => main >= from && main <= to);
    // At the compacted revision itself only what survives is still there; above it the history is whole.
    const above = (list: typeof told): typeof told => list.filter(([main]) => main > compacted);
    expect(above(seen)).toEqual(above(told));
    for (const [main, changes] of above(seen)) for (const change of changes) this.#checkPrevious(main, change);
  }

  #checkPrevious(main: number, change: Change): void {
    const before = this.model.state(main - 1).find((kv: ModelKv) => kv.key === change.key);
    const expected = before === undefined ? undefined : encode(before);
    if (main - 1 < this.model.compacted) return;
    expect(this.store.valueBefore(change.key, main)).toEqual(expected);
    if (change.isCreation) return;
    const stored = this.backend.getRevision(change.previousMain, change.previousSub);
    expect(stored).toEqual(expected);
  }

  #restore(): void {
    // What a crash leaves: maybe an unfinished compaction. The model's stored hashes do not outlive it.
    this.backend = this.backend.copy();
    this.leases.byKey.clear();
    this.store = restored(this.backend, { leases: this.leases });
    this.#listen();
    this.model.storedHashes.clear();
    // Removing again what was removed in part is not remembered as a hash either.
    this.check();
  }

  #same(actual: () => unknown, expected: () => unknown): void {
    const before = this.heard.length;
    const revision = this.model.revision;
    const result = actual();
    expect(result).toEqual(expected());
    const heard = this.heard.slice(before);
    const records = this.model.records.filter((record) => record.main > revision);
    expect(heard.map(([main]) => main)).toEqual(records.length > 0 ? [revision + 1] : []);
    const changes = heard[0]?.[1] ?? [];
    expect(changes.map((change) => [change.key, change.tombstone, change.subRevision])).toEqual(
      records.map((record) => [record.key, record.kv === undefined, record.sub]),
    );
    changes.forEach((change, i) => {
      const { kv } = records[i] as (typeof records)[number];
      expect(change.modRevision).toBe(revision + 1);
      expect(change.isCreation).toBe(kv !== undefined && kv.version === 1);
      if (kv !== undefined) expect(change.kv).toEqual(encode(kv));
      this.#checkPrevious(revision + 1, change);
    });
  }
}

describe("Store", () => {
  it.each(Array.from({ length: 8 }, (_, i) => i + 1))("answers as the model does, seed %d", (seed) => {
    const run = new Run(seed);

    for (let i = 0; i < 350; i++) run.step();

    run.check();
  });
});
