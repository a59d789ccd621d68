import { must } from "@quorate/base";
import type { ConfigInput, ConfigOutcome, Notice, ServerConfig } from "../../src/node/config/index.ts";
import { parseServerConfig } from "../../src/node/config/index.ts";

/** Parses `argv` with nothing else around it unless given. */
export function parse(argv: readonly string[], more: Partial<ConfigInput> = {}): ConfigOutcome {
  return parseServerConfig({
    argv,
    environment: {},
    readFile: (path) => {
      throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    },
    platform: { nodeVersion: "v20.15.0", os: "linux", arch: "x64" },
    ...more,
  });
}

/** Parses a configuration file alone. */
export function parseFile(text: string, more: Partial<ConfigInput> = {}): ConfigOutcome {
  return parse(["--config-file=c.yaml"], { readFile: () => text, ...more });
}

export function configOf(outcome: ConfigOutcome): ServerConfig {
  return must(outcome.kind === "run" ? outcome.config : undefined, `it runs, not ${JSON.stringify(outcome)}`);
}

export function noticesOf(outcome: ConfigOutcome): readonly Notice[] {
  return must(outcome.kind === "run" ? outcome.notices : undefined, "it runs");
}

/** Exit code and first line of what goes to standard error. */
export function failure(outcome: ConfigOutcome): string {
  return outcome.kind === "stop" ? `${outcome.exitCode} ${outcome.stderr.split("\n")[0]}` : "runs";
}
