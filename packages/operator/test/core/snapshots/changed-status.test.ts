import { describe, expect, it } from "@jest/globals";
import { changedStatus } from "../../../src/core/index.ts";

describe("changedStatus", () => {
  it.each<[string, object | undefined, object, object | undefined]>([
    ["keeps what is not named", { a: 1, b: 2 }, { b: 3 }, { a: 1, b: 3 }],
    ["is nothing if all is so", { a: { x: 1, y: [1, { z: 2 }] }, b: 1 }, { a: { y: [1, { z: 2 }], x: 1 } }, undefined],
    ["takes away what nested objects have too much", { a: { x: 1, y: 2 } }, { a: { x: 1 } }, { a: { x: 1 } }],
    ["replaces lists whole", { a: [1, 2] }, { a: [2] }, { a: [2] }],
    ["does not name what is undefined", { a: 1 }, { a: undefined }, undefined],
    ["makes a status where there was none", undefined, { a: { b: 1 } }, { a: { b: 1 } }],
  ])("%s", (_what, before, wanted, status) => {
    expect(changedStatus(before, wanted)).toEqual(status);
  });
});
