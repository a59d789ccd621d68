import { type Command, type Program } from "./command.ts";
import { CommandError } from "./command-error.ts";
import { ExitCode } from "./exit-code.ts";
import { findCommand } from "./find-command.ts";
import { flagLines, helpText } from "./help-text.ts";

/** `help [command]`. `program` is asked when it runs, since the command is a part of it. */
export function helpCommand(program: () => Program): Command {
  return {
    name: "help",
    usage: "[command]",
    summary: "Shows how a command is used",
    group: "Utility commands",
    load: async () => async (context) => {
      const { path, argv } = findCommand(program(), context.args);
      if (argv.length > 0)
        throw new CommandError(ExitCode.error, `unknown help topic ${JSON.stringify(context.args.join(" "))}`);
      context.stdout.write(helpText(program(), path));
      return ExitCode.success;
    },
  };
}

/** `options`: the flags that all commands have, which their own help leaves out. */
export function optionsCommand(program: () => Program): Command {
  return {
    name: "options",
    summary: "Lists the flags that all commands have",
    group: "Utility commands",
    load: async () => async (context) => {
      context.stdout.write("The following options can be passed to any command:\n\n");
      context.stdout.write(`${flagLines(program().globalFlags).join("\n")}\n`);
      return ExitCode.success;
    },
  };
}
