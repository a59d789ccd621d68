import type { CommandContext } from "./context.ts";
import type { FlagSpec } from "./flag-spec.ts";

/** Headings that help lists commands under; the first five are etcdctl's (CLI page, A1.1). */
export type CommandGroup =
  | "Key-value commands"
  | "Cluster maintenance commands"
  | "Concurrency commands"
  | "Authentication commands"
  | "Utility commands"
  | "Offline commands";

/** Runs a command to its end; the answer is the exit code. A thrown CommandError is printed and gives its own. */
export type RunCommand = (context: CommandContext) => Promise<number>;

/** One command of the program: a row in a table, with the code behind it loaded when it is run. */
export interface Command {
  /** The word that calls it; so does every beginning of it that no other command of its level has. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The arguments as help shows them, such as `<key> [range_end]`. */
  readonly usage?: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Help of its own in place of the summary. */
  readonly description?: string;
  /** Command lines that help shows, without the program's name. */
  readonly examples?: readonly string[];
  /** For commands of the top level. */
  readonly group?: CommandGroup;
  readonly flags?: readonly FlagSpec[];
  /** Flags of the command and of all below it; the environment can set them too. */
  readonly persistentFlags?: readonly FlagSpec[];
  readonly commands?: readonly Command[];
  /** Imports the module of the command and gives its run function; left out where there are only commands below. */
  readonly load?: () => Promise<RunCommand>;
  /** Flags may have one dash, as those of tools that use Go's own flag package. */
  readonly singleDash?: boolean;
  /** Not listed in help. */
  readonly hidden?: boolean;
  /** Words that completion offers as arguments. */
  readonly argumentChoices?: readonly string[];
}

/** A program: its name, its top command, and the flags that all commands have. */
export interface Program {
  readonly name: string;
  readonly root: Command;
  readonly globalFlags: readonly FlagSpec[];
}

/** A command with the way to it: the top command first, itself last. */
export interface CommandPath {
  readonly commands: readonly Command[];
}

/** The command that a path leads to. */
export function lastOf(path: CommandPath): Command {
  const last = path.commands.at(-1);
  if (last === undefined) throw new Error("a path has at least the top command");
  return last;
}

/** `program command subcommand`. */
export function commandLineOf(program: Program, path: CommandPath): string {
  return [program.name, ...path.commands.slice(1).map((command) => command.name)].join(" ");
}

const HELP_FLAG: FlagSpec = { name: "help", shorthand: "h", kind: "bool", usage: "show this help" };

/** Flags that a command inherits: the global ones and those of its parents, and its own persistent ones. */
export function inheritedFlagsOf(program: Program, path: CommandPath): readonly FlagSpec[] {
  const persistent = path.commands.flatMap((command) => command.persistentFlags ?? []);
  return [...persistent, ...program.globalFlags];
}

/** Flags of a command as help lists them: its own and those of its parents, without the global ones. */
export function listedFlagsOf(path: CommandPath): readonly FlagSpec[] {
  const persistent = path.commands.flatMap((command) => command.persistentFlags ?? []);
  return [...(lastOf(path).flags ?? []), ...persistent];
}

/** All flags that a command takes. */
export function flagsOf(program: Program, path: CommandPath): readonly FlagSpec[] {
  return [...(lastOf(path).flags ?? []), ...inheritedFlagsOf(program, path), HELP_FLAG];
}
