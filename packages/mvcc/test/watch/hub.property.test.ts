import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { assert, SeededPrng } from "@quorate/base";
import type { WatchStream } from "../../src/watch/stream.ts";
import { createRequest, Fixture } from "./fixture.ts";
import type { SeenEvent, Write } from "./model-store.ts";
import { type Heard, RecordingSink } from "./recording-sink.ts";

const KEYS = ["a", "aa", "ab", "b", "ba", "c"];

/** What the test expects of one watcher: its request, and where it ended if it did. */
interface Expected {
  readonly sink: RecordingSink;
  readonly id: bigint;
  readonly from: number;
  readonly key: string;
  readonly end: string;
  readonly filters: readonly number[];
  readonly prevKv: boolean;
  state: "live" | "canceled" | "compacted" | "closed";
}

interface OpenStream {
  readonly stream: WatchStream;
  readonly sink: RecordingSink;
}

/** Drives a hub at random and keeps the naive model beside it. */
class Run {
  readonly prng: SeededPrng;
  readonly fixture: Fixture;
  readonly open: OpenStream[] = [];
  readonly expected: Expected[] = [];

  constructor(seed: number) {
    this.prng = new SeededPrng(seed);
    this.fixture = new Fixture({
      recentRevisionCountMax: this.pick([0, 3, 20, 1000]),
      recentBytesMax: this.pick([500, 5000, 1 << 20]),
      progressIntervalMs: 50,
    });
    this.fixture.store.isImmediate = this.prng.below(2) === 0;
    this.fixture.store.readRevisionCountMax = this.pick([1, 4, 1000]);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.prng.below(values.length)] as T;
  }

  step(): void {
    const { fixture, prng } = this;
    const dice = prng.below(100);
    if (dice < 35) this.write();
    else if (dice < 50) this.create();
    else if (dice < 56) this.cancel();
    else if (dice < 60) this.openStream();
    else if (dice < 62) this.closeStream();
    else if (dice < 66) fixture.compact(this.randomCompaction());
    else if (dice < 76) this.changeRoom();
    else if (dice < 86) fixture.hub.syncStep();
    else if (dice < 92) fixture.store.answer();
    else if (dice < 93) this.replaceStore();
    else if (dice < 97) fixture.hub.tick(prng.below(10) * 10);
    else if (this.open.length > 0) this.pick(this.open).stream.requestProgress();
  }

  randomWrites(): Write[] {
    return Array.from({ length: 1 + this.prng.below(4) }, () => {
      return [this.pick(KEYS), this.prng.below(3) === 0 ? undefined : `${this.prng.u32()}`];
    });
  }

  write(): void {
    this.fixture.write(...this.randomWrites());
  }

  replaceStore(): void {
    for (let i = this.prng.below(5); i > 0; i--) this.fixture.store.write(...this.randomWrites());
    if (this.prng.below(2) === 0) this.fixture.store.compactedRevision = this.randomCompaction();
    this.fixture.hub.onRestored();
  }

  randomCompaction(): number {
    const { revision, compactedRevision } = this.fixture.store;
    return Math.min(revision, compactedRevision + this.prng.below(8));
  }

  openStream(): void {
    const sink = new RecordingSink();
    this.open.push({ sink, stream: this.fixture.hub.openStream(sink) });
  }

  closeStream(): void {
    if (this.open.length === 0) return;
    const [closed] = this.open.splice(this.prng.below(this.open.length), 1);
    closed?.stream.close();
    for (const watcher of this.expected) {
      if (watcher.sink === closed?.sink && watcher.state === "live") watcher.state = "closed";
    }
  }

  create(): void {
    if (this.open.length === 0) return;
    const { sink, stream } = this.pick(this.open);
    const { revision } = this.fixture.store;
    const start = this.pick([0, 0, this.prng.below(revision + 5), Math.max(1, revision - this.prng.below(6))]);
    const key = this.pick(KEYS);
    const end = this.pick(["", "\0", `${key}\0`, "b", "c", `${key}z`]);
    const filters = this.pick([[], [], [0], [1]]);
    const prevKv = this.prng.below(2) === 0;
    const before = sink.heard.length;
    stream.create(createRequest({ key, end, start, filters, prevKv, progress: this.prng.below(4) === 0 }));
    const answer = sink.heard[before];
    if (answer?.kind === "refused") return;
    expect(answer).toMatchObject({ kind: "created", revision });
    const from = start === 0 ? revision + 1 : start;
    if (answer?.kind === "created") {
      this.expected.push({ sink, id: answer.id, from, key, end, filters, prevKv, state: "live" });
    }
  }

  cancel(): void {
    const live = this.expected.filter((watcher) => watcher.state === "live" && !this.isCompacted(watcher));
    if (live.length === 0) return;
    const watcher = this.pick(live);
    this.open.find((open) => open.sink === watcher.sink)?.stream.cancel(watcher.id);
    watcher.state = "canceled";
    expect(watcher.sink.heard.at(-1)).toEqual({
      kind: "canceled",
      id: watcher.id,
      revision: this.fixture.store.revision,
    });
  }

  isCompacted({ sink, id }: Expected): boolean {
    return sink.heard.some((heard) => heard.kind === "compacted" && heard.id === id);
  }

  changeRoom(): void {
    if (this.open.length === 0) return;
    const { sink, stream } = this.pick(this.open);
    sink.room = this.pick([0, 1, 2, 50]);
    if (sink.room > 0) stream.resume();
  }

  /** Lets every stream run free until nothing is left to do. */
  settle(): void {
    for (const { sink, stream } of this.open) {
      sink.room = Number.POSITIVE_INFINITY;
      stream.resume();
    }
    this.fixture.sync();
  }

  /** The matching events of [from, to]. */
  matching(watcher: Expected, to: number): SeenEvent[] {
    return this.fixture.store.events(watcher.from, to).filter(({ key, type }) => {
      if (watcher.filters.includes(type === "PUT" ? 0 : 1)) return false;
      if (watcher.end === "") return key === watcher.key;
      return key >= watcher.key && (watcher.end === "\0" || key < watcher.end);
    });
  }

  check(): void {
    const { store, hub } = this.fixture;
    let liveCount = 0;
    for (const watcher of this.expected) {
      if (this.isCompacted(watcher)) watcher.state = "compacted";
      if (watcher.state === "live") liveCount++;
      const matching = this.matching(watcher, store.revision);
      const heard = watcher.sink.eventsOf(watcher.id);
      // Whoever ended early has a prefix, cut between two revisions; the others have everything.
      if (watcher.state === "live") expect(heard.length).toBe(matching.length);
      const lastRevision = heard.at(-1)?.revision;
      expect(matching[heard.length]?.revision).not.toBe(lastRevision ?? -1);
      if (watcher.state === "compacted") {
        // Whatever is missing lies, at least in part, before the compaction.
        expect(lastRevision ?? watcher.from - 1).toBeLessThan(store.compactedRevision);
      }
      for (const [i, event] of heard.entries()) this.checkEvent(watcher, event, matching[i]);
      checkOrder(watcher);
    }
    expect(hub.stats).toMatchObject({ watchers: liveCount, slowWatchers: 0, pendingRevisions: 0 });
    expect(hub.stats.streams).toBe(this.open.length + 1);
  }

  checkEvent(watcher: Expected, seen: SeenEvent, expected: SeenEvent | undefined): void {
    // Plain checks: `expect` would take most of the test's time.
    const isSame = isDeepStrictEqual({ ...seen, previous: undefined }, { ...expected, previous: undefined });
    assert(isSame, "the event is the one expected", { ...seen, expected: expected?.revision });
    if (seen.previous === (watcher.prevKv ? expected?.previous : undefined)) return;
    const isCompacted = seen.revision - 1 < this.fixture.store.compactedRevision;
    assert(seen.previous === undefined && isCompacted, "only a compacted previous value may be missing", { ...seen });
  }
}

/** Nothing before created, nothing after the end, progress only behind what it vouches for, and never backwards. */
function checkOrder({ sink, id, from }: Expected): void {
  let hasBegun = false;
  let vouched = 0;
  for (const heard of sink.heard) {
    if (heard.id !== id && !(heard.kind === "progress" && heard.id === -1n && hasBegun)) continue;
    if (heard.kind === "created") hasBegun = true;
    assert(hasBegun, "created comes first");
    if (heard.kind === "progress") {
      assert(heard.revision >= vouched, "progress never goes back");
      vouched = heard.revision;
      if (heard.id === id) assert(heard.revision >= from - 1, "no progress before the start");
    } else if (heard.kind === "events") checkBatch(heard, Math.max(vouched, from - 1));
    else if (heard.kind !== "created") return;
  }
}

function checkBatch(heard: Heard & { readonly kind: "events" }, after: number): void {
  assert(heard.events.length > 0, "no empty batch");
  for (const event of heard.events) {
    assert(event.revision > after, "no event behind a progress notification");
    assert(event.revision <= heard.revision, "the header's revision covers the events");
  }
}

describe("WatchHub", () => {
  it("gives every watcher exactly its events, once and in order, in 80 random runs", () => {
    for (let seed = 1; seed <= 80; seed++) {
      const run = new Run(seed);
      try {
        for (let i = 0; i < 3; i++) run.openStream();
        for (let part = 0; part < 4; part++) {
          for (let i = 0; i < 60; i++) run.step();
          run.settle();
          run.check();
        }
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});
