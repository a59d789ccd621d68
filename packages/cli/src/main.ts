import type { SignalName } from "./frame/context.ts";
import { processIo } from "./frame/process-io.ts";
import { runProgram } from "./frame/run-program.ts";
import { PROGRAM } from "./program.ts";

/** A signal that has not ended the process by then will not. */
const SIGNAL_MS = 1000;

/** Runs the program on this process's streams and ends the process with the command's exit code, or by the signal that ended it. */
export async function main(argv: readonly string[]): Promise<void> {
  let signal: SignalName | undefined;
  const io = {
    ...processIo(),
    endBySignal: (name: SignalName): void => {
      signal = name;
    },
  };
  const code = await runProgram(PROGRAM, argv, io);
  // What is written to a pipe may still be on its way; process.exit would cut it off.
  await Promise.all([io.stdout.drained(), io.stderr.drained()]);
  if (signal === undefined) process.exit(code);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(code), SIGNAL_MS);
}
