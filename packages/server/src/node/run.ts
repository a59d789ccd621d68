import type { Logger } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";
import { ETCD_VERSION, hexId, QUORATE_VERSION } from "../core/index.ts";
import type { ServerConfig } from "./config/index.ts";
import { observeHandlerErrors } from "./handler-errors.ts";
import { healthSource } from "./health-port.ts";
import { Listeners } from "./listeners.ts";
import type { ServerLog } from "./log/index.ts";
import { grpcMetrics, PrometheusMetrics, processMetrics, type ServerMetrics, serverMetrics } from "./metrics/index.ts";
import { Node } from "./node.ts";
import { observeNode } from "./scrape.ts";
import { observeSlowCalls } from "./slow-calls.ts";
import { loadClientTls } from "./tls/client-tls-files.ts";
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
  // Before the first line of the log, or who has read it and tells the member to end finds nobody who listens.
  const stop = stopRequests();
  logger.info("starting", {
    "quorate-version": QUORATE_VERSION,
    "etcd-version": ETCD_VERSION,
    "node-version": process.versions.node,
    name: config.name,
    "data-dir": config.dataDir,
  });
  const prometheus = new PrometheusMetrics();
  const metrics = serverMetrics(prometheus);
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
    const peerTls = config.peerTls === undefined ? undefined : await loadPeerTls(config.peerTls, logger);
    const clientTls = config.clientTls === undefined ? undefined : await loadClientTls(config.clientTls, logger);
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
      observeCalls(config, node, { prometheus, metrics }, logger, fatal),
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
      clientTls,
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
  processMetrics(prometheus);
  logger.info("ready to serve client requests", { "member-id": hexId(node.context.memberId) });
  void prometheus.watchProcess();
  const reason = await stop.asked;
  tellWhy(reason, logger);
  logger.info("stopping", { name: config.name });
  if (reason === "signal") await node.elections.handOver();
  await listeners.drain(DRAIN_MS);
  await node.stop(DRAIN_MS);
  logger.info("stopped", { name: config.name });
  await log.close();
  process.exit(0);
}

/** Counts calls, warns of slow ones, and ends the process where a handler has met what it must not go on with. */
function observeCalls(
  config: ServerConfig,
  node: Node,
  { prometheus, metrics }: { readonly prometheus: PrometheusMetrics; readonly metrics: ServerMetrics },
  logger: Logger,
  fatal: (error: Error) => void,
): GrpcObserver {
  const counting = grpcMetrics(prometheus, {
    extensive: config.metrics === "extensive",
    server: metrics,
    readonlyTxns: () => node.context.counts.readonlyTxns,
  });
  return observeHandlerErrors(observeSlowCalls(counting, logger, config.warningUnaryRequestDurationMs), logger, fatal);
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
