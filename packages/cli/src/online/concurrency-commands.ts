import type { Command } from "../frame/command.ts";

/** CLI page, A4. */
export const CONCURRENCY_COMMANDS: readonly Command[] = [
  {
    name: "lock",
    usage: "<lockname> [exec-command arg1 arg2 ...]",
    summary: "Holds a lock, or runs a command with it",
    description: `Takes a named lock and holds it until Ctrl-C, or while a command runs, which gets ETCD_LOCK_KEY and ETCD_LOCK_REV in its
environment and whose exit code becomes that of the lock. Flags of the command need '--' before it.`,
    examples: ["lock nightly-backup -- sh backup.sh --full"],
    group: "Concurrency commands",
    flags: [
      { name: "ttl", kind: "int", default: "10", usage: "seconds after which the lock is free when this ends at once" },
    ],
    load: async () => (await import("./lock.ts")).runLock,
  },
  {
    name: "elect",
    usage: "<election-name> [proposal]",
    summary: "Stands for an election, or watches who leads",
    group: "Concurrency commands",
    flags: [{ name: "listen", shorthand: "l", kind: "bool", usage: "print who leads, without taking part" }],
    load: async () => (await import("./elect.ts")).runElect,
  },
];
