import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { parseGoInt } from "../go/go-integer.ts";
import { withConnection } from "./connection.ts";

/** `compaction`. CLI page, A2.5. */
export const runCompaction: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("compaction command needs 1 argument");
  const revision = parseGoInt(text, 10);
  if ("error" in revision) throw new CommandError(ExitCode.error, revision.error);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const physical = context.flags.bool("physical");
    await connection.call(RPC.KV.Compact, { revision: Number(revision.value), physical });
    printLine(context.stdout, `compacted revision ${revision.value}`);
  });
};
