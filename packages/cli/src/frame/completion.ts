import { type Command, type CommandPath, flagsOf, lastOf, type Program } from "./command.ts";
import { CommandError } from "./command-error.ts";
import { completionScript } from "./completion-script.ts";
import { ExitCode } from "./exit-code.ts";
import { findCommand } from "./find-command.ts";
import type { FlagSpec } from "./flag-spec.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** `completion <shell>`: prints a script that asks the program itself what could come next. */
export function completionCommand(programName: string): Command {
  return {
    name: "completion",
    usage: "[bash|zsh|fish|powershell]",
    summary: "Prints a completion script for your shell",
    description: `Prints a script that completes commands, flags and their values in your shell.

  bash:        source <(${programName} completion bash)
  zsh:         ${programName} completion zsh > "\${fpath[1]}/_${programName}"
  fish:        ${programName} completion fish | source
  PowerShell:  ${programName} completion powershell | Out-String | Invoke-Expression`,
    group: "Utility commands",
    argumentChoices: SHELLS,
    load: async () => async (context) => {
      const [name, ...more] = context.args;
      const shell = SHELLS.find((candidate) => candidate === name);
      if (more.length > 0 || name === undefined)
        throw new CommandError(ExitCode.error, `accepts 1 arg(s), received ${context.args.length}`);
      if (shell === undefined)
        throw new CommandError(
          ExitCode.error,
          `invalid argument ${JSON.stringify(name)} for "${programName} completion"`,
        );
      context.stdout.write(completionScript(shell, programName));
      return ExitCode.success;
    },
  };
}

/** `__complete -- WORD...`: what could stand in place of the last word, one a line with a description after a tab. */
export function completeCommand(program: () => Program): Command {
  return {
    name: "__complete",
    summary: "Words that could come next, for completion scripts",
    hidden: true,
    load: async () => async (context) => {
      for (const line of candidates(program(), context.args)) context.stdout.write(`${line}\n`);
      return ExitCode.success;
    },
  };
}

/** Candidates for the last of `words` (of a command line without the program's name). */
export function candidates(program: Program, words: readonly string[]): readonly string[] {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { path } = findCommand(program, before);
  const flags = flagsOf(program, path);
  const valueOf = flagBefore(flags, before.at(-1));
  if (valueOf !== undefined) return beginningWith(last, valueOf.choices ?? []);
  if (last.startsWith("--") && last.includes("=")) return flagValueCandidates(flags, last);
  if (last.startsWith("-"))
    return beginningWith(
      last,
      flags.map((flag) => `--${flag.name}\t${flag.usage}`),
    );
  return beginningWith(last, argumentCandidates(path));
}

/** The flag that the word before takes a value for. */
function flagBefore(flags: readonly FlagSpec[], word: string | undefined): FlagSpec | undefined {
  if (word === undefined || !word.startsWith("-") || word.includes("=")) return undefined;
  const name = word.replace(/^--?/, "");
  const flag = flags.find((candidate) => (word.startsWith("--") ? candidate.name : candidate.shorthand) === name);
  return flag?.kind === "bool" ? undefined : flag;
}

function flagValueCandidates(flags: readonly FlagSpec[], word: string): readonly string[] {
  const [name = ""] = word.slice(2).split("=", 1);
  const choices = flags.find((flag) => flag.name === name)?.choices ?? [];
  return beginningWith(
    word,
    choices.map((choice) => `--${name}=${choice}`),
  );
}

function argumentCandidates(path: CommandPath): readonly string[] {
  const command = lastOf(path);
  const commands = (command.commands ?? []).filter((child) => child.hidden !== true);
  return [...commands.map((child) => `${child.name}\t${child.summary}`), ...(command.argumentChoices ?? [])];
}

function beginningWith(beginning: string, lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith(beginning));
}
