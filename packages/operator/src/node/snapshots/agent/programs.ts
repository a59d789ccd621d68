import { type ChildProcess, spawn } from "node:child_process";
import { AgentError, messageOf } from "./agent-error.ts";

/** The programs of the image that the agent starts, each with what comes before its own arguments. */
export interface Programs {
  readonly quoratectl: readonly string[];
  readonly server: readonly string[];
}

/** What a program that ended said. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const OUTPUT_BYTES_MAX = 1024 * 1024;

/** Starts a program; its output is the caller's to read. */
export function startProgram(command: readonly string[], args: readonly string[], signal?: AbortSignal): ChildProcess {
  const [file = "", ...before] = command;
  return spawn(file, [...before, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal, killSignal: "SIGTERM" as const }),
  });
}

/** Runs a program to its end. Rejects with {@link AgentError} if it cannot be started or `signal` ends it. */
export async function runProgram(
  command: readonly string[],
  args: readonly string[],
  signal?: AbortSignal,
): Promise<ProgramResult> {
  const child = startProgram(command, args, signal);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] = (output[name] + text).slice(-OUTPUT_BYTES_MAX);
    });
  }
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, ended) =>
        code === null ? reject(new Error(`it was ended by ${ended}`)) : resolve(code),
      );
    });
    return { exitCode, ...output };
  } catch (error) {
    if (signal?.aborted === true) throw new AgentError("Timeout", "the time for the work is over", { cause: error });
    throw new AgentError("AgentFailed", `${command[0]} did not run: ${messageOf(error)}`, { cause: error });
  }
}

/** The last line that a program said, for messages. */
export function lastLine({ stdout, stderr }: ProgramResult): string {
  const lines = (stderr.trim() === "" ? stdout : stderr).trim().split("\n");
  return lines.at(-1) ?? "";
}
