/** `snapshot save` from servers that send less or other than they should, which no real one does when it is asked to. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { SnapshotResponse } from "@quorate/protocol";
import { temporaryDirectory } from "@quorate/testkit";
import { type CapturedRun, capturedRun } from "../captured-run.ts";
import { SnapshotServer } from "./snapshot-server.ts";

const DATA = new Uint8Array(2048).fill(7);
const DIGEST = createHash("sha256").update(DATA).digest();

const DAMAGED: readonly (readonly [string, readonly Partial<SnapshotResponse>[], string])[] = [
  ["nothing", [], "sha256 checksum not found [bytes: 0]"],
  ["no checksum", [{ blob: DATA }], "sha256 checksum not found [bytes: 2048]"],
  [
    "another checksum",
    [{ blob: DATA }, { blob: DIGEST.map((byte) => byte ^ 1) }],
    "the snapshot is damaged: its checksum is another than the server sent",
  ],
  [
    "a piece less, of a length that could be right",
    [
      { blob: DATA, remainingBytes: 512 },
      { blob: DIGEST, remainingBytes: 512 },
    ],
    "the snapshot is damaged: it ended 512 bytes early",
  ],
  ["a piece less", [{ blob: DATA.subarray(0, 700), remainingBytes: 1380 }], "sha256 checksum not found [bytes: 700]"],
];

async function saved(file: string, responses: readonly Partial<SnapshotResponse>[]): Promise<CapturedRun> {
  await using server = await SnapshotServer.start(responses);
  return await capturedRun([`--endpoints=${server.endpoint}`, "snapshot", "save", file]);
}

describe("snapshot save", () => {
  it("keeps what is whole, in the place of what was there", async () => {
    using directory = temporaryDirectory("quorate-cli-", "memory");
    const file = join(directory.path, "a.db");
    writeFileSync(file, "older");
    const pieces = [
      { blob: DATA.subarray(0, 1500), remainingBytes: 548, version: "3.7.0" },
      { blob: DATA.subarray(1500), remainingBytes: 0 },
      { blob: DIGEST },
    ];
    expect(await saved(file, pieces)).toEqual({
      code: 0,
      stdout: `Snapshot saved at ${file}\nServer version 3.7.0\n`,
      stderr: "",
    });
    expect(readFileSync(file)).toEqual(Buffer.concat([DATA, DIGEST]));
    expect(readdirSync(directory.path)).toEqual(["a.db"]);
  });

  it.each(DAMAGED)("refuses %s, and leaves what was there", async (_what, responses, message) => {
    using directory = temporaryDirectory("quorate-cli-", "memory");
    const file = join(directory.path, "a.db");
    writeFileSync(file, "older");

    expect(await saved(file, responses)).toEqual({ code: 5, stdout: "", stderr: `Error: ${message}\n` });

    expect(readFileSync(file, "utf8")).toBe("older");
    expect(readdirSync(directory.path)).toEqual(["a.db"]);
  });

  it("tells which file it cannot make, in Go's words", async () => {
    using directory = temporaryDirectory("quorate-cli-", "memory");
    const file = join(directory.path, "none/a.db");
    const whole = [{ blob: DATA }, { blob: DIGEST }];
    expect(await saved(file, whole)).toEqual({
      code: 5,
      stdout: "",
      stderr: `Error: could not open ${file}.part (open ${file}.part: no such file or directory)\n`,
    });
    const taken = join(directory.path, "taken");
    mkdirSync(join(taken, "a"), { recursive: true });
    const { code, stderr } = await saved(taken, whole);
    expect([code, stderr]).toEqual([
      5,
      expect.stringContaining(`Error: could not rename ${taken}.part to ${taken} (rename ${taken}.part ${taken}: `),
    ]);
    expect(existsSync(`${taken}.part`)).toBe(false);
  });

  it("tells that there is no room, and leaves no part", async () => {
    // Writing to this device fails as on a full disk; the part is a link to it.
    using directory = temporaryDirectory("quorate-cli-", "memory");
    const file = join(directory.path, "a.db");
    symlinkSync("/dev/full", `${file}.part`);

    expect(await saved(file, [{ blob: DATA }, { blob: DIGEST }])).toEqual({
      code: 5,
      stdout: "",
      stderr: `Error: write ${file}.part: no space left on device\n`,
    });

    expect(readdirSync(directory.path)).toEqual([]);
  });
});
