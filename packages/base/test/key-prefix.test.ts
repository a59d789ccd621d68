import { describe, expect, it } from "@jest/globals";
import { prefixEnd } from "../src/key-prefix.ts";

describe("prefixEnd", () => {
  it.each([
    [[0x61], [0x62]],
    [[0x61, 0xff], [0x62]],
    [
      [0x61, 0x00],
      [0x61, 0x01],
    ],
    [[0xff, 0xff], [0]],
    [[], [0]],
  ])("of %j is %j", (prefix, end) => {
    expect([...prefixEnd(Uint8Array.from(prefix))]).toEqual(end);
  });

  it("leaves the prefix as it is, and gives its answer away", () => {
    const prefix = Uint8Array.of(0x61);
    prefixEnd(prefix)[0] = 0;
    prefixEnd(Uint8Array.of())[0] = 7;

    expect([...prefix]).toEqual([0x61]);
    expect([...prefixEnd(Uint8Array.of())]).toEqual([0]);
  });
});
