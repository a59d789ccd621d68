import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { utf8Bytes } from "@quorate/base";
import { revisionBytes } from "@quorate/mvcc";
import { createKeyValue, encodeKeyValue } from "@quorate/protocol";
import { type BboltRecord, NODE_FILE_SYSTEM, writeBboltFile } from "@quorate/storage";
import { waitUntil } from "@quorate/testkit";
import { lockHolder } from "../../src/offline/file-lock.ts";
import { capturedRun } from "../captured-run.ts";
import { BUCKETS, prepareQuorate, scratch } from "./support/peer-tools.ts";

jest.setTimeout(60_000);

function* revisions(count: number): Generator<readonly BboltRecord[]> {
  for (let main = 2; main < count + 2; main++) {
    const kv = createKeyValue({
      key: utf8Bytes(`key${main}`),
      value: new Uint8Array(600).fill(main),
      createRevision: main,
      modRevision: main,
      version: 1,
    });
    yield [{ key: revisionBytes(main, 0), value: encodeKeyValue(kv) }];
  }
}

/** A snapshot that takes a while to restore. */
async function largeSnapshot(directory: string): Promise<string> {
  const path = join(directory, "large.db");
  const sources = BUCKETS.map((name) => ({ name, records: () => (name === "key" ? revisions(60_000) : []) }));
  await writeBboltFile(NODE_FILE_SYSTEM, path, sources);
  appendFileSync(path, createHash("sha256").update(readFileSync(path)).digest());
  return path;
}

describe("a restore that is interrupted", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`leaves nothing after ${signal}`, async () => {
      using directory = scratch();
      const path = await largeSnapshot(directory.path);
      const data = join(directory.path, "data");
      const run = await capturedRun(["snapshot", "restore", path, `--data-dir=${data}`], {
        during: (send) => {
          const begun = waitUntil(() => existsSync(join(data, "member.building/db")), {
            what: "the engine in the making",
            timeoutMs: 20_000,
          });
          void begun.then(() => send(signal));
        },
      });
      expect([run.code, run.signal]).toEqual([signal === "SIGINT" ? 130 : 143, signal]);
      expect(run.stderr).not.toContain("Error:");
      expect(readdirSync(directory.path)).toEqual(["large.db"]);
    });
  }

  it("leaves a directory that no member starts on, where the process was killed", async () => {
    using directory = scratch();
    const path = await largeSnapshot(directory.path);
    const node = await prepareQuorate();
    try {
      const program = resolve(import.meta.dirname, "../../bin/quoratectl.js");
      const words = ["snapshot", "restore", path, `--data-dir=${node.dataDirectory}`];
      const child = spawn(process.execPath, [program, ...words], { stdio: "ignore" });
      const ended = new Promise((done) => child.once("exit", (_, signal) => done(signal)));
      const building = join(node.dataDirectory, "member.building");
      await waitUntil(() => existsSync(join(building, "db")) || child.exitCode !== null, {
        what: "the engine in the making",
        timeoutMs: 20_000,
      });
      child.kill("SIGKILL");
      expect(await ended).toBe("SIGKILL");
      expect(readdirSync(node.dataDirectory)).toEqual(["member.building"]);
      const server = node.spawn();
      expect((await server.untilExit(20_000)).code).toBe(1);
      expect(node.wholeLog()).toContain("restoring this data directory was begun and has not ended");
      const again = await capturedRun(words);
      expect([again.code, again.stderr]).toEqual([
        1,
        expect.stringContaining(`Error: data-dir "${node.dataDirectory}" not empty or could not be read\n`),
      ]);
    } finally {
      await node.close();
    }
  });
});

describe("the lock on a file", () => {
  it("is nobody's where nobody holds one", () => {
    using directory = scratch();
    const path = join(directory.path, "file");
    writeFileSync(path, "x");
    const fd = openSync(path, "r");
    expect(lockHolder(path)).toBeUndefined();
    closeSync(fd);
    expect(lockHolder(join(directory.path, "none"))).toBeUndefined();
  });
});
