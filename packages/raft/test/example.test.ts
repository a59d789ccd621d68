import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it, jest } from "@jest/globals";

const EXAMPLE = new URL("../examples/replicated-counter.mjs", import.meta.url);
const README = fileURLToPath(new URL("../README.md", import.meta.url));

describe("the replicated counter", () => {
  it("counts the same on all members, and reads it on a follower", async () => {
    const lines: string[] = [];
    const log = jest.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    try {
      await import(fileURLToPath(EXAMPLE));
    } finally {
      log.mockRestore();
    }
    expect(lines.map((line) => line.replace(/\(\w+\) /, ""))).toEqual([
      "member 1 counts 111",
      "member 2 counts 111",
      "member 3 counts 111",
      "a linearizable read at a follower: 111",
    ]);
  });

  it("has no more than 80 lines, and is what the README shows", () => {
    const source = readFileSync(fileURLToPath(EXAMPLE), "utf8");
    expect(source.trimEnd().split("\n").length).toBeLessThanOrEqual(80);
    expect(readFileSync(README, "utf8")).toContain(`\`\`\`js\n${source}\`\`\``);
  });
});
