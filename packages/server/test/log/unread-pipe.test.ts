import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { standardOutput } from "../../src/node/log/log-output.ts";
import { QueuedSink } from "../../src/node/log/log-sink.ts";

const LINE = `${"x".repeat(99)}\n`;

/** A pipe has room for 64 KiB; this is thirty times that and twice what the queue holds. */
const LINES = 20_000;

describe("a pipe that nobody reads", () => {
  let folder = "";
  let blocking = -1;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-pipe-"));
    const path = join(folder, "fifo");
    execFileSync("mkfifo", [path]);
    // Open for both, so that there is a reader; in blocking mode, as an inherited standard error is.
    blocking = openSync(path, constants.O_RDWR);
  });
  afterEach(() => {
    closeSync(blocking);
    rmSync(folder, { recursive: true });
  });

  it("holds up neither the event loop nor closing, and costs lines alone", async () => {
    const sink = new QueuedSink(standardOutput(blocking), {
      queueCharsMax: 1 << 20,
      droppedLine: (count) => `dropped ${count}\n`,
      retryMs: 1,
    });

    for (let i = 0; i < LINES; i++) sink.write(LINE);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    sink.flushNow(10);
    await sink.close(10);

    expect(sink.droppedLines).toBeGreaterThan(LINES - (2 << 20) / LINE.length);
    expect(sink.droppedLines).toBeLessThan(LINES);
  });

  it("gets every line that fits once it is read again, and the number of those that did not", async () => {
    const sink = new QueuedSink(standardOutput(blocking), {
      queueCharsMax: 200_000,
      droppedLine: (count) => `dropped ${count}\n`,
      retryMs: 1,
    });
    for (let i = 0; i < LINES; i++) sink.write(LINE);

    let text = "";
    const chunk = Buffer.alloc(65536);
    while (!text.includes("dropped")) {
      // At least one of these lines is always on its way, so the read does not wait for ever.
      text += chunk.toString("latin1", 0, readSync(blocking, chunk));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      sink.write("tick\n");
    }
    await sink.close(1000);

    const lines = text.split("\n").filter((line) => line.startsWith("x"));
    const told = [...text.matchAll(/dropped (\d+)\n/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect(lines.every((line) => line.length === 99)).toBe(true);
    expect(lines.length + told).toBeGreaterThanOrEqual(LINES);
  });
});
