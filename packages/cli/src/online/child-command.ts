import { type SpawnOptions, spawn } from "node:child_process";
import type { CommandContext } from "../frame/context.ts";
import type { Output } from "../frame/output.ts";

/** How a command ended: its exit code, and Go's words for an end that is not a good one. */
export interface CommandEnd {
  readonly code: number;
  /** Undefined for exit code 0. */
  readonly error: string | undefined;
}

/** What etcdctl ends with for a command that could not be run, and for one that a signal ended. */
const NOT_RUN = 1;
const SIGNALLED = 255;

/** Runs a command with more variables in its environment; it prints where the program prints, and reads nothing. */
export async function runChild(
  context: CommandContext,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<CommandEnd> {
  const [program = "", ...args] = command;
  // What was printed before has to come before what the child prints.
  await Promise.all([context.stdout.drained(), context.stderr.drained()]);
  const options: SpawnOptions = {
    env: { ...context.env, ...variables },
    stdio: ["ignore", context.stdout.descriptor ?? "pipe", context.stderr.descriptor ?? "pipe"],
  };
  return await new Promise((resolve) => {
    const child = spawn(program, args, options);
    forward(child.stdout, context.stdout);
    forward(child.stderr, context.stderr);
    child.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? "executable file not found in $PATH" : error.message;
      resolve({ code: NOT_RUN, error: `exec: ${JSON.stringify(program)}: ${reason}` });
    });
    child.once("close", (code, signal) => {
      if (signal !== null) resolve({ code: SIGNALLED, error: `signal: ${signalText(signal)}` });
      else resolve({ code: code ?? 0, error: code === 0 ? undefined : `exit status ${code}` });
    });
  });
}

/** As Go names signals: `SIGKILL` is "killed". */
function signalText(signal: NodeJS.Signals): string {
  const names: Partial<Record<NodeJS.Signals, string>> = {
    SIGHUP: "hangup",
    SIGINT: "interrupt",
    SIGKILL: "killed",
    SIGPIPE: "broken pipe",
    SIGTERM: "terminated",
  };
  return names[signal] ?? signal;
}

function forward(stream: NodeJS.ReadableStream | null, output: Output): void {
  stream?.on("data", (chunk: Uint8Array) => output.write(chunk));
}
