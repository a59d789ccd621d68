import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** The program of `--stream-decoder`: for each line of hex it is given it answers a line `status|data` (CLI page, C). */
export class StreamDecoder {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  #errors = "";

  constructor(command: string) {
    const [program = "", ...words] = command.split(" ");
    this.#child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    // A program that has ended takes no more input: its end is what is told.
    this.#child.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("error", (error) => reject(new CommandError(ExitCode.error, `${program}: ${error.message}`)));
      this.#child.on("close", (code) => {
        if (code === 0) resolve();
        else
          reject(new CommandError(ExitCode.error, `${program} ended with exit status ${code}: ${this.#errors.trim()}`));
      });
    });
    this.#ended.catch(() => {});
  }

  /** What it says of some bytes: status and data, separated by a tab. */
  async decode(bytes: Uint8Array): Promise<string> {
    this.#child.stdin.write(`${Buffer.from(bytes).toString("hex")}\n`);
    const next = await Promise.race([this.#lines.next(), this.#ended.then(() => ({ done: true, value: "" }))]);
    if (next.done === true) {
      await this.#ended;
      throw new CommandError(ExitCode.error, "the decoder has ended without an answer");
    }
    return columns(next.value);
  }

  /** Ends it; what it has printed to standard error. Rejects with a CommandError if it fails. */
  async end(): Promise<string> {
    this.#child.stdin.end();
    await this.#ended;
    return this.#errors;
  }
}

function columns(line: string): string {
  const [status = "", ...data] = line.split("|");
  if (data.length === 0) return `decoder output format is not right, print output anyway\t${line}`;
  if (data.length === 1) return `${status}\t${data[0] ?? ""}`;
  return `${status}(*WARNING: data might contain deliminator used by etcd-dump-logs)\t${data.join("")}`;
}
