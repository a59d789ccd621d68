import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import { printLine } from "../frame/output.ts";
import { authStatusReport } from "../print/auth-reports.ts";
import { withConnection } from "./connection.ts";
import { isCallError } from "./failure.ts";

const ROOT = "root";

/** `auth enable`: gives user root the role root, making it first, where that is all that is missing. CLI page, A5. */
export const runAuthEnable: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("auth enable command does not accept any arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    try {
      await connection.call(RPC.Auth.AuthEnable, {});
    } catch (error) {
      if (!isCallError(error) || error.code !== "rootRoleNotExist") throw error;
      await connection.call(RPC.Auth.RoleAdd, { name: ROOT });
      await connection.call(RPC.Auth.UserGrantRole, { user: ROOT, role: ROOT });
      await connection.call(RPC.Auth.AuthEnable, {});
    }
    printLine(context.stdout, "Authentication Enabled");
  });
};

/** `auth disable`. */
export const runAuthDisable: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("auth disable command does not accept any arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    await connection.call(RPC.Auth.AuthDisable, {});
    printLine(context.stdout, "Authentication Disabled");
  });
};

/** `auth status`. */
export const runAuthStatus: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("auth status command does not accept any arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(authStatusReport(await connection.call(RPC.Auth.AuthStatus, {})));
  });
};
