import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openLog } from "../../src/node/log/index.ts";
import type { LogSink } from "../../src/node/log/log-sink.ts";

class ListSink implements LogSink {
  readonly lines: string[] = [];
  readonly droppedLines = 0;
  write(line: string): void {
    this.lines.push(line);
  }
  flushNow(): void {}
  async close(): Promise<void> {}
}

const parsed = (line: string | undefined): Record<string, unknown> =>
  JSON.parse(line ?? "{}") as Record<string, unknown>;

describe("openLog", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("appends to every file named", async () => {
    const files = ["a.log", "b.log"].map((name) => join(folder, name));
    for (const message of ["first", "second"]) {
      const log = openLog({ level: "info", format: "json", outputs: files, rotation: undefined });
      log.logger.info(message);
      await log.close();
    }

    for (const file of files) {
      const lines = readFileSync(file, "utf8").trim().split("\n");
      expect(lines.map((line) => parsed(line)["msg"])).toEqual(["first", "second"]);
    }
  });

  it("names an output that cannot be opened", () => {
    const path = join(folder, "none", "a.log");

    expect(() => openLog({ level: "info", format: "json", outputs: [path], rotation: undefined })).toThrow(
      `cannot open log output ${path}: ENOENT: no such file or directory`,
    );
  });

  it("writes lines of its level and above, with where they come from", () => {
    const sink = new ListSink();
    const { logger } = openLog({ level: "warn", format: "json", outputs: ["default"], rotation: undefined }, [sink]);

    logger.info("no");
    logger.warn("yes");
    logger.error("yes too");
    logger.fatal("last");

    expect(sink.lines.map((line) => parsed(line)["level"])).toEqual(["warn", "error", "fatal"]);
    expect(parsed(sink.lines[0])["caller"]).toMatch(/^log\/open-log\.test\.ts:\d+$/);
  });

  it("gives children their fields, and theirs to their children", () => {
    const sink = new ListSink();
    const { logger } = openLog({ level: "info", format: "json", outputs: ["default"], rotation: undefined }, [sink]);

    logger.child({ a: 1 }).child({ b: 2 }).info("m", { c: 3 });

    expect(parsed(sink.lines[0])).toMatchObject({ msg: "m", a: 1, b: 2, c: 3 });
  });

  it("thins out a line that repeats", () => {
    const sink = new ListSink();
    const { logger } = openLog({ level: "info", format: "json", outputs: ["default"], rotation: undefined }, [sink]);

    for (let i = 0; i < 1000; i++) logger.warn("flood");

    // 100, then every hundredth; the second may turn once meanwhile.
    expect(sink.lines.length).toBeGreaterThanOrEqual(109);
    expect(sink.lines.length).toBeLessThanOrEqual(220);
  });
});
