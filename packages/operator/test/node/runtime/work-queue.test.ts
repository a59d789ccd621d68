import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { WORK_QUEUE_DEFAULTS, type WorkOutcome, WorkQueue } from "../../../src/node/runtime/work-queue.ts";
import { ManualTime, settle } from "./manual-time.ts";

const DONE: WorkOutcome = { kind: "done", requeueAfterMs: undefined };

/** A queue whose runs end when the test says so, and what it did. */
function queueUnderTest(settings: Partial<typeof WORK_QUEUE_DEFAULTS> = {}) {
  const time = new ManualTime();
  const starts: { key: string; atMs: number }[] = [];
  const open = new Map<string, (outcome: WorkOutcome) => void>();
  const queue = new WorkQueue(
    { ...WORK_QUEUE_DEFAULTS, spacingMs: 0, ...settings },
    {
      clock: time,
      timers: time,
      prng: new SeededPrng(1),
      work: (key) => {
        if (open.has(key)) throw new Error(`${key} is worked on twice at a time`);
        starts.push({ key, atMs: time.nowMs() });
        return new Promise((resolve) => open.set(key, resolve));
      },
    },
  );
  queue.start();
  const finish = async (key: string, outcome: WorkOutcome = DONE): Promise<void> => {
    const end = open.get(key);
    open.delete(key);
    end?.(outcome);
    await settle();
  };
  return { queue, time, starts, finish, keys: () => starts.map(({ key }) => key) };
}

describe("WorkQueue", () => {
  it("works on a key once however often it was added before it was its turn", async () => {
    const { queue, keys, finish } = queueUnderTest({ concurrency: 1 });

    queue.add("a");
    queue.add("b");
    queue.add("b");
    queue.add("b");
    await finish("a");
    await finish("b");

    expect(keys()).toEqual(["a", "b"]);
    expect(queue.depth).toBe(0);
  });

  it("works on a key once more if it was added meanwhile, never twice at a time", async () => {
    const { queue, keys, finish } = queueUnderTest();

    queue.add("a");
    queue.add("a");
    queue.add("a");
    expect(keys()).toEqual(["a"]);
    await finish("a");
    expect(keys()).toEqual(["a", "a"]);
    await finish("a");

    expect(keys()).toEqual(["a", "a"]);
  });

  it("works on as many keys at a time as it may, in the order they came", async () => {
    const { queue, keys, finish } = queueUnderTest({ concurrency: 2 });

    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    expect(keys()).toEqual(["a", "b"]);
    expect(queue.depth).toBe(2);
    await finish("b");
    await finish("a");

    expect(keys()).toEqual(["a", "b", "c", "d"]);
    expect(queue.working).toBe(2);
  });

  it("waits longer after each failure, up to a minute, and no two keys alike", async () => {
    const { queue, time, starts, finish } = queueUnderTest();
    const gaps: number[] = [];

    queue.add("a");
    for (let i = 0; i < 12; i++) {
      const failedMs = time.nowMs();
      await finish("a", { kind: "failed", notBeforeMs: 0 });
      await time.advance(60_000);
      gaps.push((starts.at(-1)?.atMs ?? 0) - failedMs);
    }

    for (const [i, gap] of gaps.entries()) {
      const full = Math.min(60_000, 500 * 2 ** i);
      expect(gap).toBeGreaterThanOrEqual(Math.max(500, full / 2));
      expect(gap).toBeLessThanOrEqual(full);
    }
    expect(queue.retries).toBe(12);
    expect(new Set(gaps.slice(8)).size).toBeGreaterThan(1);
  });

  it("begins with short delays again after a success", async () => {
    const { queue, time, starts, finish } = queueUnderTest();

    queue.add("a");
    for (let i = 0; i < 6; i++) {
      await finish("a", { kind: "failed", notBeforeMs: 0 });
      await time.advance(60_000);
    }
    await finish("a");
    queue.add("a");
    const failedMs = time.nowMs();
    await finish("a", { kind: "failed", notBeforeMs: 0 });
    await time.advance(60_000);

    expect((starts.at(-1)?.atMs ?? 0) - failedMs).toBe(500);
  });

  it("asks no sooner than the server wants to be asked again", async () => {
    const { queue, time, starts, finish } = queueUnderTest();

    queue.add("a");
    await finish("a", { kind: "failed", notBeforeMs: 7000 });
    await time.advance(6999);
    expect(starts).toHaveLength(1);
    await time.advance(1);

    expect(starts).toHaveLength(2);
  });

  it("lets a change come before the time a key was put back for, and that time then counts no more", async () => {
    const { queue, time, keys, finish } = queueUnderTest();

    queue.add("a");
    await finish("a", { kind: "done", requeueAfterMs: 15_000 });
    await time.advance(5000);
    queue.add("a");
    await finish("a");
    await time.advance(60_000);

    expect(keys()).toEqual(["a", "a"]);
    expect(time.pending).toBe(0);
  });

  it("makes one run of a burst of changes that follow each other", async () => {
    const { queue, time, keys, finish } = queueUnderTest({ spacingMs: 100 });

    queue.add("a");
    await finish("a", { kind: "done", requeueAfterMs: 30_000 });
    for (let i = 0; i < 9; i++) {
      queue.add("a");
      await time.advance(10);
    }
    expect(keys()).toEqual(["a"]);
    await time.advance(10);

    expect(keys()).toEqual(["a", "a"]);
  });

  it("does nothing more for a forgotten key", async () => {
    const { queue, time, keys, finish } = queueUnderTest({ concurrency: 1 });

    queue.add("a");
    queue.add("b");
    queue.forget("b");
    await finish("a", { kind: "failed", notBeforeMs: 0 });
    queue.forget("a");
    await time.advance(60_000);

    expect(keys()).toEqual(["a"]);
    expect(time.pending).toBe(0);
  });

  it("collects before it is started", async () => {
    const time = new ManualTime();
    const worked: string[] = [];
    const work = async (key: string): Promise<WorkOutcome> => {
      worked.push(key);
      return DONE;
    };
    const queue = new WorkQueue(WORK_QUEUE_DEFAULTS, { clock: time, timers: time, prng: new SeededPrng(1), work });

    queue.add("a");
    await settle();
    expect(worked).toEqual([]);
    queue.start();
    await settle();

    expect(worked).toEqual(["a"]);
  });

  it("finishes what is worked on when it is closed, and begins nothing more", async () => {
    const { queue, time, keys, finish } = queueUnderTest({ concurrency: 1 });
    let isClosed = false;

    queue.add("a");
    queue.add("b");
    const closing = queue.close().then(() => {
      isClosed = true;
    });
    queue.add("c");
    await settle();
    expect(isClosed).toBe(false);
    await finish("a", { kind: "failed", notBeforeMs: 0 });
    await closing;
    await time.advance(60_000);

    expect(keys()).toEqual(["a"]);
  });
});
