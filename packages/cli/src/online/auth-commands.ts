import type { Command } from "../frame/command.ts";

const group = "Authentication commands";

const PERMISSION_RANGE_FLAGS = [
  { name: "prefix", kind: "bool", usage: "all keys that begin with the key" },
  { name: "from-key", kind: "bool", usage: "all keys from the key on, in the order of their bytes" },
] as const;

const USER_COMMANDS: readonly Command[] = [
  {
    name: "add",
    usage: "<user name or user:password> [options]",
    summary: "Adds a user",
    flags: [
      {
        name: "interactive",
        kind: "bool",
        default: "true",
        usage: "ask at the terminal; false: read from standard input",
      },
      { name: "new-user-password", kind: "string", usage: "the password" },
      { name: "no-password", kind: "bool", usage: "a user that logs in with a certificate only" },
    ],
    load: async () => (await import("./user.ts")).runUserAdd,
  },
  {
    name: "delete",
    usage: "<user name>",
    summary: "Deletes a user",
    load: async () => (await import("./user.ts")).runUserDelete,
  },
  {
    name: "get",
    usage: "<user name> [options]",
    summary: "Shows the roles of a user",
    flags: [{ name: "detail", kind: "bool", usage: "and the permissions of its roles" }],
    load: async () => (await import("./user.ts")).runUserGet,
  },
  { name: "list", summary: "Lists the users", load: async () => (await import("./user.ts")).runUserList },
  {
    name: "passwd",
    usage: "<user name> [options]",
    summary: "Gives a user another password",
    flags: [
      {
        name: "interactive",
        kind: "bool",
        default: "true",
        usage: "ask at the terminal; false: read from standard input",
      },
    ],
    load: async () => (await import("./user.ts")).runUserPasswd,
  },
  {
    name: "grant-role",
    usage: "<user name> <role name>",
    summary: "Gives a role to a user",
    load: async () => (await import("./user.ts")).runUserGrantRole,
  },
  {
    name: "revoke-role",
    usage: "<user name> <role name>",
    summary: "Takes a role from a user",
    load: async () => (await import("./user.ts")).runUserRevokeRole,
  },
];

const ROLE_COMMANDS: readonly Command[] = [
  {
    name: "add",
    usage: "<role name>",
    summary: "Adds a role",
    load: async () => (await import("./role.ts")).runRoleAdd,
  },
  {
    name: "delete",
    usage: "<role name>",
    summary: "Deletes a role",
    load: async () => (await import("./role.ts")).runRoleDelete,
  },
  {
    name: "get",
    usage: "<role name>",
    summary: "Shows the permissions of a role",
    load: async () => (await import("./role.ts")).runRoleGet,
  },
  { name: "list", summary: "Lists the roles", load: async () => (await import("./role.ts")).runRoleList },
  {
    name: "grant-permission",
    usage: "[options] <role name> <permission type> <key> [endkey]",
    summary: "Lets a role read or write keys",
    examples: ["role grant-permission reader read /app/ --prefix", "role grant-permission editor readwrite a f"],
    flags: PERMISSION_RANGE_FLAGS,
    load: async () => (await import("./role.ts")).runRoleGrantPermission,
  },
  {
    name: "revoke-permission",
    usage: "<role name> <key> [endkey]",
    summary: "Takes a permission from a role",
    flags: PERMISSION_RANGE_FLAGS,
    load: async () => (await import("./role.ts")).runRoleRevokePermission,
  },
];

/** CLI page, A5. */
export const AUTH_COMMANDS: readonly Command[] = [
  {
    name: "auth",
    summary: "Turns authentication on or off",
    group,
    commands: [
      {
        name: "enable",
        summary: "Turns authentication on",
        load: async () => (await import("./auth.ts")).runAuthEnable,
      },
      {
        name: "disable",
        summary: "Turns authentication off",
        load: async () => (await import("./auth.ts")).runAuthDisable,
      },
      {
        name: "status",
        summary: "Tells whether authentication is on",
        load: async () => (await import("./auth.ts")).runAuthStatus,
      },
    ],
  },
  { name: "user", summary: "Adds users and gives them roles", group, commands: USER_COMMANDS },
  { name: "role", summary: "Adds roles and gives them permissions", group, commands: ROLE_COMMANDS },
];
