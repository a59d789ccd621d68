import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { clusterDomainOf, ENVIRONMENT_PREFIX, flagHelp, parseRunConfig, RUN_FLAGS } from "../config/index.ts";
import { ClientEtcdApi } from "../etcd/index.ts";
import { JsonLogger } from "../log/json-logger.ts";
import { NODE_TIMERS } from "../runtime/index.ts";
import { connect, SYSTEM_CLOCK } from "./connect.ts";
import { createControllers } from "./controllers.ts";
import { EXIT } from "./exit-code.ts";
import { Operator } from "./operator.ts";
import type { ProgramCall } from "./subcommand.ts";

/** `quorate-operator run`: the controllers, until the process is told to stop. */
export async function runOperator(call: ProgramCall): Promise<number> {
  const outcome = parseRunConfig(call.argv, call.environment);
  if (outcome.kind === "help") {
    call.stdout(`Runs the controllers.\n\nFlags, each with the environment variable that it may be set by:\n`);
    call.stdout(flagHelp(RUN_FLAGS, ENVIRONMENT_PREFIX));
    return EXIT.done;
  }
  if (outcome.kind === "problems") {
    call.stderr(`${outcome.problems.join("\n")}\n`);
    return EXIT.usage;
  }
  const { config } = outcome;
  const log = new JsonLogger({ level: config.logLevel, write: call.stderr, wallMs: () => Date.now() });
  log.info("starting", { version: call.version, node: process.versions.node, config });
  const etcd = new ClientEtcdApi({ clock: SYSTEM_CLOCK, logger: log });
  try {
    const operator = new Operator({
      config,
      connection: await connect(config, call.environment),
      clusterDomain: config.clusterDomain || clusterDomainOf(textOf("/etc/resolv.conf")),
      version: call.version,
      hostName: call.environment["POD_NAME"] ?? hostname(),
      clock: SYSTEM_CLOCK,
      timers: NODE_TIMERS,
      log,
      etcd,
      createControllers,
    });
    const end = await operator.run(call.stop);
    return end === "stopped" ? EXIT.done : EXIT.leadershipLost;
  } catch (error) {
    log.error("cannot run", { error });
    return EXIT.failed;
  } finally {
    await etcd.close();
  }
}

/** "" if it cannot be read: outside of a Pod nothing depends on it. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
