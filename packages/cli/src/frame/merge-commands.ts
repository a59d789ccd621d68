import type { Command, RunCommand } from "./command.ts";
import type { FlagValues } from "./flag-values.ts";

/** A command of a second table. Where the first table has its name, the two become one. */
export interface AddedCommand extends Command {
  /** Where both tables have code for the command: true when the added code is to run, told from the flags given. */
  readonly takesOver?: (flags: FlagValues) => boolean;
}

/** `base` with `added`: commands of the same name get the flags, examples and commands of both, others follow. */
export function mergeCommands(base: readonly Command[], added: readonly AddedCommand[]): readonly Command[] {
  const merged = base.map((command) => {
    const other = added.find((candidate) => candidate.name === command.name);
    return other === undefined ? command : mergeTwo(command, other);
  });
  return [...merged, ...added.filter((candidate) => !base.some((command) => command.name === candidate.name))];
}

function mergeTwo(base: Command, added: AddedCommand): Command {
  const load = mergeLoads(base, added);
  return {
    ...base,
    flags: [...(base.flags ?? []), ...(added.flags ?? [])],
    ...(base.examples === undefined && added.examples === undefined
      ? {}
      : { examples: [...(base.examples ?? []), ...(added.examples ?? [])] }),
    ...(base.commands === undefined && added.commands === undefined
      ? {}
      : { commands: mergeCommands(base.commands ?? [], added.commands ?? []) }),
    ...(load === undefined ? {} : { load }),
  };
}

function mergeLoads(base: Command, added: AddedCommand): (() => Promise<RunCommand>) | undefined {
  const [first, second] = [base.load, added.load];
  if (first === undefined || second === undefined) return first ?? second;
  return async () => async (context) => {
    const load = added.takesOver?.(context.flags) === true ? second : first;
    return await (await load())(context);
  };
}
