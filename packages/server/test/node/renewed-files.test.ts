import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Logger, NO_LOGGER } from "@quorate/base";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { RenewedFiles } from "../../src/node/tls/renewed-files.ts";

describe("files that could not be read", () => {
  let directory: TemporaryDirectory;
  let path: string;
  let nowMs: number;
  let tries: number;
  let failures: number;
  let warnings: number;
  const logger: Logger = { ...NO_LOGGER, warn: () => void warnings++ };

  beforeEach(() => {
    directory = temporaryDirectory("quorate-renewed-files-");
    path = join(directory.path, "file.pem");
    writeFileSync(path, "old");
    [nowMs, tries, failures, warnings] = [0, 0, 0, 0];
  });
  afterEach(() => directory.remove());

  /** Reads as somebody does who is not root, or who has run out of descriptors. */
  function open(): RenewedFiles<string> {
    const read = (): string => {
      tries++;
      if ((statSync(path).mode & 0o444) === 0) throw new Error("EACCES: permission denied");
      if (failures > 0) {
        failures--;
        throw new Error("EMFILE: too many open files");
      }
      return readFileSync(path, "utf8");
    };
    return new RenewedFiles([path], logger, read, () => nowMs);
  }

  it("are read as soon as they may be", () => {
    const files = open();
    writeFileSync(path, "new");
    chmodSync(path, 0);
    expect(files.current()).toBe("old");
    expect(files.current()).toBe("old");
    expect([tries, warnings]).toEqual([2, 1]);
    chmodSync(path, 0o644);
    expect(files.current()).toBe("new");
  });

  it("are tried again once a second though nothing about them has changed", () => {
    const files = open();
    writeFileSync(path, "newer");
    failures = 2;
    for (const [atMs, value, triesSoFar] of [
      [0, "old", 2],
      [999, "old", 2],
      [1000, "old", 3],
      [1999, "old", 3],
      [2000, "newer", 4],
      [9999, "newer", 4],
    ] as const) {
      nowMs = atMs;
      expect({ atMs, value: files.current(), tries }).toEqual({ atMs, value, tries: triesSoFar });
    }
    expect(warnings).toBe(1);
  });
});
