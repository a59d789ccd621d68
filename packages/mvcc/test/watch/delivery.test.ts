import { describe, expect, it } from "@jest/globals";
import { eventFieldBytes } from "../../src/watch/event-encoder.ts";
import type { CreateOptions } from "./fixture.ts";
import { createRequest, Fixture } from "./fixture.ts";
import { RecordingSink } from "./recording-sink.ts";

const NO_PUT = 0;
const NO_DELETE = 1;

describe("delivering events", () => {
  it("hands over one batch a revision, in the order of the changes, with its revision", () => {
    const fixture = new Fixture();
    fixture.create({ key: "a", end: "z" });
    fixture.write(["c", "1"], ["a", "2"], ["zz", "3"], ["b", "4"]);
    fixture.write(["a", "5"]);
    expect(fixture.sink.heard.slice(1)).toMatchObject([
      { kind: "events", id: 0n, revision: 2, events: [{ key: "c" }, { key: "a" }, { key: "b" }] },
      { kind: "events", id: 0n, revision: 3, events: [{ key: "a", value: "5" }] },
    ]);
  });

  it("encodes a put as stored and a deletion with its key and revision", () => {
    const fixture = new Fixture();
    fixture.create({ key: "k" });
    fixture.write(["k", "v"]);
    fixture.write(["k", undefined]);
    const [put, deletion] = fixture.sink.batches.map((batch) => batch.events[0] as Uint8Array);
    expect([...(put as Uint8Array)]).toEqual([0x12, 8, 0x0a, 1, 0x6b, 0x18, 2, 0x2a, 1, 0x76]);
    expect([...(deletion as Uint8Array)]).toEqual([0x08, 1, 0x12, 5, 0x0a, 1, 0x6b, 0x18, 3]);
  });

  it.each([200, 20_000])("encodes values of %d bytes and says what they take", (size) => {
    const fixture = new Fixture();
    fixture.create({ key: "k", prevKv: true });
    fixture.write(["k", "x".repeat(size)]);
    fixture.write(["k", "y".repeat(size)]);
    expect(fixture.sink.eventsOf(0n)[1]).toEqual({
      type: "PUT",
      key: "k",
      revision: 3,
      value: "y".repeat(size),
      previous: "x".repeat(size),
    });
    const batch = fixture.sink.batches[1];
    expect(batch?.sizeBytes).toBe(eventFieldBytes(batch?.events[0] as Uint8Array));
    expect(batch?.sizeBytes).toBeGreaterThan(2 * size);
  });

  it("encodes revisions beyond 32 bits", () => {
    const fixture = new Fixture();
    fixture.store.revision = 2 ** 40;
    fixture.hub.onRestored();
    fixture.create({ key: "k" });
    fixture.write(["k", "v"]);
    fixture.write(["k", undefined]);
    expect(fixture.sink.names(0n)).toEqual([`${2 ** 40 + 1}:k`, `${2 ** 40 + 2}:k`]);
  });

  it.each<[string, readonly number[], string[]]>([
    ["none", [], ["PUT", "PUT", "DELETE", "PUT"]],
    ["NOPUT", [NO_PUT], ["DELETE"]],
    ["NODELETE", [NO_DELETE], ["PUT", "PUT", "PUT"]],
    ["both", [NO_PUT, NO_DELETE], []],
    ["unknown ones", [7, -1], ["PUT", "PUT", "DELETE", "PUT"]],
  ])("applies filters: %s", (_, filters, expected) => {
    const fixture = new Fixture();
    fixture.put("a");
    fixture.create({ filters });
    fixture.create({ filters, start: 2 });
    fixture.put("a");
    fixture.sync();
    fixture.write(["a", undefined]);
    fixture.put("a");
    const types = (id: bigint): string[] => fixture.sink.eventsOf(id).map((event) => event.type);
    expect(types(1n)).toEqual(expected);
    expect(types(0n)).toEqual(filters.includes(NO_PUT) ? expected : expected.slice(1));
    // A revision of which nothing is left gives no message.
    expect(fixture.sink.batches.every((batch) => batch.events.length > 0)).toBe(true);
  });

  it("tells the previous value of updates and deletions, not of creations", () => {
    for (const start of [0, 2]) {
      const fixture = new Fixture();
      fixture.create({ prevKv: true, start: start });
      for (const value of ["1", "2", undefined, "3", "4"]) fixture.write(["a", value]);
      expect(fixture.sink.eventsOf(0n).map((event) => event.previous)).toEqual([undefined, "1", "2", undefined, "3"]);
    }
  });

  it("leaves the previous value out when it is compacted", () => {
    const fixture = new Fixture({ recentRevisionCountMax: 0 });
    fixture.write(["a", "1"]);
    fixture.write(["a", "2"]);
    fixture.write(["a", "3"]);
    fixture.compact(3);
    fixture.create({ prevKv: true, start: 3 });
    fixture.sync();
    expect(fixture.sink.eventsOf(0n).map((event) => event.previous)).toEqual([undefined, "2"]);
  });

  it("gives watchers of equal range, filters and prev_kv the same batch, and others batches with the same event", () => {
    const fixture = new Fixture();
    const sinks: RecordingSink[] = [];
    const variants: CreateOptions[] = [
      { key: "a", end: "b" },
      { key: "a", end: "b" },
      { key: "a", end: "c" },
      { key: "a" },
      { key: "a", prevKv: true },
      { key: "a", filters: [NO_DELETE] },
    ];
    for (const options of variants) {
      const sink = new RecordingSink();
      fixture.hub.openStream(sink).create(createRequest(options));
      sinks.push(sink);
    }
    fixture.put("a", "a");
    const batches = sinks.map((sink) => sink.batches[1]);
    expect(batches[0]).toBe(batches[1]);
    expect(new Set(batches).size).toBe(5);
    expect(new Set(batches.map((batch) => batch?.events[0])).size).toBe(2);
    expect(batches[0]?.cache).toBeUndefined();
  });

  it("sends each watcher of a stream its own message, and passes on what it asked about fragments", () => {
    const fixture = new Fixture();
    fixture.create({});
    fixture.create({ fragment: true });
    fixture.create({ end: "b" });
    fixture.put("a");
    const order = fixture.sink.heard.flatMap((heard) => (heard.kind === "events" ? [heard.id] : []));
    expect(order).toHaveLength(3);
    expect(new Set(order)).toEqual(new Set([0n, 1n, 2n]));
    expect(fixture.sink.fragments[order.indexOf(1n)]).toBe(true);
    expect(fixture.sink.fragments.filter(Boolean)).toHaveLength(1);
  });

  it("stops at cancel and close, and ignores unknown ids", () => {
    const fixture = new Fixture();
    fixture.create({});
    fixture.create({});
    fixture.put("a");
    fixture.stream.cancel(0n);
    fixture.stream.cancel(0n);
    fixture.stream.cancel(77n);
    fixture.put("a");
    fixture.stream.close();
    fixture.put("a");
    fixture.stream.close();
    fixture.create({});
    fixture.stream.cancel(1n);
    fixture.stream.requestProgress();
    fixture.stream.resume();
    expect(fixture.sink.heard.filter((heard) => heard.kind === "canceled")).toEqual([
      { kind: "canceled", id: 0n, revision: 2 },
    ]);
    expect(fixture.sink.names(0n)).toEqual(["2:a"]);
    expect(fixture.sink.names(1n)).toEqual(["2:a", "3:a"]);
    expect(fixture.hub.stats).toEqual({
      streams: 0,
      watchers: 0,
      slowWatchers: 0,
      pendingRevisions: 0,
      eventsDelivered: 3,
    });
  });

  it("survives a sink that ends and makes watchers while it takes events", () => {
    for (const victim of [0n, 1n, 2n, 3n]) {
      const fixture = new Fixture();
      for (let i = 0; i < 4; i++) fixture.create({});
      let isFirst = true;
      fixture.sink.onEvents = () => {
        if (!isFirst) return;
        isFirst = false;
        fixture.stream.cancel(victim);
        fixture.create({ key: "a" });
      };
      fixture.put("a", "a");
      for (const id of [0n, 1n, 2n, 3n]) {
        if (id !== victim) expect(fixture.sink.names(id)).toEqual(["2:a", "3:a"]);
      }
      expect(fixture.sink.names(victim).length).toBeLessThanOrEqual(1);
      expect(fixture.sink.names(4n)).toEqual(["3:a"]);
    }
    const fixture = new Fixture();
    for (let i = 0; i < 4; i++) fixture.create({});
    fixture.sink.onEvents = () => fixture.stream.close();
    fixture.put("a", "a");
    expect(fixture.hub.stats).toMatchObject({ streams: 0, watchers: 0, slowWatchers: 0, eventsDelivered: 1 });
  });
});
