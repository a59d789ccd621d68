import { describe, expect, it } from "@jest/globals";
import { JsonLogger } from "../../../src/node/log/json-logger.ts";

describe("JsonLogger", () => {
  it("writes one JSON object a line, with what the logger is bound to", () => {
    const lines: string[] = [];
    const log = new JsonLogger({ level: "info", write: (line) => lines.push(line), wallMs: () => 0 });

    log.debug("not told");
    log
      .child({ controller: "c" })
      .warn("a pass failed", { error: new Error("no\nwhere"), revision: 2n ** 60n, bytes: new Uint8Array(3) });

    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        level: "warn",
        ts: "1970-01-01T00:00:00.000Z",
        msg: "a pass failed",
        controller: "c",
        error: "no\nwhere",
        revision: "1152921504606846976",
        bytes: "3 bytes",
      },
    ]);
    expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  });

  it("survives what cannot be written as JSON, and cuts what is long", () => {
    const lines: string[] = [];
    const log = new JsonLogger({ level: "info", write: (line) => lines.push(line), wallMs: () => 0 });
    const ring: Record<string, unknown> = {};
    ring["ring"] = ring;

    log.info("ring", { ring });
    log.info("long", { text: "x".repeat(100_000) });

    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ msg: "ring" });
    expect(lines[1]?.length).toBeLessThan(5000);
  });
});
