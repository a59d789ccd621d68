import { describe, expect, it } from "@jest/globals";
import { mainRevisionOf, revisionBytes } from "../src/revision-bytes.ts";

describe("revisionBytes", () => {
  it.each([
    [1, 0, false, "00000000000000015f0000000000000000"],
    [258, 3, false, "00000000000001025f0000000000000003"],
    [2 ** 40 + 5, 2 ** 33, true, "00000100000000055f000000020000000074"],
    [Number.MAX_SAFE_INTEGER, 0, false, "001fffffffffffff5f0000000000000000"],
  ])("writes (%d, %d) as etcd does", (main, sub, isTombstone, hex) => {
    const written = revisionBytes(main, sub, isTombstone);

    expect(Buffer.from(written).toString("hex")).toBe(hex);
    expect(mainRevisionOf(written)).toBe(main);
  });

  it("orders as revisions do", () => {
    const order = [revisionBytes(2, 0), revisionBytes(2, 0, true), revisionBytes(2, 1), revisionBytes(256, 0)];

    expect([...order].sort((a, b) => Buffer.compare(a, b))).toEqual(order);
  });
});
