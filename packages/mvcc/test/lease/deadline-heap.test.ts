import { describe, expect, it } from "@jest/globals";
import { SeededPrng } from "@quorate/base";
import { DeadlineHeap } from "../../src/lease/deadline-heap.ts";

describe("DeadlineHeap", () => {
  it("gives items by deadline, as sorting does, while others come and go", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const prng = new SeededPrng(seed);
      const heap = new DeadlineHeap<{ gone: boolean; atMs: number }>();
      let model: { gone: boolean; atMs: number }[] = [];
      for (let i = 0; i < 1000; i++) {
        const dice = prng.below(10);
        if (dice < 5) {
          const item = { gone: false, atMs: prng.below(500) };
          heap.push(item.atMs, item);
          model.push(item);
        } else if (dice < 8 && model.length > 0) {
          const [item] = model.splice(prng.below(model.length), 1);
          if (item !== undefined) item.gone = true;
          heap.noteGone();
        } else {
          let popped = heap.pop();
          while (popped?.gone) popped = heap.pop();
          const earliest = Math.min(...model.map((item) => item.atMs));
          expect(popped?.atMs ?? Number.POSITIVE_INFINITY).toBe(earliest);
          model = model.filter((item) => item !== popped);
        }
      }
    }
  });

  it("does not keep what is gone", () => {
    const heap = new DeadlineHeap<{ gone: boolean }>();
    for (let i = 0; i < 10_000; i++) {
      const item = { gone: false };
      heap.push(1_000_000 + i, item);
      item.gone = true;
      heap.noteGone();
    }
    expect(heap.size).toBeLessThan(200);
    heap.clear();
    expect(heap.size).toBe(0);
    expect(heap.earliestMs).toBe(Number.POSITIVE_INFINITY);
    expect(heap.pop()).toBeUndefined();
  });
});
