import { type Command, type CommandPath, flagsOf, lastOf, type Program } from "./command.ts";
import { FlagValues } from "./flag-values.ts";

/** The command that a command line names, and what of the line is left for it: flags and arguments. */
export interface FoundCommand {
  readonly path: CommandPath;
  readonly argv: readonly string[];
}

/**
 * Finds the command by the rules of cobra: names are looked for among the words that are neither flags nor values of flags, level
 * by level; a beginning of a name will do where only one command of the level has it.
 */
export function findCommand(program: Program, argv: readonly string[]): FoundCommand {
  let path: CommandPath = { commands: [program.root] };
  let rest = argv;
  for (;;) {
    const at = firstArgument(new FlagValues(flagsOf(program, path)), rest);
    const next = at === undefined ? undefined : childNamed(lastOf(path), rest[at] ?? "");
    if (at === undefined || next === undefined) return { path, argv: rest };
    path = { commands: [...path.commands, next] };
    rest = [...rest.slice(0, at), ...rest.slice(at + 1)];
  }
}

/** The command below `parent` that `word` names. */
export function childNamed(parent: Command, word: string): Command | undefined {
  const children = parent.commands ?? [];
  const exact = children.find((child) => child.name === word || child.aliases?.includes(word) === true);
  if (exact !== undefined || word === "") return exact;
  const begun = children.filter((child) =>
    [child.name, ...(child.aliases ?? [])].some((name) => name.startsWith(word)),
  );
  return begun.length === 1 ? begun[0] : undefined;
}

/** Where the first word stands that is no flag and no value of one; unknown flags are taken to have a value, as cobra does. */
function firstArgument(flags: FlagValues, argv: readonly string[]): number | undefined {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (word === "--") return undefined;
    if (!word.startsWith("-") && word !== "") return i;
    if (word.includes("=") || word === "") continue;
    const spec = word.startsWith("--") ? flags.spec(word.slice(2)) : flags.shorthand(word.slice(1));
    const mayHaveValue = word.startsWith("--") || word.length === 2;
    if (mayHaveValue && spec?.kind !== "bool") i += 1;
  }
  return undefined;
}
