import { describe, expect, it } from "@jest/globals";
import type { HistoryDone } from "../../src/change.ts";
import { createRequest, Fixture } from "./fixture.ts";
import { RecordingSink } from "./recording-sink.ts";

/** No revision in memory, and reads answered by the test. */
function slowFixture(): Fixture {
  const fixture = new Fixture({ recentRevisionCountMax: 0 });
  fixture.store.isImmediate = false;
  return fixture;
}

describe("a slow stream", () => {
  it("holds nothing but its place, and gets what it missed in one batch after it resumes", () => {
    const fixture = new Fixture();
    fixture.create({});
    fixture.sink.room = 1;
    fixture.put("a", "a", "b", "a");
    expect(fixture.sink.names(0n)).toEqual(["2:a"]);
    expect(fixture.sink.refusedCount).toBe(1);
    expect(fixture.hub.stats).toMatchObject({ slowWatchers: 1, pendingRevisions: 3, eventsDelivered: 1 });
    fixture.sync();
    expect(fixture.sink.refusedCount).toBe(1);

    fixture.sink.room = 9;
    fixture.stream.resume();
    expect(fixture.wakes).toBe(1);
    fixture.sync();
    expect(fixture.sink.take().slice(2)).toMatchObject([
      { kind: "events", revision: 5, events: [{ revision: 3 }, { revision: 5 }] },
    ]);
    fixture.put("a");
    expect(fixture.sink.names(0n)).toEqual(["6:a"]);
    expect(fixture.hub.stats).toMatchObject({ slowWatchers: 0, pendingRevisions: 0, eventsDelivered: 4 });
    expect(fixture.store.readCount).toBe(0);
  });

  it("delays only itself", () => {
    const fixture = new Fixture();
    const other = new RecordingSink();
    fixture.hub.openStream(other).create(createRequest({}));
    fixture.create({});
    fixture.sink.room = 0;
    fixture.put("a", "a");
    fixture.sync();
    expect(other.names(0n)).toEqual(["2:a", "3:a"]);
    expect(other.heard.map((heard) => heard.revision)).toEqual([1, 2, 3]);
  });

  it("is blocked as a whole: its other watchers wait as soon as they have something to get", () => {
    const fixture = new Fixture();
    fixture.create({ key: "a" });
    fixture.create({ key: "b" });
    fixture.create({ key: "c" });
    fixture.sink.room = 0;
    fixture.put("a", "b");
    expect(fixture.sink.refusedCount).toBe(1);
    expect(fixture.hub.stats.slowWatchers).toBe(2);
    fixture.sink.room = 9;
    fixture.stream.resume();
    fixture.put("b", "c");
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual(["2:a"]);
    expect(fixture.sink.names(1n)).toEqual(["3:b", "4:b"]);
    expect(fixture.sink.names(2n)).toEqual(["5:c"]);
  });

  it("may refuse again and again without losing or repeating anything", () => {
    const fixture = new Fixture({ recentRevisionCountMax: 2 });
    for (let i = 0; i < 5; i++) fixture.create({ key: "a", end: "c" });
    for (let round = 0; round < 40; round++) {
      fixture.sink.room = round % 4;
      fixture.put("a", "b", "x");
      fixture.stream.resume();
      fixture.sync();
    }
    fixture.sink.room = 99;
    fixture.stream.resume();
    fixture.sync();
    const expected = fixture.store.log.filter((entry) => entry.changes[0]?.key !== "x").map((entry) => entry.revision);
    for (let id = 0n; id < 5n; id++) {
      expect(fixture.sink.eventsOf(id).map((event) => event.revision)).toEqual(expected);
    }
  });

  it("is cancelled when what it needs is compacted, even while it is blocked", () => {
    const fixture = new Fixture();
    fixture.create({});
    fixture.create({ key: "b" });
    fixture.sink.room = 0;
    fixture.put("a", "b", "a");
    fixture.compact(2);
    expect(fixture.sink.take().slice(2)).toEqual([]);
    fixture.compact(3);
    expect(fixture.sink.take()).toEqual([{ kind: "compacted", id: 0n, revision: 3 }]);
    fixture.sink.room = 9;
    fixture.stream.resume();
    fixture.sync();
    expect(fixture.sink.names(1n)).toEqual(["3:b"]);
    expect(fixture.hub.stats).toMatchObject({ watchers: 1, slowWatchers: 0 });
  });
});

describe("catching up from the backend", () => {
  it("reads once for all that stand in the same range, and shares batches of equal extent", () => {
    const fixture = slowFixture();
    fixture.put("a", "b", "a", "a");
    const sinks = [2, 2, 3, 4, 5].map((start) => {
      const sink = new RecordingSink();
      fixture.hub.openStream(sink).create(createRequest({ start }));
      return sink;
    });
    expect(fixture.hub.syncStep()).toBe(false);
    fixture.store.answer();
    fixture.sync();
    expect(fixture.store.readCount).toBe(1);
    expect(sinks.map((sink) => sink.names(0n))).toEqual([
      ["2:a", "4:a", "5:a"],
      ["2:a", "4:a", "5:a"],
      ["4:a", "5:a"],
      ["4:a", "5:a"],
      ["5:a"],
    ]);
    expect(sinks[0]?.batches[0]).toBe(sinks[1]?.batches[0]);
    expect(sinks[2]?.batches[0]).toBe(sinks[3]?.batches[0]);
    expect(sinks[0]?.batches[0]?.events[2]).toBe(sinks[4]?.batches[0]?.events[0]);
    expect(sinks.every((sink) => sink.batches[0]?.revision === 5)).toBe(true);
  });

  it("takes at most 1000 revisions a time, under the store's current revision", () => {
    const fixture = new Fixture({ recentRevisionCountMax: 0 });
    for (let i = 0; i < 2500; i++) fixture.put("a");
    fixture.create({ start: 2 });
    fixture.sync();
    expect(fixture.sink.batches.map((batch) => [batch.events.length, batch.revision])).toEqual([
      [1000, 2501],
      [1000, 2501],
      [500, 2501],
    ]);
  });

  it("goes on where a read stopped early", () => {
    const fixture = new Fixture({ recentRevisionCountMax: 0 });
    fixture.store.readRevisionCountMax = 2;
    fixture.put("a", "b", "b", "b", "a");
    fixture.create({ start: 2 });
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual(["2:a", "6:a"]);
    expect(fixture.store.readCount).toBe(3);
  });

  it("takes in what is written while it reads", () => {
    const fixture = slowFixture();
    fixture.put("a");
    fixture.create({ start: 2 });
    fixture.hub.syncStep();
    fixture.put("a", "a");
    expect(fixture.hub.hasSyncWork).toBe(false);
    fixture.store.answer();
    expect(fixture.hub.hasSyncWork).toBe(true);
    fixture.put("a");
    fixture.sync();
    fixture.put("a");
    expect(fixture.sink.names(0n)).toEqual(["2:a", "3:a", "4:a", "5:a", "6:a"]);
  });

  it("has one read in flight at a time", () => {
    const fixture = slowFixture();
    fixture.put("a");
    fixture.create({ start: 2 });
    for (let i = 0; i < 3; i++) expect(fixture.hub.syncStep()).toBe(false);
    fixture.create({ start: 2 });
    fixture.hub.syncStep();
    expect(fixture.store.pendingCount).toBe(1);
  });

  it.each<[string, (fixture: Fixture) => void]>([
    ["cancelled", (fixture) => fixture.stream.cancel(0n)],
    ["closed with its stream", (fixture) => fixture.stream.close()],
    ["compacted", (fixture) => fixture.compact(3)],
  ])("drops what was read for a watcher that is %s meanwhile", (_, act) => {
    const fixture = slowFixture();
    fixture.put("a", "a");
    fixture.create({ start: 2 });
    fixture.hub.syncStep();
    act(fixture);
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual([]);
    expect(fixture.hub.stats).toMatchObject({ watchers: 0, slowWatchers: 0 });
  });

  it("notices a compaction it was not told of", () => {
    const fixture = slowFixture();
    fixture.put("a", "a");
    fixture.create({ start: 2 });
    fixture.hub.syncStep();
    fixture.store.compactedRevision = 3;
    fixture.sync();
    expect(fixture.sink.take().slice(1)).toEqual([{ kind: "compacted", id: 0n, revision: 3 }]);
  });

  it("drops what was read for a stream that is blocked meanwhile, and reads again", () => {
    const fixture = slowFixture();
    fixture.put("a");
    fixture.create({ start: 2 });
    fixture.create({ key: "b" });
    fixture.hub.syncStep();
    fixture.sink.room = 0;
    fixture.put("b");
    fixture.store.answer();
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual([]);
    fixture.sink.room = 9;
    fixture.stream.resume();
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual(["2:a"]);
    expect(fixture.sink.names(1n)).toEqual(["3:b"]);
  });

  it("serves watchers far behind in turn, so that none waits for the slowest to finish", () => {
    const fixture = new Fixture({ recentRevisionCountMax: 10 });
    for (let i = 0; i < 5000; i++) fixture.put("a");
    const [far, middle, near] = [2, 3500, 4995].map((start) => {
      const sink = new RecordingSink();
      fixture.hub.openStream(sink).create(createRequest({ start }));
      return sink;
    });
    fixture.hub.syncStep();
    expect([far, middle, near].map((sink) => sink?.batches.length)).toEqual([1, 0, 1]);
    fixture.hub.syncStep();
    expect([far, middle, near].map((sink) => sink?.batches.length)).toEqual([1, 1, 1]);
    fixture.sync();
    expect([far, middle, near].map((sink) => sink?.eventsOf(0n).length)).toEqual([5000, 1502, 7]);
  });

  it("takes a bounded number of watchers a step", () => {
    const fixture = new Fixture();
    fixture.put("a");
    for (let i = 0; i < 1200; i++) fixture.create({ start: 2 });
    fixture.sink.take();
    const taken: number[] = [];
    do fixture.hub.syncStep();
    while (taken.push(fixture.sink.take().length) < 4);
    expect(taken).toEqual([512, 512, 176, 0]);
  });
});

describe("a replaced store", () => {
  it("goes on from where each watcher stood", () => {
    const fixture = slowFixture();
    fixture.put("a");
    fixture.create({});
    fixture.create({ start: 6 });
    fixture.create({ start: 2 });
    fixture.hub.syncStep();
    for (let i = 0; i < 5; i++) fixture.store.write(["a", `${i}`]);
    fixture.hub.onRestored();
    fixture.store.answer();
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual(["3:a", "4:a", "5:a", "6:a", "7:a"]);
    expect(fixture.sink.names(1n)).toEqual(["6:a", "7:a"]);
    expect(fixture.sink.names(2n)).toEqual(["2:a", "3:a", "4:a", "5:a", "6:a", "7:a"]);
    fixture.put("a");
    expect([0n, 1n, 2n].map((id) => fixture.sink.names(id).at(-1))).toEqual(["8:a", "8:a", "8:a"]);
  });

  it("ignores what was read from the old one", () => {
    const fixture = slowFixture();
    fixture.put("a");
    fixture.create({ start: 2 });
    const answers: HistoryDone[] = [];
    fixture.store.history = (_from, _to, done) => answers.push(done);
    fixture.hub.syncStep();
    fixture.store.write(["a", "new"]);
    fixture.hub.onRestored();
    fixture.hub.syncStep();
    answers[0]?.([{ revision: 2, changes: [] }], 2);
    expect(fixture.hub.hasSyncWork).toBe(false);
    answers[1]?.(fixture.store.log, 3);
    expect(fixture.sink.names(0n)).toEqual(["2:a", "3:a"]);
    expect(answers).toHaveLength(2);
  });

  it("spares a watcher that needs nothing of what is compacted, though it heard its last event long ago", () => {
    const fixture = new Fixture();
    fixture.create({ key: "quiet" });
    fixture.put("a", "a", "a");
    fixture.compact(4);
    fixture.store.write(["quiet", "1"]);
    fixture.hub.onRestored();
    fixture.sync();
    expect(fixture.sink.names(0n)).toEqual(["5:quiet"]);
  });

  it("cancels watchers whose place is compacted in the new one", () => {
    const fixture = new Fixture();
    fixture.put("a");
    fixture.create({});
    fixture.create({ start: 6 });
    for (let i = 0; i < 5; i++) fixture.store.write(["a", `${i}`]);
    fixture.store.compactedRevision = 5;
    fixture.hub.onRestored();
    fixture.sync();
    expect(fixture.sink.heard.filter((heard) => heard.kind === "compacted")).toEqual([
      { kind: "compacted", id: 0n, revision: 5 },
    ]);
    expect(fixture.sink.names(1n)).toEqual(["6:a", "7:a"]);
  });
});
