import {
  AuthUserAddResponseDescriptor,
  AuthUserChangePasswordResponseDescriptor,
  AuthUserDeleteResponseDescriptor,
  AuthUserGrantRoleResponseDescriptor,
  AuthUserRevokeRoleResponseDescriptor,
} from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { printLine } from "../frame/output.ts";
import { doneReport, roleGetReport, userGetReport, userListReport } from "../print/auth-reports.ts";
import { withConnection } from "./connection.ts";
import { newPassword } from "./new-password.ts";

/** `user add`. CLI page, A5. */
export const runUserAdd: RunCommand = async (context) => {
  const given = onlyArgument(context.args, "user add command requires user name as its argument");
  const { name, password } = await nameAndPassword(context, given);
  const noPassword = context.flags.bool("no-password");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const request = { name, password, options: { noPassword } };
    const response = await connection.callWithoutEnd(RPC.Auth.UserAdd, request);
    connection.print(doneReport(AuthUserAddResponseDescriptor, response, `User ${name} created`));
  });
};

async function nameAndPassword(
  context: CommandContext,
  given: string,
): Promise<{ readonly name: string; readonly password: string }> {
  if (context.flags.bool("no-password")) return { name: given, password: "" };
  const fromFlag = context.flags.string("new-user-password");
  if (fromFlag !== "") return { name: given, password: fromFlag };
  const at = given.indexOf(":");
  if (at < 0) return { name: given, password: await newPassword(context, given) };
  if (at === 0) throw badArguments("empty user name is not allowed");
  return { name: given.slice(0, at), password: given.slice(at + 1) };
}

/** `user delete`. */
export const runUserDelete: RunCommand = async (context) => {
  const name = onlyArgument(context.args, "user delete command requires user name as its argument");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.UserDelete, { name });
    connection.print(doneReport(AuthUserDeleteResponseDescriptor, response, `User ${name} deleted`));
  });
};

/** `user get`. */
export const runUserGet: RunCommand = async (context) => {
  const name = onlyArgument(context.args, "user get command requires user name as its argument");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.UserGet, { name });
    if (!context.flags.bool("detail")) return connection.print(userGetReport(name, response));
    printLine(context.stdout, `User: ${name}`);
    for (const role of response.roles) {
      printLine(context.stdout, "");
      connection.print(roleGetReport(role, await connection.callWithoutEnd(RPC.Auth.RoleGet, { role })));
    }
  });
};

/** `user list`. */
export const runUserList: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("user list command requires no arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(userListReport(await connection.callWithoutEnd(RPC.Auth.UserList, {})));
  });
};

/** `user passwd`. */
export const runUserPasswd: RunCommand = async (context) => {
  const name = onlyArgument(context.args, "user passwd command requires user name as its argument");
  const password = await newPassword(context, name);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.UserChangePassword, { name, password });
    connection.print(doneReport(AuthUserChangePasswordResponseDescriptor, response, "Password updated"));
  });
};

/** `user grant-role`. */
export const runUserGrantRole: RunCommand = async (context) => {
  const complaint = "user grant command requires user name and role name as its argument";
  const [user, role] = twoArguments(context.args, complaint);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.UserGrantRole, { user, role });
    const line = `Role ${role} is granted to user ${user}`;
    connection.print(doneReport(AuthUserGrantRoleResponseDescriptor, response, line));
  });
};

/** `user revoke-role`. */
export const runUserRevokeRole: RunCommand = async (context) => {
  const complaint = "user revoke-role requires user name and role name as its argument";
  const [name, role] = twoArguments(context.args, complaint);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.UserRevokeRole, { name, role });
    const line = `Role ${role} is revoked from user ${name}`;
    connection.print(doneReport(AuthUserRevokeRoleResponseDescriptor, response, line));
  });
};

function onlyArgument(args: readonly string[], complaint: string): string {
  const [first, ...more] = args;
  if (first === undefined || more.length > 0) throw badArguments(complaint);
  return first;
}

function twoArguments(args: readonly string[], complaint: string): readonly [string, string] {
  const [first, second, ...more] = args;
  if (first === undefined || second === undefined || more.length > 0) throw badArguments(complaint);
  return [first, second];
}
