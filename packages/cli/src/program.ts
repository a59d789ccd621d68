import type { Program } from "./frame/command.ts";
import { completeCommand, completionCommand } from "./frame/completion.ts";
import { helpCommand, optionsCommand } from "./frame/help-command.ts";
import { mergeCommands } from "./frame/merge-commands.ts";
import { OFFLINE_COMMANDS } from "./offline/commands.ts";
import { ONLINE_COMMANDS } from "./online/commands.ts";
import { GLOBAL_FLAGS } from "./online/global-flags.ts";

const NAME = "quoratectl";

/** quoratectl: the commands that ask a server, those that work on files, and those about the program itself. */
export const PROGRAM: Program = {
  name: NAME,
  globalFlags: GLOBAL_FLAGS,
  root: {
    name: NAME,
    summary: "A command line client for Quorate and etcd.",
    commands: mergeCommands(
      [
        ...ONLINE_COMMANDS,
        completionCommand(NAME),
        completeCommand(program),
        helpCommand(program),
        optionsCommand(program),
      ],
      OFFLINE_COMMANDS,
    ),
  },
};

function program(): Program {
  return PROGRAM;
}
