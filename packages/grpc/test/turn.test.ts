import { describe, expect, it } from "@jest/globals";
import { DeadlineWheel, type Timed } from "../src/http2/deadlines.ts";
import { endOfTurn } from "../src/index.ts";
import { flushAtEndOfTurn, resumeNextTurn } from "../src/turn.ts";
import { call, RawClient, turn } from "./support/raw-client.ts";
import { startServer } from "./support/test-server.ts";

describe("the end of the turn", () => {
  it("resumes, then runs tasks and those they give, then writes", async () => {
    const order: string[] = [];
    const member = { resumeTurn: () => order.push("resume"), flushTurn: () => order.push("flush") };
    flushAtEndOfTurn(member as never);
    endOfTurn(() => {
      order.push("task 1");
      endOfTurn(() => order.push("task of task"));
    });
    endOfTurn(() => order.push("task 2"));
    resumeNextTurn(member as never);
    expect(order).toEqual([]);
    await turn();
    expect(order).toEqual(["resume", "task 1", "task 2", "task of task", "flush"]);
  });

  it("lets tasks that go on for ever not keep connections from writing", async () => {
    let runs = 0;
    let flushedAfter = 0;
    const again = (): void => {
      runs++;
      if (flushedAfter === 0) endOfTurn(again);
    };
    endOfTurn(again);
    flushAtEndOfTurn({ resumeTurn: () => undefined, flushTurn: () => void (flushedAfter = runs) });
    await turn();
    expect(flushedAfter).toBe(16);
    await turn();
  });

  it("batches the requests of a turn into one task, and their answers into one write", async () => {
    const batches: number[] = [];
    let waiting: (() => void)[] = [];
    const run = (): void => {
      const batch = waiting;
      waiting = [];
      batches.push(batch.length);
      for (const answer of batch) answer();
    };
    const test = await startServer({
      services: {
        "test.Echo": {
          Unary: {
            kind: "unary",
            handler: (c, m) => {
              const copy = m.slice();
              if (waiting.push(() => c.respond(copy)) === 1) endOfTurn(run);
            },
          },
        },
      },
    });
    const client = await RawClient.open(test.port);
    let chunks = 0;
    client.socket.on("data", () => chunks++);
    client.send(...Array.from({ length: 50 }, (_, i) => call(1 + 2 * i)));
    await client.response(99);
    expect(batches).toEqual([50]);
    expect(chunks).toBe(1);
    client.close();
    await test.server.close();
  });
});

describe("the deadline wheel", () => {
  function timed(fired: number[], name: number): Timed {
    const entry: Timed = {
      timerAtMs: 0,
      timerSlot: -1,
      timerNext: undefined,
      timerPrevious: undefined,
      onTime: () => fired.push(name),
    };
    return entry;
  }

  it("fires each entry once, never early and at most a slot late", () => {
    const wheel = new DeadlineWheel(5);
    const dueMs = [0, 7, 10, 11, 1000, 10_239, 10_240, 10_250, 25_000, 3_600_000];
    const firedAt = new Map<number, number>();
    let nowMs = 5;
    for (const at of dueMs) {
      const entry = timed([], at);
      entry.onTime = () => firedAt.set(at, nowMs);
      wheel.add(entry, at);
    }
    for (; nowMs < 30_000; nowMs += 3) wheel.advance(nowMs);
    nowMs = 3_700_000;
    wheel.advance(nowMs);
    expect(wheel.count).toBe(0);
    for (const at of dueMs.slice(0, -1)) {
      expect(firedAt.get(at)).toBeGreaterThanOrEqual(at);
      expect(firedAt.get(at)).toBeLessThan(Math.max(at, 5) + 24);
    }
    expect(firedAt.get(3_600_000)).toBe(3_700_000);
  });

  it("forgets what is removed, from anywhere, even while firing", () => {
    const wheel = new DeadlineWheel(0);
    const fired: number[] = [];
    const entries = [1, 2, 3, 4].map((name) => timed(fired, name));
    for (const entry of entries) wheel.add(entry, 50);
    const [first, second, , fourth] = entries as [Timed, Timed, Timed, Timed];
    wheel.remove(second);
    wheel.remove(second);
    fourth.onTime = () => {
      fired.push(4);
      wheel.remove(first);
    };
    wheel.advance(70);
    expect(fired).toEqual([4, 3]);
    expect(wheel.count).toBe(0);
  });
});
