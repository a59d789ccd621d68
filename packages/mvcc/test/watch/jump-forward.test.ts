import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import type { Backend, Bucket, BucketRecord, ScanDone } from "../../src/backend.ts";
import { Lessor } from "../../src/lease/lessor.ts";
import { Store } from "../../src/store.ts";
import { MapBackend } from "../../src/testing/index.ts";
import { WatchHub } from "../../src/watch/hub.ts";
import { hashOf } from "../open-store.ts";
import { del, op, put, range, txn } from "../requests.ts";
import { createRequest } from "./fixture.ts";
import { RecordingSink } from "./recording-sink.ts";

/** A backend whose content can be replaced, as the installation of a snapshot does. */
class ReplaceableBackend implements Backend {
  content: MapBackend = new MapBackend();

  getRevision(main: number, sub: number): Uint8Array | undefined {
    return this.content.getRevision(main, sub);
  }
  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    this.content.putRevision(main, sub, tombstone, value);
  }
  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    this.content.deleteRevision(main, sub, tombstone);
  }
  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.content.get(bucket, key);
  }
  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.content.put(bucket, key, value);
  }
  delete(bucket: Bucket, key: Uint8Array): void {
    this.content.delete(bucket, key);
  }
  list(bucket: Bucket): BucketRecord[] {
    return this.content.list(bucket);
  }
  commit(): void {
    this.content.commit();
  }
  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    this.content.scanRevisions(fromMain, fromSub, limit, done);
  }
  sizeBytes(): number {
    return this.content.sizeBytes();
  }
  sizeInUseBytes(): number {
    return this.content.sizeInUseBytes();
  }
}

/** A member that runs: everything that keeps something of the store's content. Two of one seed do the same. */
class Member {
  prng: SeededPrng;
  readonly backend: ReplaceableBackend = new ReplaceableBackend();
  readonly lessor: Lessor = new Lessor({ minTtlSeconds: 2 }, { backend: this.backend });
  readonly store: Store = new Store(this.backend, { leases: this.lessor });
  readonly hub: WatchHub;

  constructor(seed: number) {
    this.prng = new SeededPrng(seed);
    this.hub = new WatchHub({ recentRevisionCountMax: 10 }, { source: this.store, prng: new SeededPrng(seed) });
    this.store.onWrite = (revision, changes) => this.hub.onWrite(revision, changes);
  }

  write(count: number): void {
    const { prng, store, lessor } = this;
    for (let i = 0; i < count; i++) {
      const dice = prng.below(10);
      const lease = BigInt(1 + prng.below(4));
      const key = `k${prng.below(6)}`;
      if (dice < 5) store.put(put(key, `${prng.u32()}`, lessor.exists(lease) ? { lease } : {}));
      else if (dice < 6) store.deleteRange(del(key));
      else if (dice < 8)
        store.txn(txn({ success: [op.put("x", "1"), op.del("k1", "k3"), op.put("y", `${prng.u32()}`)] }));
      else if (dice < 9) lessor.grant(lease, 60, 0);
      else {
        const keys = lessor.revoke(lease);
        if (typeof keys !== "string") store.deleteKeys(keys);
      }
    }
  }

  watch(start: number): RecordingSink {
    const sink = new RecordingSink();
    this.hub.openStream(sink).create(createRequest({ key: "", end: "\0", start, prevKv: true }));
    return sink;
  }

  sync(): void {
    for (let i = 0; i < 1000; i++) {
      this.backend.content.runScans();
      if (!this.hub.syncStep() && this.hub.stats.slowWatchers === 0) return;
    }
    throw new Error("catching up does not end");
  }

  /** Takes over what another member holds, as the server does when a snapshot was installed. */
  install(other: Member): void {
    this.backend.content = other.backend.content.copy();
    this.lessor.restore();
    let isDone = false;
    this.store.restore((error) => {
      expect(error).toBeUndefined();
      isDone = true;
    });
    for (let i = 0; i < 1000 && !isDone; i++) this.backend.content.runScans();
    expect(isDone).toBe(true);
    this.hub.onRestored();
  }

  /** Everything that can be asked, in short. */
  state(): unknown {
    const { store, lessor } = this;
    return {
      revision: store.revision,
      compacted: store.compactedRevision,
      hash: hashOf(store, this.backend.content, 0),
      keys: store.range(range("", "\0")),
      leases: lessor.leases().map((id) => [id, lessor.keysOf(id), lessor.timeToLive(id, 0)?.ttl]),
    };
  }
}

function heard(sink: RecordingSink): string[] {
  return sink.batches.flatMap((batch) => batch.events.map((event) => Buffer.from(event).toString("hex")));
}

describe("a running member whose store jumps forward", () => {
  it("holds what the other one holds, and goes on like it", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const leader = new Member(seed);
      const follower = new Member(seed);
      for (const member of [leader, follower]) member.write(50);
      follower.lessor.promote(0, 0);
      leader.write(80);
      // Some of it is being removed on either side, and is never finished on this one.
      if (seed % 3 === 0) {
        for (const member of [leader, follower]) member.store.compact(10);
        follower.store.compactionStep(3);
      }
      if (seed % 2 === 0) {
        leader.store.compact(30);
        leader.store.compactionStep(5);
      }
      follower.install(leader);
      expect(follower.lessor.isPrimary).toBe(false);
      expect(follower.store.compactionPending).toBe(leader.store.compactionPending);
      expect(follower.state()).toEqual(leader.state());
      for (const member of [leader, follower]) {
        member.prng = new SeededPrng(seed + 1000);
        member.write(60);
      }
      expect(follower.state()).toEqual(leader.state());
    }
  });

  it("brings its watchers everything they miss, once, wherever they stood", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const leader = new Member(seed);
      const follower = new Member(seed);
      const everything = leader.watch(2);
      const live = follower.watch(2);
      for (const member of [leader, follower]) member.write(50);
      const lagging = follower.watch(5);
      const future = follower.watch(follower.store.revision + 20);
      const blocked = follower.watch(3);
      // One is in the middle of catching up, with a scan of the old content in flight.
      follower.hub.syncStep();
      leader.write(80);
      follower.install(leader);
      follower.sync();
      leader.sync();
      expect(heard(live)).toEqual(heard(everything));
      for (const [sink, from] of [
        [lagging, 5],
        [blocked, 3],
      ] as const) {
        expect(sink.eventsOf(0n)).toEqual(everything.eventsOf(0n).filter(({ revision }) => revision >= from));
      }
      const first = future.eventsOf(0n)[0]?.revision ?? Number.NaN;
      expect(future.eventsOf(0n)).toEqual(everything.eventsOf(0n).filter(({ revision }) => revision >= first));
      expect(first).toBeGreaterThan(20);
    }
  });

  it("tells those that need what is compacted so, and no others", () => {
    const leader = new Member(3);
    const follower = new Member(3);
    for (const member of [leader, follower]) member.write(40);
    const live = follower.watch(0);
    const future = follower.watch(1000);
    const until = follower.store.revision;
    leader.write(100);
    leader.store.compact(until + 20);
    follower.install(leader);
    follower.sync();
    expect(live.heard.map(({ kind }) => kind)).toEqual(["created", "compacted"]);
    expect(future.heard.map(({ kind }) => kind)).toEqual(["created"]);
  });
});
