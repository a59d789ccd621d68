import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { CommandError, endedBy } from "./command-error.ts";
import { ExitCode } from "./exit-code.ts";

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACE = 8;
const DELETE = 127;

/** A line typed at the terminal without echo. The terminal is opened by name, so it works while standard input is a file. */
export async function readSecret(prompt: string): Promise<string> {
  const [input, output] = openTerminal();
  output.write(prompt);
  input.setRawMode(true);
  try {
    return await typedLine(input);
  } finally {
    input.setRawMode(false);
    output.write("\n");
    input.destroy();
    output.destroy();
  }
}

function openTerminal(): [ReadStream, WriteStream] {
  try {
    return [new ReadStream(openSync("/dev/tty", "r")), new WriteStream(openSync("/dev/tty", "w"))];
  } catch (error) {
    throw new CommandError(ExitCode.error, "there is no terminal to ask for a password", { cause: error });
  }
}

function typedLine(input: ReadStream): Promise<string> {
  const typed: number[] = [];
  return new Promise((resolve, reject) => {
    input.on("data", (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte === CTRL_C) reject(endedBy("SIGINT"));
        else if (byte === CTRL_D || byte === 10 || byte === 13) resolve(Buffer.from(typed).toString());
        else if (byte === BACKSPACE || byte === DELETE) typed.pop();
        else typed.push(byte);
      }
    });
    input.once("error", reject);
  });
}
