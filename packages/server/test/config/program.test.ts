import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

const PROGRAM = fileURLToPath(new URL("../../bin/quorate.js", import.meta.url));

const MAIN = `export async function main(argv, env) {
  console.log(JSON.stringify({ argv, execArgv: process.execArgv, threads: env.UV_THREADPOOL_SIZE }));
  process.exitCode = 7;
}`;

/** Threads beside the one that serves: a core for each, at most V8's own number. */
const HELPERS = Math.min(4, Math.max(1, availableParallelism() - 1));

/** The program is copied beside a main of ours: what it does before it hands over is what is tested. */
describe("bin/quorate.js", () => {
  let folder = "";
  let program = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quorate-bin-"));
    program = join(folder, "bin", "quorate.js");
    for (const name of ["bin", "dist/node"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    copyFileSync(PROGRAM, program);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function run(
    command: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): ReturnType<typeof spawnSync> {
    const { UV_THREADPOOL_SIZE: _, NODE_OPTIONS: __, ...inherited } = process.env;
    return spawnSync(command, args, { env: { ...inherited, ...env }, encoding: "utf8" });
  }

  it("says in one line that it has not been built", () => {
    const result = run(program, []);

    expect([result.status, result.stdout, result.stderr]).toEqual([
      1,
      "",
      "quorate: it has not been built; run 'npm run build' first\n",
    ]);
  });

  it("starts Node with a large young generation and thread pool, through a link, with its arguments as they are", () => {
    writeFileSync(join(folder, "dist/node/main.js"), MAIN);
    const link = join(folder, "quorate");
    symlinkSync("bin/quorate.js", link);

    const result = run(link, ["--name", "a b", "$HOME", ""]);

    expect(result.status).toBe(7);
    expect(JSON.parse(String(result.stdout))).toEqual({
      argv: ["--name", "a b", "$HOME", ""],
      execArgv: ["--max-semi-space-size=64", `--v8-pool-size=${HELPERS}`],
      threads: "8",
    });
  });

  it("keeps sizes it is given", () => {
    const sizes = { UV_THREADPOOL_SIZE: "3", QUORATE_SEMI_SPACE_MIB: "16", QUORATE_V8_THREADS: "2" };
    const result = run(program, [], sizes);

    const execArgv = ["--max-semi-space-size=16", "--v8-pool-size=2"];
    expect(JSON.parse(String(result.stdout))).toMatchObject({ execArgv, threads: "3" });
  });

  it("does without the program that counts cores", () => {
    const path = join(folder, "path");
    mkdirSync(path);
    symlinkSync(process.execPath, join(path, "node"));
    const result = spawnSync("/bin/sh", [program], { env: { PATH: path }, encoding: "utf8" });

    expect(JSON.parse(result.stdout)).toMatchObject({ execArgv: ["--max-semi-space-size=64", "--v8-pool-size=4"] });
  });

  it("runs as a plain module too", () => {
    const result = run(process.execPath, [program, "--x"]);

    expect(JSON.parse(String(result.stdout))).toMatchObject({ argv: ["--x"] });
  });
});
