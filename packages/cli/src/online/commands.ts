import type { Command } from "../frame/command.ts";
import { AUTH_COMMANDS } from "./auth-commands.ts";
import { CLUSTER_COMMANDS } from "./cluster-commands.ts";
import { CONCURRENCY_COMMANDS } from "./concurrency-commands.ts";
import { KEY_VALUE_COMMANDS } from "./key-value-commands.ts";
import { UTILITY_COMMANDS } from "./utility-commands.ts";

/** The commands that ask a server. */
export const ONLINE_COMMANDS: readonly Command[] = [
  ...KEY_VALUE_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...CONCURRENCY_COMMANDS,
  ...AUTH_COMMANDS,
  ...UTILITY_COMMANDS,
];
