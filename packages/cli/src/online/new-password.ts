import { badArguments, messageOf } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { readAll } from "./command-line-input.ts";

/** A password for `user`: asked for twice at the terminal, or with --interactive=false the first word of standard input. */
export async function newPassword(context: CommandContext, user: string): Promise<string> {
  if (!context.flags.bool("interactive")) {
    const [word = ""] = Buffer.from(await readAll(context.stdin))
      .toString()
      .split(/\s/, 1);
    return word;
  }
  const first = await ask(context, `Password of ${user}: `);
  if (first === "") throw badArguments("empty password");
  const second = await ask(context, `Type password of ${user} again for confirmation: `);
  if (first !== second) throw badArguments("given passwords are different");
  return first;
}

async function ask(context: CommandContext, prompt: string): Promise<string> {
  try {
    return await context.askSecret(prompt);
  } catch (error) {
    const { exitCode } = error as { exitCode?: number };
    if (exitCode !== ExitCode.error) throw error;
    throw badArguments(`failed to ask password: ${messageOf(error)}`);
  }
}
