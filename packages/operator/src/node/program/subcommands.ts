import type { ProgramCall, Subcommand } from "./subcommand.ts";

/** Everything that `quorate-operator` can be told to do. */
export const SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: "run",
    summary: "Run the controllers (default).",
    run: async (call) => await (await import("./run-operator.ts")).runOperator(call),
  },
  {
    name: "prepare",
    summary: "Guard a member's volume before its server starts (init container).",
    run: async ({ environment, stderr }) => {
      const { runPrepare } = await import("../prepare/index.ts");
      return await runPrepare(environment, (line) => stderr(`${line}\n`));
    },
  },
  {
    name: "guard",
    summary: "Refuse if there are clusters (the chart's hook before it is uninstalled).",
    run: async (call) => await (await import("./chart-checks.ts")).guardUninstall(call),
  },
  {
    name: "check",
    summary: "Check that the operator is ready and its kinds are served (the chart's test).",
    run: async (call) => await (await import("./chart-checks.ts")).checkInstallation(call),
  },
  { name: "snapshot", summary: "Take, check and store a snapshot (Job of an EtcdBackup).", run: runSnapshotAgent },
  { name: "verify", summary: "Check a stored snapshot, or restore it for a drill (Job).", run: runSnapshotAgent },
  { name: "retain", summary: "Delete what retention does not keep (Job of a schedule).", run: runSnapshotAgent },
  { name: "delete-artifact", summary: "Delete one stored snapshot (Job of an EtcdBackup).", run: runSnapshotAgent },
];

/** What exactly is to be done is in the environment; the subcommand's name is for people. */
async function runSnapshotAgent({ environment, version, stderr, stop }: ProgramCall): Promise<number> {
  const { runAgent } = await import("../snapshots/index.ts");
  return await runAgent({
    env: environment,
    log: (line) => stderr(`${line}\n`),
    tool: `quorate-operator ${version}`,
    signal: stop,
  });
}
