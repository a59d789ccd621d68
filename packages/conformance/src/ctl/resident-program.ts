import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

/**
 * The program of {@link ResidentTool}: runs one command line after the other that its parent sends, with the command line program
 * whose module the first argument names. Starting Node.js takes longer than most commands do.
 */

/** A command line to run, and what came of it. */
export interface ResidentCall {
  readonly id: number;
  readonly args: readonly string[];
  readonly stdin: string | undefined;
}

export interface ResidentAnswer {
  readonly id: number;
  readonly output: string;
  readonly errors: string;
  readonly code: number;
}

/** As much of the program's module as is used here. */
interface CommandLineModule {
  readonly PROGRAM: unknown;
  runProgram(program: unknown, argv: readonly string[], io: unknown): Promise<number>;
}

class KeptOutput {
  readonly isTerminal = false;
  readonly columns = undefined;
  readonly descriptor = undefined;
  readonly #chunks: Uint8Array[] = [];

  write(data: string | Uint8Array): void {
    this.#chunks.push(typeof data === "string" ? Buffer.from(data) : data.slice());
  }

  async drained(): Promise<void> {}

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

const [, , path = ""] = process.argv;
const loaded: CommandLineModule = (await import(pathToFileURL(path).href)) as CommandLineModule;

async function answer(call: ResidentCall): Promise<ResidentAnswer> {
  const [stdout, stderr] = [new KeptOutput(), new KeptOutput()];
  const code = await loaded.runProgram(loaded.PROGRAM, call.args, {
    stdin: Readable.from(call.stdin === undefined ? [] : [Buffer.from(call.stdin)]),
    stdout,
    stderr,
    env: process.env,
    onSignal: () => () => {},
    askSecret: async () => {
      throw new Error("there is no terminal to ask for a password");
    },
  });
  return { id: call.id, output: stdout.text, errors: stderr.text, code };
}

process.on("message", (call: ResidentCall) => {
  answer(call).then(
    (told) => process.send?.(told),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.once("disconnect", () => process.exit(0));
