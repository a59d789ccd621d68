/** Where a command prints to. Text is written as UTF-8, bytes as they are. */
export interface Output {
  write(data: string | Uint8Array): void;
  /** Resolves when the operating system has taken all of it; for output that may be larger than memory. */
  drained(): Promise<void>;
  /** True where a person looks on; progress is shown only then. */
  readonly isTerminal: boolean;
  /** Width of the terminal in characters; undefined without one. */
  readonly columns: number | undefined;
  /** The file that it goes to, for child processes to print to as well; undefined where there is none. */
  readonly descriptor: number | undefined;
}

/** Writes a line. */
export function printLine(output: Output, line: string): void {
  output.write(`${line}\n`);
}
