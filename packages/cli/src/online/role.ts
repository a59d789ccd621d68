import { prefixEnd } from "@quorate/base";
import {
  AuthRoleAddResponseDescriptor,
  AuthRoleDeleteResponseDescriptor,
  AuthRoleGrantPermissionResponseDescriptor,
  AuthRoleRevokePermissionResponseDescriptor,
  PermissionType,
} from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { doneReport, roleGetReport, roleListReport } from "../print/auth-reports.ts";
import { withConnection } from "./connection.ts";
import { bytesOf, FIRST_KEY, type KeyRange } from "./key-range.ts";

const PERMISSIONS: Readonly<Record<string, number>> = {
  READ: PermissionType.READ,
  WRITE: PermissionType.WRITE,
  READWRITE: PermissionType.READWRITE,
};

/** `role add`. CLI page, A5. */
export const runRoleAdd: RunCommand = async (context) => {
  const name = roleOf(context.args, "role add command requires role name as its argument");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.RoleAdd, { name });
    connection.print(doneReport(AuthRoleAddResponseDescriptor, response, `Role ${name} created`));
  });
};

/** `role delete`. */
export const runRoleDelete: RunCommand = async (context) => {
  const role = roleOf(context.args, "role delete command requires role name as its argument");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.RoleDelete, { role });
    connection.print(doneReport(AuthRoleDeleteResponseDescriptor, response, `Role ${role} deleted`));
  });
};

/** `role get`. */
export const runRoleGet: RunCommand = async (context) => {
  const role = roleOf(context.args, "role get command requires role name as its argument");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(roleGetReport(role, await connection.callWithoutEnd(RPC.Auth.RoleGet, { role })));
  });
};

/** `role list`. */
export const runRoleList: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("role list command requires no arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(roleListReport(await connection.callWithoutEnd(RPC.Auth.RoleList, {})));
  });
};

/** `role grant-permission`. */
export const runRoleGrantPermission: RunCommand = async (context) => {
  const [name, type, key, end] = context.args;
  if (name === undefined || type === undefined || key === undefined)
    throw badArguments("role grant command requires role name, permission type, and key [endkey] as its argument");
  const permType = PERMISSIONS[type.toUpperCase()];
  if (permType === undefined) throw badArguments(`invalid permission type: ${type}`);
  const perm = { permType, ...permissionRange(key, end, context.flags) };
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.RoleGrantPermission, { name, perm });
    connection.print(doneReport(AuthRoleGrantPermissionResponseDescriptor, response, `Role ${name} updated`));
  });
};

/** `role revoke-permission`. */
export const runRoleRevokePermission: RunCommand = async (context) => {
  const [role, key, end] = context.args;
  if (role === undefined || key === undefined)
    throw badArguments("role revoke-permission command requires role name and key [endkey] as its argument");
  const range = permissionRange(key, end, context.flags);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const response = await connection.callWithoutEnd(RPC.Auth.RoleRevokePermission, { role, ...range });
    const line = `Permission of ${rangeText(key, range.rangeEnd)} is revoked from role ${role}`;
    connection.print(doneReport(AuthRoleRevokePermissionResponseDescriptor, response, line));
  });
};

function roleOf(args: readonly string[], complaint: string): string {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw badArguments(complaint);
  return name;
}

/** The range of a permission. Those have no empty keys: all keys are the range from the first key on. */
function permissionRange(key: string, end: string | undefined, flags: FlagValues): KeyRange {
  const [prefix, fromKey] = [flags.bool("prefix"), flags.bool("from-key")];
  const none = new Uint8Array();
  if (prefix && fromKey && (end === undefined || key === ""))
    throw badArguments("--from-key and --prefix flags are mutually exclusive");
  if (key === "") return { key: FIRST_KEY, rangeEnd: prefix || fromKey ? FIRST_KEY : none };
  const bytes = bytesOf(key);
  if (end === undefined) return { key: bytes, rangeEnd: prefix ? prefixEnd(bytes) : fromKey ? FIRST_KEY : none };
  if (prefix) throw badArguments("unexpected endkey argument with --prefix flag");
  if (fromKey) throw badArguments("unexpected endkey argument with --from-key flag");
  return { key: bytes, rangeEnd: bytesOf(end) };
}

function rangeText(key: string, rangeEnd: Uint8Array): string {
  if (rangeEnd.length === 0) return `key ${key}`;
  const isOpenEnded = rangeEnd.length === 1 && rangeEnd[0] === 0;
  return isOpenEnded ? `range [${key}, <open ended>` : `range [${key}, ${Buffer.from(rangeEnd).toString()})`;
}
