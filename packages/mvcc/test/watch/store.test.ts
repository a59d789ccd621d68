import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { Lessor } from "../../src/lease/lessor.ts";
import { Store } from "../../src/store.ts";
import { MapBackend } from "../../src/testing/index.ts";
import { WatchHub } from "../../src/watch/hub.ts";
import { del, op, put, txn } from "../requests.ts";
import { createRequest } from "./fixture.ts";
import { RecordingSink } from "./recording-sink.ts";

const KEYS = ["a", "aa", "b", "c", "d"];

/** Store, leases and watches on one backend, as the server puts them together. */
class World {
  readonly prng: SeededPrng;
  readonly backend: MapBackend = new MapBackend();
  readonly lessor: Lessor = new Lessor({ minTtlSeconds: 2 }, { backend: this.backend });
  readonly store: Store = new Store(this.backend, { leases: this.lessor });
  readonly hub: WatchHub;

  constructor(seed: number, recentRevisionCountMax: number) {
    this.prng = new SeededPrng(seed);
    this.hub = new WatchHub({ recentRevisionCountMax }, { source: this.store, prng: this.prng });
    this.store.onWrite = (revision, changes) => this.hub.onWrite(revision, changes);
  }

  watch(start: number, prevKv = true): RecordingSink {
    const sink = new RecordingSink();
    this.hub.openStream(sink).create(createRequest({ key: "", end: "\0", start, prevKv }));
    return sink;
  }

  key(): string {
    return KEYS[this.prng.below(KEYS.length)] as string;
  }

  write(): void {
    const { prng, store, lessor } = this;
    const dice = prng.below(10);
    const lease = BigInt(1 + prng.below(3));
    if (dice < 4) store.put(put(this.key(), `${prng.u32()}`, lessor.exists(lease) ? { lease } : {}));
    else if (dice < 5) store.deleteRange(del(this.key()));
    else if (dice < 6) store.deleteRange(del("a", "c"));
    else if (dice < 8) store.txn(txn({ success: [op.put("x", "1"), op.del("a", "b"), op.put("y", `${prng.u32()}`)] }));
    else if (dice < 9) lessor.grant(lease, 60, 0);
    else {
      const keys = lessor.revoke(lease);
      if (typeof keys !== "string") store.deleteKeys(keys);
    }
  }

  sync(): void {
    for (let i = 0; i < 1000; i++) {
      this.backend.runScans();
      if (!this.hub.syncStep() && this.hub.stats.slowWatchers === 0) return;
    }
    throw new Error("catching up does not end");
  }
}

/** Each revision heard, with its encoded events, whatever batches they came in. */
function heardBytes(sink: RecordingSink): string[] {
  return sink.batches.flatMap((batch) => batch.events.map((event) => Buffer.from(event).toString("hex")));
}

describe("watching a real store", () => {
  it("brings the same bytes live, from memory and from the backend", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed, seed % 2 === 0 ? 0 : 40);
      const live = world.watch(0);
      for (let i = 0; i < 150; i++) world.write();
      const replayed = world.watch(2);
      const late = world.watch(50);
      world.sync();
      expect(heardBytes(replayed)).toEqual(heardBytes(live));
      expect(late.eventsOf(0n)).toEqual(live.eventsOf(0n).filter((event) => event.revision >= 50));
      expect(live.eventsOf(0n).filter((event) => event.previous !== undefined).length).toBeGreaterThan(20);
    }
  });

  it("leaves out the previous value of an event at the compacted revision, though it was just written", () => {
    const world = new World(1, 1000);
    for (const value of ["1", "2", "3"]) world.store.put(put("a", value));
    world.store.compact(3);
    world.hub.onCompacted();

    const sink = world.watch(3);
    world.sync();

    expect(sink.eventsOf(0n).map(({ revision, previous }) => [revision, previous])).toEqual([
      [3, undefined],
      [4, "2"],
    ]);
  });

  it("has whole history from the compacted revision on, before and after removal", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed, 0);
      const live = world.watch(0);
      for (let i = 0; i < 100; i++) world.write();
      const at = 2 + world.prng.below(world.store.revision - 2);
      world.store.compact(at);
      world.hub.onCompacted();
      for (const isRemoved of [false, true]) {
        for (let i = 0; isRemoved && i < 1000 && world.store.compactionPending; i++) {
          world.store.compactionStep(10);
          world.backend.runScans();
        }
        const sinks = [at - 1, at, at + 1].map((start) => world.watch(start));
        world.sync();
        expect(sinks[0]?.heard.map((heard) => heard.kind)).toEqual(["created", "compacted"]);
        for (const [i, sink] of sinks.entries()) {
          if (i === 0) continue;
          const expected = live.eventsOf(0n).filter((event) => event.revision >= at + i - 1);
          const withoutCompacted = expected.map((event) =>
            event.revision - 1 < at ? { ...event, previous: undefined } : event,
          );
          expect(sink.eventsOf(0n)).toEqual(withoutCompacted);
        }
      }
    }
  });

  it("goes on after the store was read again from its backend", () => {
    const world = new World(7, 10);
    const live = world.watch(0);
    for (let i = 0; i < 50; i++) world.write();
    let isDone = false;
    world.lessor.restore();
    world.store.restore((error) => {
      expect(error).toBeUndefined();
      isDone = true;
    });
    while (!isDone) world.backend.runScans();
    world.hub.onRestored();
    for (let i = 0; i < 50; i++) world.write();
    const replayed = world.watch(2);
    world.sync();
    expect(heardBytes(replayed)).toEqual(heardBytes(live));
  });
});
