import type { Readable } from "node:stream";
import type { FlagValues } from "./flag-values.ts";
import type { Output } from "./output.ts";

/** Signals that end long commands; etcdctl's answer to them depends on the command. */
export type SignalName = "SIGINT" | "SIGTERM";

/** What a program is given by the one who runs it: the process, or a test. */
export interface ProgramIo {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Calls `listener` for each of the signals from now on instead of ending the program; the answer takes that back. A command that listens
   * to none is ended by them at once, as any Go program is.
   */
  onSignal(signals: readonly SignalName[], listener: (signal: SignalName) => void): () => void;
  /** Told of the signal that a command ended by: the process is to end by it too, once all is printed. */
  readonly endBySignal?: (signal: SignalName) => void;
  /** A line typed at the terminal without echo, after `prompt`. Throws a CommandError without a terminal. */
  askSecret(prompt: string): Promise<string>;
}

/** What a command runs with. */
export interface CommandContext extends ProgramIo {
  /** The name to call the program in its own texts. */
  readonly programName: string;
  /** Arguments without flags, those after `--` included. */
  readonly args: readonly string[];
  /** How many of `args` stand before `--`; undefined without one. */
  readonly argsBeforeDash: number | undefined;
  /** The whole command line as typed. */
  readonly argv: readonly string[];
  /** The command's own flags, those of its parents and the global ones. */
  readonly flags: FlagValues;
  /** Names of the flags that variables of the environment can set: all but the command's own. */
  readonly inheritedFlags: readonly string[];
}
