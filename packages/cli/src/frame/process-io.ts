import { writeSync } from "node:fs";
import type { WriteStream } from "node:tty";
import { goFileError } from "../go/go-file-error.ts";
import type { ProgramIo, SignalName } from "./context.ts";
import { ExitCode } from "./exit-code.ts";
import type { Output } from "./output.ts";

/** 128 and the number of SIGPIPE: how a shell names the end of a program whose reader has gone. */
const BROKEN_PIPE = 141;

/** The streams, variables and signals of this process. */
export function processIo(): ProgramIo {
  return {
    stdin: process.stdin,
    stdout: streamOutput(process.stdout),
    stderr: streamOutput(process.stderr),
    env: process.env,
    onSignal: listenToSignals,
    askSecret: async (prompt) => {
      const { readSecret } = await import("./secret.ts");
      return await readSecret(prompt);
    },
  };
}

function streamOutput(stream: WriteStream & { readonly fd: number }): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe may leave before the end, as `head` does: that is no error, but there is nobody to write for.
    if (error.code === "EPIPE") process.exit(BROKEN_PIPE);
    if (stream !== process.stderr) writeSync(process.stderr.fd, `Error: ${goFileError("write", "output", error)}\n`);
    process.exit(ExitCode.error);
  });
  return {
    write: (data) => {
      stream.write(data);
    },
    drained: () => new Promise((resolve) => stream.write("", () => resolve())),
    isTerminal: stream.isTTY === true,
    // Some terminals say that they have none.
    columns: stream.isTTY === true && stream.columns > 0 ? stream.columns : undefined,
    descriptor: stream.fd,
  };
}

function listenToSignals(signals: readonly SignalName[], listener: (signal: SignalName) => void): () => void {
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
