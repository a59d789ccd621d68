import type { Logger } from "@quorate/base";
import { ETCD_VERSION, hexId, QUORATE_VERSION } from "../core/index.ts";
import { FEATURE_GATES, type FeatureGate, type ServerConfig } from "./config/index.ts";
import { observeHandlerErrors } from "./handler-errors.ts";
import { healthSource } from "./health-port.ts";
import { Listeners } from "./listeners.ts";
import type { ServerLog } from "./log/index.ts";
import { grpcMetrics, PrometheusMetrics, serverMetrics } from "./metrics/index.ts";
import { Node } from "./node.ts";
import { observeNode } from "./scrape.ts";
import { loadPeerTls } from "./tls/peer-tls-files.ts";

/** How long requests in flight may take to finish once the server was told to stop. */
const DRAIN_MS = 5000;
/** A health check's read may take this long plus two election timeouts, as etcd's requests. */
const HEALTH_READ_BASE_MS = 5000;
const EXIT_FATAL = 1;

/** Runs a server until it is told to stop; ends the process. */
export async function run(config: ServerConfig, log: ServerLog): Promise<void> {
  const { logger } = log;
  const fatal = (error: unknown): never => {
    logger.fatal("the member cannot go on", {
      error: text(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    log.flushNow();
    process.exit(EXIT_FATAL);
  };
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  logger.info("starting", {
    "quorate-version": QUORATE_VERSION,
    "etcd-version": ETCD_VERSION,
    "node-version": process.versions.node,
    name: config.name,
    "data-dir": config.dataDir,
  });
  const prometheus = new PrometheusMetrics();
  const metrics = serverMetrics(prometheus);
  const stop = stopRequests();
  // A member that waits for the others to serve may be told meanwhile to stop, or that it is none of them any more.
  let hasStarted = false;
  void stop.asked.then(async (reason) => {
    if (hasStarted) return;
    tellWhy(reason, logger);
    // As after a crash, the log holds all that was acknowledged.
    logger.info("stopped", { name: config.name });
    await log.close();
    process.exit(0);
  });
  let node: Node;
  let listeners: Listeners;
  try {
    const peerTls = config.peerTls === undefined ? undefined : loadPeerTls(config.peerTls, logger);
    node = await Node.start(config, {
      logger,
      metrics,
      fatal,
      peerTls,
      peerMetrics: prometheus,
      removed: stop.removed,
    });
    listeners = await Listeners.open(
      node,
      observeHandlerErrors(grpcMetrics(prometheus, config.metrics === "extensive"), logger, fatal),
      {
        source: healthSource(node),
        healthMetrics: metrics.health,
        exposition: () => prometheus.exposition(),
        logger,
        enablePprof: config.enablePprof,
        readTimeoutMs: HEALTH_READ_BASE_MS + 2 * config.electionTimeoutMs,
        cors: config.cors,
        hostWhitelist: config.hostWhitelist,
      },
      logger,
    );
  } catch (error) {
    logger.fatal("cannot start", { error: text(error) });
    // Logs may go to files, and as JSON: who started the program by hand gets the one line that matters.
    if (!logsToStandardError(config)) process.stderr.write(`quorate: ${text(error)}\n`);
    await log.close();
    process.exit(EXIT_FATAL);
  }
  hasStarted = true;
  observeNode(node, prometheus, metrics);
  metrics.identify({
    serverVersion: ETCD_VERSION,
    runtimeVersion: `Node.js ${process.versions.node}`,
    serverId: hexId(node.context.memberId),
    features: Object.entries(FEATURE_GATES).map(([name, { stage }]) => ({
      name,
      stage,
      enabled: config.featureGates[name as FeatureGate],
    })),
  });
  logger.info("ready to serve client requests", { "member-id": hexId(node.context.memberId) });
  void prometheus.watchProcess();
  const reason = await stop.asked;
  tellWhy(reason, logger);
  logger.info("stopping", { name: config.name });
  if (reason === "signal") await node.handOver();
  await listeners.drain(DRAIN_MS);
  await node.stop(DRAIN_MS);
  logger.info("stopped", { name: config.name });
  await log.close();
  process.exit(0);
}

type StopReason = "signal" | "removed";

function tellWhy(reason: StopReason, logger: Logger): void {
  if (reason !== "removed") return;
  logger.warn("server error", { error: "the member has been permanently removed from the cluster" });
  logger.warn("data-dir used by this member must be removed", {});
}

/** Waits for the first reason to stop; a second signal ends the process at once. */
function stopRequests(): { readonly asked: Promise<StopReason>; readonly removed: () => void } {
  let ask: (reason: StopReason) => void = () => {};
  const asked = new Promise<StopReason>((resolve) => {
    ask = resolve;
  });
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(EXIT_FATAL);
      ask("signal");
    });
  }
  return { asked, removed: () => ask("removed") };
}

function logsToStandardError(config: ServerConfig): boolean {
  return config.log.outputs.some((output) => output === "default" || output === "stderr");
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
