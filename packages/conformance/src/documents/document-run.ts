import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { withTimeout } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import { Shell } from "../drills/shell.ts";
import { type CommandBlock, commandBlocks, isAsShown } from "./document.ts";

const DOCUMENT_TIMEOUT_MS = 100_000;
const NETWORK_ATTEMPTS_MAX = 20;
const LOG_CHARS = 3000;

/** What running a document's commands came to. */
export interface DocumentReport {
  readonly run: number;
  /** Reasons of the blocks that were not run. */
  readonly notRun: readonly string[];
  readonly failures: readonly string[];
}

/**
 * Runs the blocks of a document in order, in one bash and one scratch directory, as a reader would who types them: variables and
 * servers stay from block to block, and the first command that fails ends it. Hosts `10.0.0.…` and `127.0.0.…` are a loopback network
 * of this run's own, so that ports may be those in the text; `/var/lib` and `/etc` are in the scratch directory.
 */
export async function runDocument(path: string, target: readonly string[]): Promise<DocumentReport> {
  const network = await freeNetwork();
  using shell = new Shell(target);
  const substituted = (text: string): string =>
    text
      .replaceAll(/\b(?:10|127)\.0\.0\.(?=[\d$…])/g, network)
      .replaceAll(/(?<![\w.])\/(?:var\/lib|etc)\//g, (folder) => `${shell.directory}${folder}`);
  const blocks = commandBlocks(substituted(readFileSync(join(REPOSITORY_ROOT, path), "utf8")));
  const toRun = blocks.filter(({ notRun }) => notRun === undefined);
  for (const folder of ["var/lib", "etc"]) mkdirSync(join(shell.directory, folder), { recursive: true });
  copyFileSync(join(REPOSITORY_ROOT, "docs", "backup.sh"), join(shell.directory, ".bin", "backup.sh"));

  const code = await runBlocks(shell, toRun);
  const failures = toRun.flatMap((block, at) => problem(shell, block, at) ?? []);
  if (code !== 0 && failures.length === 0) failures.push(`ended with ${code}`);
  return { run: toRun.length, notRun: blocks.flatMap(({ notRun }) => notRun ?? []), failures };
}

/** Ends with the code of the first block that fails, and with it all that the blocks have left running. */
async function runBlocks(shell: Shell, blocks: readonly CommandBlock[]): Promise<number | null> {
  const folder = join(shell.directory, ".blocks");
  mkdirSync(folder);
  for (const [at, { script }] of blocks.entries()) writeFileSync(join(folder, `${at}.sh`), script);
  const calls = blocks.map((_, at) => {
    const file = `'${join(folder, String(at))}`;
    return `. ${file}.sh' > ${file}.out' 2> ${file}.err'\n: > ${file}.done'`;
  });
  writeFileSync(join(folder, "all.sh"), ["set -e -o pipefail", ...calls, ""].join("\n"));
  const log = openSync(join(folder, "all.log"), "a");
  const child = spawn("bash", [join(folder, "all.sh")], {
    cwd: shell.directory,
    env: shell.env,
    stdio: ["ignore", log, log],
    // A process group of its own: servers that the blocks start are in it.
    detached: true,
  });
  try {
    const ended = once(child, "exit") as Promise<[number | null]>;
    const [code] = await withTimeout(ended, {
      what: "the commands of a document",
      timeoutMs: DOCUMENT_TIMEOUT_MS,
      detail: () => blocks.map((block, at) => problem(shell, block, at) ?? "").join("\n"),
    });
    return code;
  } finally {
    endGroup(child.pid);
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // Nothing was left running.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function problem(shell: Shell, { expected, line, script }: CommandBlock, at: number): string | undefined {
  const file = join(shell.directory, ".blocks", String(at));
  if (!existsSync(`${file}.out`)) return `line ${line}: never came to run`;
  const printed = readFileSync(`${file}.out`, "utf8");
  const errors = readFileSync(`${file}.err`, "utf8").slice(-LOG_CHARS);
  if (!existsSync(`${file}.done`)) return `line ${line}: failed\n${script}${printed}${errors}`;
  if (expected === undefined || isAsShown(printed, expected)) return undefined;
  return `line ${line}: printed\n${printed}instead of\n${expected}${errors}`;
}

/** The first three numbers of a loopback network on which nobody listens at etcd's ports. */
async function freeNetwork(): Promise<string> {
  for (let attempt = 0; attempt < NETWORK_ATTEMPTS_MAX; attempt++) {
    // Two documents at once, or two runs on one machine, are told apart by process and time.
    const choice = (process.pid * 31 + Math.floor(performance.now() * 1000) + attempt) % (250 * 250);
    const network = `127.${1 + Math.floor(choice / 250)}.${choice % 250}.`;
    if (await isFree(`${network}1`, 2379)) return network;
  }
  throw new Error("no free loopback network");
}

function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
