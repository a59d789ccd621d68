import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { findPeer, type TemporaryDirectory, temporaryDirectory, waitUntil } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";

const COMMAND_TIMEOUT_MS = 60_000;
const PRINTED_TIMEOUT_MS = 20_000;

/** What a script printed and how it ended; `code` is null where a signal ended it. */
export interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly milliseconds: number;
}

/**
 * An operator's shell: a scratch directory, and a PATH with `quorate` (the server under test), `quoratectl`, `etcdctl` (3.5.30)
 * and `etcdctl-3.4` in front. Nothing of the caller's `ETCDCTL_*` and `ETCD_*` variables gets in.
 */
export class Shell implements Disposable {
  readonly #scratch: TemporaryDirectory;
  readonly #env: Record<string, string | undefined>;

  constructor(target: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    this.#scratch = temporaryDirectory("quorate-shell-");
    const programs = join(this.#scratch.path, ".bin");
    mkdirSync(programs);
    const own = join(REPOSITORY_ROOT, "packages", "cli", "bin", "quoratectl.js");
    writeProgram(join(programs, "quorate"), target);
    writeProgram(join(programs, "quoratectl"), [own]);
    writeProgram(join(programs, "etcdctl"), [findPeer("etcdctl-3.5") ?? "etcdctl-3.5"]);
    writeProgram(join(programs, "etcdctl-3.4"), [findPeer("etcdctl-3.4") ?? "etcdctl-3.4"]);
    const kept = Object.entries(process.env).filter(([name]) => !/^ETCD(?:CTL)?_/.test(name));
    const PATH = `${programs}${delimiter}${process.env["PATH"] ?? ""}`;
    this.#env = { ...Object.fromEntries(kept), PATH, ...variables };
  }

  /** The scratch directory, in which scripts run. */
  get directory(): string {
    return this.#scratch.path;
  }

  /** Variables for a process of the caller's own. */
  get env(): Readonly<Record<string, string | undefined>> {
    return this.#env;
  }

  /** Runs a script with bash, whose first failing command ends it; killed when it takes longer than `timeoutMs`. */
  async run(script: string, timeoutMs: number = COMMAND_TIMEOUT_MS): Promise<Ran> {
    const began = performance.now();
    const child = spawn("bash", ["-euo", "pipefail", "-c", script], {
      cwd: this.directory,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const code = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const [output, errors, ended] = await Promise.all([text(child.stdout), text(child.stderr), code]);
    return { code: ended, output, errors, milliseconds: performance.now() - began };
  }

  /** The output of a script that must succeed. Throws with what it printed where it does not. */
  async must(script: string, timeoutMs: number = COMMAND_TIMEOUT_MS): Promise<string> {
    const { code, errors, output } = await this.run(script, timeoutMs);
    if (code === 0) return output.trimEnd();
    throw new Error(`${script}\nended with ${code}\n${output}${errors}`);
  }

  /** Starts one command that runs until it is ended. */
  start(command: string): RunningCommand {
    return new RunningCommand(command, { cwd: this.directory, env: this.#env });
  }

  [Symbol.dispose](): void {
    this.#scratch.remove();
  }
}

/** A command that goes on while others run. */
export class RunningCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";

  constructor(command: string, options: SpawnOptions) {
    this.#child = spawn("bash", ["-c", `exec ${command}`], { ...options, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", () => resolve(null));
      this.#child.once("close", resolve);
    });
  }

  /** What it has printed so far, errors included. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when it has printed this. */
  async untilPrinted(expected: string): Promise<void> {
    await waitUntil(() => this.#output.includes(expected), {
      what: `"${expected}"`,
      timeoutMs: PRINTED_TIMEOUT_MS,
      detail: () => this.#output,
    });
  }

  /** As Ctrl-C does; its exit code. */
  async interrupt(): Promise<number | null> {
    this.#child.kill("SIGINT");
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

function writeProgram(path: string, command: readonly string[]): void {
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
}
