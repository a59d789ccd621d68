import { readFileSync } from "node:fs";
import { nearestName } from "./config/index.ts";
import { EXIT } from "./program/exit-code.ts";
import type { ProgramCall } from "./program/subcommand.ts";
import { SUBCOMMANDS } from "./program/subcommands.ts";

/** The program: finds the subcommand, runs it and sets the exit code. */
export async function main(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const [first = ""] = argv;
  const isNamed = first !== "" && !first.startsWith("-");
  const version = ownVersion();
  if (first === "help" || (!isNamed && (first === "--help" || first === "-h"))) {
    process.stdout.write(help());
    return;
  }
  if (first === "version" || first === "--version") {
    process.stdout.write(`quorate-operator ${version}\n`);
    return;
  }
  const name = isNamed ? first : "run";
  const subcommand = SUBCOMMANDS.find((each) => each.name === name);
  if (subcommand === undefined) {
    const near = nearestName(
      name,
      SUBCOMMANDS.map((each) => each.name),
    );
    process.stderr.write(`unknown subcommand '${name}'${near === undefined ? "" : `; did you mean '${near}'?`}\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  crashOnTheUnexpected();
  const call: ProgramCall = {
    argv: isNamed ? argv.slice(1) : argv,
    environment,
    version,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stop: stopSignal(),
  };
  // Ends the process though a connection may still be open: everything that must be waited for has been.
  process.exit(await subcommand.run(call));
}

function help(): string {
  const width = Math.max(...SUBCOMMANDS.map(({ name }) => name.length));
  const lines = SUBCOMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`);
  return (
    "Runs Quorate and etcd clusters in Kubernetes by custom resource.\n\n" +
    `Usage:\n  quorate-operator [subcommand] [flags]\n\nSubcommands:\n${lines.join("\n")}\n\n` +
    "'quorate-operator run --help' lists the flags of the controllers.\n"
  );
}

/** A second signal while stopping ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => (stop.signal.aborted ? process.exit(EXIT.failed) : stop.abort(signal)));
  return stop.signal;
}

/** What nobody awaits or catches is a bug, and going on in an unknown state is worse than a restart. */
function crashOnTheUnexpected(): void {
  const crash = (kind: string) => (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    const line = { level: "fatal", ts: new Date().toISOString(), msg: "crashed", kind, error: String(error), stack };
    process.stderr.write(`${JSON.stringify(line)}\n`);
    process.exit(EXIT.crashed);
  };
  process.on("unhandledRejection", crash("unhandled rejection"));
  process.on("uncaughtException", crash("uncaught exception"));
}

function ownVersion(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
}
