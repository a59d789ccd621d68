import { DowngradeAction } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { downgradeReport } from "../print/cluster-reports.ts";
import { withConnection } from "./connection.ts";

/** `downgrade validate`. CLI page, A3.3. */
export const runDowngradeValidate: RunCommand = (context) => run(context, "validate", targetOf(context.args));

/** `downgrade enable`. */
export const runDowngradeEnable: RunCommand = (context) => run(context, "enable", targetOf(context.args));

/** `downgrade cancel`. */
export const runDowngradeCancel: RunCommand = (context) => run(context, "cancel", () => "");

const ACTIONS = {
  validate: DowngradeAction.VALIDATE,
  enable: DowngradeAction.ENABLE,
  cancel: DowngradeAction.CANCEL,
} as const;

async function run(context: CommandContext, action: keyof typeof ACTIONS, target: () => string): Promise<number> {
  const version = target();
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.call(RPC.Maintenance.Downgrade, { action: ACTIONS[action], version });
    connection.print(downgradeReport(action, response));
  });
}

function targetOf(args: readonly string[]): () => string {
  return () => {
    const [version, ...more] = args;
    if (version === undefined) throw badArguments("TARGET_VERSION not provided");
    if (more.length > 0) throw badArguments("too many arguments");
    if (version === "") throw badArguments("target version not provided");
    return version;
  };
}
