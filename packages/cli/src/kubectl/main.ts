import { processIo } from "../frame/process-io.ts";
import { runProgram } from "../frame/run-program.ts";
import { KUBECTL_PROGRAM } from "./program.ts";

/** Runs the plugin on this process's streams and ends the process with the command's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const io = processIo();
  const code = await runProgram(KUBECTL_PROGRAM, argv, io);
  await Promise.all([io.stdout.drained(), io.stderr.drained()]);
  process.exit(code);
}
