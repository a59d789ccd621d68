import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { IntervalTree } from "../../src/watch/interval-tree.ts";

const point = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "c", "d") });
const interval = fc.tuple(point, point).map(([a, b]) => (a < b ? [a, b] : [b, `${a}x`]) as [string, string]);

describe("IntervalTree", () => {
  it("finds what a scan over all intervals finds, while intervals come and go", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ interval, isAdd: fc.boolean(), probe: point }), { maxLength: 120 }), (steps) => {
        const tree = new IntervalTree<string>();
        const model = new Map<string, [string, string]>();
        for (const {
          interval: [begin, end],
          isAdd,
          probe,
        } of steps) {
          const name = `${begin},${end}`;
          if (isAdd && !model.has(name)) {
            tree.add(begin, end, name);
            model.set(name, [begin, end]);
          } else if (!isAdd && model.delete(name)) tree.remove(begin, end);
          expect(tree.get(begin, end)).toBe(model.has(name) ? name : undefined);
          const found: string[] = [];
          tree.stab(probe, found);
          const expected = [...model].filter(([, [b, e]]) => b <= probe && probe < e).map(([key]) => key);
          expect(found.sort()).toEqual(expected.sort());
          expect(tree.size).toBe(model.size);
        }
      }),
    );
  });

  it("looks at few of many intervals that are added in order", () => {
    const tree = new IntervalTree<number>();
    const count = 100_000;
    const name = (i: number): string => i.toString().padStart(8, "0");
    for (let i = 0; i < count; i++) tree.add(name(i), name(i + 1), i);
    for (const i of [0, 1, 777, 50_000, count - 1]) {
      const found: number[] = [];
      tree.stab(name(i), found);
      expect(found).toEqual([i]);
    }
  });
});
