import { describe, expect, it } from "@jest/globals";
import { NO_WATCH_ID } from "../../src/watch/sink.ts";
import { createRequest, Fixture } from "./fixture.ts";
import { RecordingSink } from "./recording-sink.ts";

function progressOf(fixture: Fixture): [bigint, number][] {
  return fixture.sink.take().flatMap((heard) => (heard.kind === "progress" ? [[heard.id, heard.revision]] : []));
}

describe("a progress request", () => {
  it("is answered for the whole stream when every watcher is up to date", () => {
    const fixture = new Fixture();
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([]);
    fixture.create({});
    fixture.create({ start: 1 });
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([]);
    fixture.sync();
    fixture.put("x", "a");
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([[NO_WATCH_ID, 3]]);
  });

  it("is not answered while the stream is blocked or catching up", () => {
    const fixture = new Fixture();
    fixture.create({});
    fixture.sink.room = 0;
    fixture.put("a");
    fixture.stream.requestProgress();
    fixture.sink.room = 9;
    fixture.stream.resume();
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([]);
    fixture.sync();
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([[NO_WATCH_ID, 2]]);
  });

  it("is not answered before the store reaches the start of a watcher", () => {
    const fixture = new Fixture();
    fixture.create({ start: 3 });
    fixture.put("x");
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([]);
    fixture.put("x");
    fixture.stream.requestProgress();
    expect(progressOf(fixture)).toEqual([[NO_WATCH_ID, 3]]);
  });
});

describe("progress notifications", () => {
  it("come at the interval plus up to a tenth, to quiet watchers that asked for them", () => {
    const fixture = new Fixture({ progressIntervalMs: 1000 });
    fixture.hub.tick(0);
    fixture.create({ progress: true });
    fixture.create({ progress: true, key: "b" });
    fixture.create({ key: "c" });
    const heardAt: number[] = [];
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 10) {
      fixture.hub.tick(nowMs);
      const progress = progressOf(fixture);
      if (progress.length === 0) continue;
      heardAt.push(nowMs);
      expect(progress).toEqual([
        [0n, 1],
        [1n, 1],
      ]);
    }
    expect(heardAt.length).toBe(9);
    for (const [i, atMs] of heardAt.entries()) {
      const sinceMs = atMs - (heardAt[i - 1] ?? 0);
      expect(sinceMs).toBeGreaterThanOrEqual(1000);
      expect(sinceMs).toBeLessThan(1110);
    }
  });

  it("are counted from the first tick, whatever the clock then says", () => {
    const fixture = new Fixture({ progressIntervalMs: 1000 });
    const sink = new RecordingSink();
    fixture.hub.openStream(sink).create(createRequest({ progress: true }));
    fixture.hub.tick(1e12);
    expect(sink.take()).toHaveLength(1);
    fixture.hub.tick(1e12 + 999);
    expect(sink.take()).toEqual([]);
    fixture.hub.tick(1e12 + 1100);
    expect(sink.take()).toHaveLength(1);
  });

  it("are spread over streams", () => {
    const fixture = new Fixture({ progressIntervalMs: 1000 });
    const sinks = Array.from({ length: 20 }, () => new RecordingSink());
    for (const sink of sinks) fixture.hub.openStream(sink).create(createRequest({ progress: true }));
    fixture.hub.tick(0);
    const times = new Set<number>();
    for (let nowMs = 990; nowMs < 1110; nowMs++) {
      fixture.hub.tick(nowMs);
      for (const sink of sinks) if (sink.take().some((heard) => heard.kind === "progress")) times.add(nowMs);
    }
    expect(times.size).toBeGreaterThan(10);
  });

  it("leave out a watcher that got events since, once", () => {
    const fixture = new Fixture({ progressIntervalMs: 1000 });
    fixture.create({ progress: true });
    fixture.put("a");
    fixture.hub.tick(2000);
    expect(progressOf(fixture)).toEqual([]);
    fixture.put("x");
    fixture.hub.tick(4000);
    expect(progressOf(fixture)).toEqual([[0n, 3]]);
  });

  it.each<[string, (fixture: Fixture) => void]>([
    ["catches up", (fixture) => fixture.create({ progress: true, start: 1 })],
    ["has not reached its start", (fixture) => fixture.create({ progress: true, start: 9 })],
    [
      "is blocked",
      (fixture) => {
        fixture.create({ progress: true, key: "b" });
        fixture.create({});
        fixture.sink.room = 0;
        fixture.put("a");
      },
    ],
  ])("leave out a watcher that %s", (_, act) => {
    const fixture = new Fixture({ progressIntervalMs: 1000 });
    fixture.put("a");
    act(fixture);
    fixture.hub.tick(2000);
    expect(progressOf(fixture)).toEqual([]);
  });
});
