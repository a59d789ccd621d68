import { readFileSync } from "node:fs";
import { parseServerConfig } from "./config/index.ts";
import { openLog, type ServerLog } from "./log/index.ts";

const EXIT_FATAL = 1;

/** The program: runs until it is told to stop, then leaves with code 0; with 1 or 2 and a line that says why otherwise. */
export async function main(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const outcome = parseServerConfig({
    argv,
    environment,
    readFile: (path) => readFileSync(path, "utf8"),
    platform: { nodeVersion: process.versions.node, os: process.platform, arch: process.arch },
  });
  if (outcome.kind === "stop") {
    process.stdout.write(outcome.stdout);
    process.stderr.write(outcome.stderr);
    process.exitCode = outcome.exitCode;
    return;
  }
  let log: ServerLog;
  try {
    log = openLog(outcome.config.log);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT_FATAL;
    return;
  }
  for (const { level, message, fields } of outcome.notices) log.logger[level](message, fields);
  // What only prints and leaves is spared the loading of a server.
  const { run } = await import("./run.ts");
  await run(outcome.config, log);
}
