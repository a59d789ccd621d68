import { Readable } from "node:stream";
import type { Program } from "../src/frame/command.ts";
import type { ProgramIo, SignalName } from "../src/frame/context.ts";
import type { Output } from "../src/frame/output.ts";
import { runProgram } from "../src/frame/run-program.ts";
import { PROGRAM } from "../src/program.ts";

export interface CapturedRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The signal that the process is to end by. */
  readonly signal?: SignalName;
}

export interface RunOptions {
  readonly program?: Program;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  /** Somebody looks on at standard error. */
  readonly isTerminal?: boolean;
  /** Called with a function that sends a signal to the command, and with one that tells what it has printed so far. */
  readonly during?: (signal: (name: SignalName) => void, printed: () => string) => void;
}

/** Output that keeps all that is written. */
export class CapturedOutput implements Output {
  readonly isTerminal: boolean;
  readonly columns = undefined;
  readonly descriptor = undefined;
  readonly #chunks: Uint8Array[] = [];

  constructor(isTerminal = false) {
    this.isTerminal = isTerminal;
  }

  write(data: string | Uint8Array): void {
    this.#chunks.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
  }

  async drained(): Promise<void> {}

  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Runs a command line in this process and keeps what it prints. */
export async function capturedRun(argv: readonly string[], options: RunOptions = {}): Promise<CapturedRun> {
  const [stdout, stderr] = [new CapturedOutput(), new CapturedOutput(options.isTerminal)];
  const listeners = new Set<{ signals: readonly SignalName[]; listener: (signal: SignalName) => void }>();
  let ended: SignalName | undefined;
  const secrets = [...(options.secrets ?? [])];
  const io: ProgramIo = {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout,
    stderr,
    env: options.env ?? {},
    onSignal: (signals, listener) => {
      const entry = { signals, listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    askSecret: async () => secrets.shift() ?? "",
    endBySignal: (name) => {
      ended = name;
    },
  };
  const signal = (name: SignalName): void => {
    for (const entry of listeners) if (entry.signals.includes(name)) entry.listener(name);
  };
  options.during?.(signal, () => stdout.text);
  const code = await runProgram(options.program ?? PROGRAM, argv, io);
  const captured = { code, stdout: stdout.text, stderr: stderr.text };
  return ended === undefined ? captured : { ...captured, signal: ended };
}
