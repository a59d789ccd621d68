import { describe, expect, it } from "@jest/globals";
import {
  NO_WATCH_ID,
  REFUSED_DUPLICATE_ID,
  REFUSED_EMPTY_RANGE,
  REFUSED_NEGATIVE_REVISION,
} from "../../src/watch/sink.ts";
import { type CreateOptions, Fixture } from "./fixture.ts";

describe("creating a watcher", () => {
  it.each<[string, CreateOptions, string[]]>([
    ["a single key", { key: "b" }, ["b"]],
    ["a range", { key: "b", end: "d" }, ["b", "c", "cc"]],
    ["everything from a key on", { key: "c", end: "\0" }, ["c", "cc", "d", "\xff"]],
    ["everything", { key: "", end: "\0" }, ["\0", "a", "b", "c", "cc", "d", "\xff"]],
    ["an empty key, which is key 0x00", { key: "" }, ["\0"]],
    ["an empty key with an end", { key: "", end: "b" }, ["\0", "a"]],
  ])("watches %s", (_, options, expected) => {
    const fixture = new Fixture();
    fixture.create(options);
    fixture.put("\0", "a", "b", "c", "cc", "d", "\xff");
    expect(fixture.sink.eventsOf(0n).map((event) => event.key)).toEqual(expected);
    expect(fixture.sink.heard[0]).toEqual({ kind: "created", id: 0n, revision: 1 });
  });

  it.each<[string, CreateOptions, string]>([
    ["an end equal to the key", { key: "b", end: "b" }, REFUSED_EMPTY_RANGE],
    ["an end before the key", { key: "b", end: "a" }, REFUSED_EMPTY_RANGE],
    ["an empty key with an end just behind it", { key: "", end: "\0\0", id: 5n }, ""],
    ["a negative start", { start: -1 }, REFUSED_NEGATIVE_REVISION],
    ["a negative start on an empty range", { key: "b", end: "a", start: -5 }, REFUSED_NEGATIVE_REVISION],
  ])("answers %s", (_, options, reason) => {
    const fixture = new Fixture();
    fixture.put("x");
    fixture.create(options);
    expect(fixture.sink.heard).toEqual(
      reason === ""
        ? [{ kind: "created", id: options.id, revision: 2 }]
        : [{ kind: "refused", id: NO_WATCH_ID, revision: 2, reason }],
    );
    expect(fixture.hub.stats.watchers).toBe(reason === "" ? 1 : 0);
  });

  it("picks ids from a counter that skips those in use and never goes back", () => {
    const fixture = new Fixture();
    fixture.create({ id: 1n });
    fixture.create({});
    fixture.create({});
    fixture.stream.cancel(2n);
    fixture.create({});
    fixture.create({ id: 2n });
    fixture.create({ id: -7n });
    expect(fixture.sink.heard.map((heard) => [heard.kind, "id" in heard ? heard.id : undefined])).toEqual([
      ["created", 1n],
      ["created", 0n],
      ["created", 2n],
      ["canceled", 2n],
      ["created", 3n],
      ["created", 2n],
      ["created", -7n],
    ]);
  });

  it("refuses an id in use on the stream, but not one in use on another", () => {
    const fixture = new Fixture();
    fixture.create({ id: 9n });
    fixture.create({ id: 9n, key: "z" });
    expect(fixture.sink.take().slice(1)).toEqual([
      { kind: "refused", id: NO_WATCH_ID, revision: 1, reason: REFUSED_DUPLICATE_ID },
    ]);
    const other = new Fixture();
    other.create({ id: 9n });
    expect(other.sink.heard).toEqual([{ kind: "created", id: 9n, revision: 1 }]);
    fixture.put("a", "z");
    expect(fixture.sink.names(9n)).toEqual(["2:a"]);
  });

  it.each<[string, number, string[]]>([
    ["0, from the next write on", 0, ["5:a", "6:a"]],
    ["1, all of history", 1, ["2:a", "3:a", "4:a", "5:a", "6:a"]],
    ["a revision of the past, which is included", 3, ["3:a", "4:a", "5:a", "6:a"]],
    ["the current revision", 4, ["4:a", "5:a", "6:a"]],
    ["the next revision", 5, ["5:a", "6:a"]],
    ["a future revision", 6, ["6:a"]],
    ["a far future revision", 2 ** 53, []],
  ])("starts at %s", (_, start, expected) => {
    for (const recentRevisionCountMax of [0, 1, 2, 1000]) {
      const fixture = new Fixture({ recentRevisionCountMax });
      fixture.put("a", "a", "a");
      fixture.create({ start });
      expect(fixture.sink.heard).toEqual([{ kind: "created", id: 0n, revision: 4 }]);
      fixture.sync();
      fixture.put("a", "a");
      expect(fixture.sink.names(0n)).toEqual(expected);
      // Revisions 2 to 4 exist; the backend is read only for those that are no longer in memory.
      const firstInMemory = Math.max(2, 5 - recentRevisionCountMax);
      expect(fixture.store.readCount).toBe(start > 0 && start < Math.min(firstInMemory, 5) ? 1 : 0);
    }
  });

  it("keeps the id of a watcher that a compaction ended taken until the client cancels it too", () => {
    const fixture = new Fixture();
    fixture.put("a", "a", "a");
    fixture.compact(3);
    fixture.create({ start: 2, id: 7n });
    fixture.create({ id: 7n });
    fixture.stream.cancel(7n);
    fixture.stream.cancel(7n);
    fixture.create({ id: 7n });

    expect(fixture.sink.heard.map(({ kind, id }) => [kind, id])).toEqual([
      ["created", 7n],
      ["compacted", 7n],
      ["refused", -1n],
      ["canceled", 7n],
      ["created", 7n],
    ]);
  });

  it("tells in a message of its own that the start is compacted, and forgets the watcher", () => {
    const fixture = new Fixture();
    fixture.put("a", "a", "a");
    fixture.compact(3);
    fixture.create({ start: 2 });
    fixture.create({ start: 3 });
    fixture.sync();
    expect(fixture.sink.heard.slice(0, 3)).toEqual([
      { kind: "created", id: 0n, revision: 4 },
      { kind: "compacted", id: 0n, revision: 3 },
      { kind: "created", id: 1n, revision: 4 },
    ]);
    expect(fixture.sink.names(1n)).toEqual(["3:a", "4:a"]);
    fixture.create({ id: 0n });
    fixture.stream.cancel(0n);
    expect(fixture.hub.stats).toMatchObject({ watchers: 2, slowWatchers: 0 });
  });

  it("delivers the watcher's own events only after created, whatever the sink does inside", () => {
    const fixture = new Fixture();
    fixture.sink.created = (id, revision) => {
      fixture.sink.heard.push({ kind: "created", id, revision });
      if (id === 0n) fixture.stream.cancel(id);
      if (id === 1n) fixture.stream.close();
    };
    fixture.create({});
    fixture.create({ start: 1 });
    fixture.create({});
    fixture.put("a");
    fixture.sync();
    expect(fixture.sink.heard.map((heard) => heard.kind)).toEqual(["created", "canceled", "created"]);
    expect(fixture.hub.stats).toMatchObject({ watchers: 0, streams: 0, slowWatchers: 0 });
  });
});
