import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { BboltReader, NODE_FILE_SYSTEM } from "@quorate/storage";
import { scratch } from "./support/level-fixture.ts";

const PROGRAM = fileURLToPath(new URL("./support/thread-snapshot.mjs", import.meta.url));

/** What the compiled package did in a scenario. Tests run from sources, which have no second thread. */
function run(directory: string, scenario: string): Record<string, unknown> {
  const args = [PROGRAM, join(directory, "data"), scenario, join(directory, "snapshot.db")];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 15_000 })) as Record<
    string,
    unknown
  >;
}

describe("a snapshot made on a thread of its own", () => {
  it("holds every record, in as many bytes as it said, with their digest", () => {
    using directory = scratch();
    expect(run(directory.path, "whole")).toMatchObject({ same: true });
    const reader = BboltReader.open(NODE_FILE_SYSTEM, join(directory.path, "snapshot.db"));
    const count = (name: string): number => {
      const bucket = reader.bucket(name);
      let records = 0;
      for (const page of bucket === undefined ? [] : reader.records(bucket)) records += page.length;
      return records;
    };
    expect([count("key"), count("lease")]).toEqual([20_000, 1]);
    reader.close();
  });

  it("fails with the thread's reason where the engine is damaged", () => {
    using directory = scratch();
    const { code, message, name } = run(directory.path, "damaged");
    expect([name, code]).toEqual(["StorageError", "damaged"]);
    expect(message).toMatch(/cannot make a snapshot: .*damaged table of the engine: .*\.ldb at byte \d+; remove that/);
  });

  it.each(["closed", "closed while it is read"])("ends with the storage: %s", (scenario) => {
    using directory = scratch();
    expect(run(directory.path, scenario)).toMatchObject({ name: "StorageError", code: "closed" });
  });

  it("can be given up, and the program ends", () => {
    using directory = scratch();
    expect(run(directory.path, "given up")).toEqual({ bytes: 256 * 1024 });
  });
});
