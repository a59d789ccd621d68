import { describe, expect, it } from "@jest/globals";
import { walk } from "./model/walk.ts";
import { walkSuite } from "./walk-suite.ts";

walkSuite(1);

describe("a seed", () => {
  it("gives the same walk every time", async () => {
    const [first, second] = [await walk(11), await walk(11)];

    expect(second).toEqual(first);
    expect(first.trace.length).toBeGreaterThan(20);
  }, 60_000);
});
