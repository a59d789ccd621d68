import { join } from "node:path";
import { freePorts } from "@quorate/testkit";
import type { ServerConfig } from "../../../src/node/config/index.ts";
import { observeHandlerErrors } from "../../../src/node/handler-errors.ts";
import { healthSource } from "../../../src/node/health-port.ts";
import { Listeners } from "../../../src/node/listeners.ts";
import { StructuredLogger } from "../../../src/node/log/index.ts";
import { encodeJson } from "../../../src/node/log/line-encoder.ts";
import { LogSampler } from "../../../src/node/log/log-sampler.ts";
import { grpcMetrics, PrometheusMetrics, processMetrics, serverMetrics } from "../../../src/node/metrics/index.ts";
import { Node } from "../../../src/node/node.ts";
import { observeNode } from "../../../src/node/scrape.ts";
import { loadClientTls } from "../../../src/node/tls/client-tls-files.ts";
import { configOf, parse } from "../../config/parse-config.ts";
import { EtcdClient } from "./etcd-client.ts";

const PORT_ATTEMPTS_MAX = 5;
const DRAIN_MS = 5000;

/** A whole server inside this process, as `run` composes it, without the process's own business. */
export class TestNode {
  readonly node: Node;
  readonly port: number;
  readonly client: EtcdClient;
  /** Lines of the log, as JSON. */
  readonly log: readonly string[];
  /** What would have ended the process. */
  readonly fatal: readonly Error[];
  readonly #listeners: Listeners;

  private constructor(node: Node, listeners: Listeners, port: number, records: Pick<TestNode, "log" | "fatal">) {
    this.node = node;
    this.#listeners = listeners;
    this.port = port;
    this.client = new EtcdClient(port);
    this.log = records.log;
    this.fatal = records.fatal;
  }

  /** Serves the data directory `directory`/data, at `port` or any free one. Rejects with why it cannot. */
  static async start(directory: string, flags: readonly string[] = [], port?: number): Promise<TestNode> {
    if (port !== undefined) return await TestNode.#startAt(directory, flags, port);
    for (let attempt = 1; ; attempt++) {
      const [free = 0] = await freePorts(1);
      try {
        return await TestNode.#startAt(directory, flags, free);
      } catch (error) {
        // Another process may take a port between the look and the start.
        if (attempt === PORT_ATTEMPTS_MAX || !String(error).includes("EADDRINUSE")) throw error;
      }
    }
  }

  static async #startAt(directory: string, flags: readonly string[], clientPort: number): Promise<TestNode> {
    const config = testConfig(directory, clientPort, flags);
    const log: string[] = [];
    const fatal: Error[] = [];
    const logger = new StructuredLogger({
      level: "info",
      encode: encodeJson,
      write: (line) => log.push(line),
      sampler: new LogSampler(),
      wallMs: Date.now,
    });
    const prometheus = new PrometheusMetrics();
    const metrics = serverMetrics(prometheus);
    const onFatal = (error: Error): void => void fatal.push(error);
    const node = await Node.start(config, {
      logger,
      metrics,
      fatal: onFatal,
      peerTls: undefined,
      peerMetrics: prometheus,
      removed: () => void log.push("removed"),
    });
    try {
      const listeners = await Listeners.open(
        node,
        observeHandlerErrors(
          grpcMetrics(prometheus, {
            extensive: config.metrics === "extensive",
            server: metrics,
            readonlyTxns: () => node.context.counts.readonlyTxns,
          }),
          logger,
          onFatal,
        ),
        {
          source: healthSource(node),
          healthMetrics: metrics.health,
          exposition: () => prometheus.exposition(),
          logger,
          enablePprof: false,
          readTimeoutMs: 7000,
          cors: config.cors,
          hostWhitelist: config.hostWhitelist,
        },
        logger,
        config.clientTls === undefined ? undefined : await loadClientTls(config.clientTls, logger),
      );
      observeNode(node, prometheus, metrics);
      processMetrics(prometheus);
      return new TestNode(node, listeners, clientPort, { log, fatal });
    } catch (error) {
      await node.stop(0);
      throw error;
    }
  }

  /** What the process does on SIGTERM. */
  async stop(): Promise<void> {
    await this.drain();
    this.client.close();
    await this.node.stop(DRAIN_MS);
  }

  /** Takes no new calls and waits for those in flight. */
  drain(): Promise<void> {
    return this.#listeners.drain(DRAIN_MS);
  }

  async http(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return { status: response.status, body: await response.text() };
  }
}

/** What the flags of a lone test member come to. It listens for peers somewhere else than it says. */
export function testConfig(directory: string, clientPort: number, flags: readonly string[] = []): ServerConfig {
  const url = `http://127.0.0.1:${clientPort}`;
  return configOf(
    parse([
      "--name=n1",
      `--data-dir=${join(directory, "data")}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      "--listen-peer-urls=http://127.0.0.1:0",
      "--initial-advertise-peer-urls=http://127.0.0.1:23800",
      "--initial-cluster=n1=http://127.0.0.1:23800",
      ...flags,
    ]),
  );
}
