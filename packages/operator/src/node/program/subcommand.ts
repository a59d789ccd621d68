/** What a subcommand is run with. */
export interface ProgramCall {
  /** What follows the subcommand's name. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Set when the process is asked to stop (SIGTERM, SIGINT). */
  readonly stop: AbortSignal;
}

/** One of the things that the program does. */
export interface Subcommand {
  readonly name: string;
  /** One line for the help. */
  readonly summary: string;
  /** Loads what it needs only when it is called, and runs it. Resolves to the exit code. */
  readonly run: (call: ProgramCall) => Promise<number>;
}
