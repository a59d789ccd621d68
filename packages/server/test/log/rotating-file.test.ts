import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { waitUntil } from "@quorate/testkit";
import type { LogRotation } from "../../src/node/config/log-rotation.ts";
import type { LogOutput } from "../../src/node/log/log-sink.ts";
import { rotatingFile } from "../../src/node/log/rotating-file.ts";

const MIB = 1024 * 1024;
const START = Date.parse("2026-11-26T10:22:26.123Z");
const PLAIN: LogRotation = { maxSizeMiB: 1, maxAgeDays: 0, maxBackups: 0, localTime: false, compress: false };

describe("a rotating log file", () => {
  let folder = "";
  let output: LogOutput | undefined;
  let problems: string[] = [];
  let nowMs = START;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-rotation-"));
    problems = [];
    nowMs = START;
  });
  afterEach(() => {
    output?.close();
    output = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const path = (): string => join(folder, "server.log");
  const open = (rotation: Partial<LogRotation> = {}): LogOutput => {
    output = rotatingFile(path(), {
      rotation: { ...PLAIN, ...rotation },
      wallMs: () => nowMs,
      onProblem: (what, error) => problems.push(`${what}: ${String(error)}`),
    });
    return output;
  };
  /** Appends lines of one letter, `bytes` in all. */
  const append = async (to: LogOutput, letter: string, bytes: number): Promise<void> => {
    const chunk = Buffer.from(`${letter.repeat(bytes - 1)}\n`);
    await new Promise<void>((resolve, reject) =>
      to.write(chunk, (error, written) => ((error ?? written !== bytes) ? reject(error ?? written) : resolve())),
    );
  };
  const names = (): string[] => readdirSync(folder).sort();
  const settled = (wanted: readonly string[]): Promise<void> =>
    waitUntil(() => names().join() === wanted.join(), {
      what: `the files ${wanted.join()}`,
      timeoutMs: 10_000,
      detail: () => `${names().join()} ${problems.join()}`,
    });

  it("is put aside under etcd's name for it before it outgrows its size, and nothing is lost", async () => {
    const log = open();
    await append(log, "a", MIB - 10);
    await append(log, "b", 10);
    await append(log, "c", 20);

    expect(names()).toEqual(["server-2026-11-26T10-22-26.123.log", "server.log"]);
    expect(readFileSync(join(folder, "server-2026-11-26T10-22-26.123.log")).length).toBe(MIB);
    expect(readFileSync(path(), "utf8")).toBe(`${"c".repeat(19)}\n`);
    expect(problems).toEqual([]);
  });

  it("counts what was in it before, and takes another name when the first is taken", async () => {
    writeFileSync(path(), "x".repeat(MIB));
    writeFileSync(join(folder, "server-2026-11-26T10-22-26.123.log"), "older");
    await append(open(), "a", 5);

    expect(names()).toEqual(["server-2026-11-26T10-22-26.123.log", "server-2026-11-26T10-22-26.124.log", "server.log"]);
    expect(readFileSync(join(folder, "server-2026-11-26T10-22-26.123.log"), "utf8")).toBe("older");
  });

  it("does not part a line of which only the beginning was taken", () => {
    const log = open();
    log.writeNow(Buffer.from("a".repeat(MIB)));
    log.writeNow(Buffer.from("rest of the line\n"));
    log.writeNow(Buffer.from("next\n"));

    expect(names()).toHaveLength(2);
    expect(readFileSync(path(), "utf8")).toBe("next\n");
  });

  it("keeps the newest old files, as many as it may", async () => {
    const log = open({ maxBackups: 2 });
    for (const letter of "abcde") {
      await append(log, letter, MIB);
      nowMs += 1000;
    }

    await settled(["server-2026-11-26T10-22-29.123.log", "server-2026-11-26T10-22-30.123.log", "server.log"]);
    expect(readFileSync(join(folder, "server-2026-11-26T10-22-29.123.log"), "utf8").slice(0, 2)).toBe("cc");
  });

  it("removes old files that are too old, also at the start, and no file that is not one of its own", async () => {
    const kept = ["other-2026-01-01T00-00-00.000.log", "server-2026-11-25T10-22-26.123.log", "server-notes.log"];
    for (const name of [...kept, "server-2026-11-23T10-22-26.122.log"]) writeFileSync(join(folder, name), "x");
    nowMs = START;
    open({ maxAgeDays: 3 });

    await settled([...kept, "server.log"].sort());
  });

  it("compresses old files", async () => {
    const log = open({ compress: true });
    await append(log, "a", MIB);
    await append(log, "b", MIB);

    await settled(["server-2026-11-26T10-22-26.123.log.gz", "server.log"]);
    const old = gunzipSync(readFileSync(join(folder, "server-2026-11-26T10-22-26.123.log.gz")));
    expect(old.toString("latin1")).toBe(`${"a".repeat(MIB - 1)}\n`);
    expect(problems).toEqual([]);
  });

  it("goes on in the same file, and tells, when it cannot be put aside", async () => {
    const log = open();
    await append(log, "a", MIB);
    // Without its folder neither a rename nor a new file can succeed.
    rmSync(folder, { recursive: true });
    await append(log, "b", 10);
    await append(log, "c", 10);

    // Not with every line from now on, but once for as much as a file holds.
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^cannot rotate the log file: Error: ENOENT/);

    mkdirSync(folder);
    await append(log, "d", MIB);
    expect(names()).toEqual(["server.log"]);
  });
});
