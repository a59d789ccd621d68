import { type CommandPath, commandLineOf, flagsOf, inheritedFlagsOf, lastOf, type Program } from "./command.ts";
import { exitCodeOf, messageOf, signalOf } from "./command-error.ts";
import type { CommandContext, ProgramIo } from "./context.ts";
import { ExitCode } from "./exit-code.ts";
import { findCommand } from "./find-command.ts";
import { parseFlags } from "./flag-parser.ts";
import { FlagValues } from "./flag-values.ts";
import { helpText, usageText } from "./help-text.ts";
import { nearestNames } from "./nearest-names.ts";

/** Runs one command line (without the program's name) to its end; the answer is the exit code. It never throws. */
export async function runProgram(program: Program, argv: readonly string[], io: ProgramIo): Promise<number> {
  const found = findCommand(program, argv);
  const command = lastOf(found.path);
  const flags = new FlagValues(flagsOf(program, found.path));
  const parsed = parseFlags(found.argv, flags, { singleDash: command.singleDash === true });
  if ("error" in parsed) {
    const near =
      parsed.unknown === undefined
        ? []
        : nearestNames(
            parsed.unknown,
            flags.specs.map(({ name }) => name),
          );
    return wrongCommandLine(program, found.path, io, { error: parsed.error, near: near.map((name) => `--${name}`) });
  }
  if (flags.bool("help")) return printHelp(program, found.path, io);
  const [first] = parsed.positional;
  if (command.load === undefined) {
    if (first === undefined) return printHelp(program, found.path, io);
    return unknownCommand(program, found.path, io, first);
  }
  const run = await command.load();
  const context: CommandContext = {
    stdin: io.stdin,
    stdout: io.stdout,
    stderr: io.stderr,
    env: io.env,
    onSignal: (signals, listener) => io.onSignal(signals, listener),
    askSecret: (prompt) => io.askSecret(prompt),
    programName: program.name,
    args: parsed.positional,
    argsBeforeDash: parsed.beforeDash,
    argv,
    flags,
    inheritedFlags: inheritedFlagsOf(program, found.path).map(({ name }) => name),
  };
  try {
    return await run(context);
  } catch (error) {
    const signal = signalOf(error);
    if (signal !== undefined) io.endBySignal?.(signal);
    else io.stderr.write(`Error: ${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

function printHelp(program: Program, path: CommandPath, io: ProgramIo): number {
  io.stdout.write(helpText(program, path));
  return ExitCode.success;
}

function wrongCommandLine(
  program: Program,
  path: CommandPath,
  io: ProgramIo,
  what: { readonly error: string; readonly near: readonly string[] },
): number {
  io.stderr.write(`Error: ${what.error}\n${didYouMean(what.near)}${usageText(program, path)}\n`);
  return ExitCode.error;
}

/** Below the top level cobra prints the help and ends with 0; a script had better be told. */
function unknownCommand(program: Program, path: CommandPath, io: ProgramIo, word: string): number {
  const line = commandLineOf(program, path);
  const known = (lastOf(path).commands ?? []).filter((child) => child.hidden !== true).map((child) => child.name);
  const near = didYouMean(nearestNames(word, known));
  io.stderr.write(`Error: unknown command ${JSON.stringify(word)} for ${JSON.stringify(line)}\n${near}`);
  io.stderr.write(`Run '${line} --help' for usage.\n`);
  return ExitCode.error;
}

function didYouMean(near: readonly string[]): string {
  return near.length === 0 ? "" : `\nDid you mean this?\n${near.map((name) => `\t${name}\n`).join("")}\n`;
}
