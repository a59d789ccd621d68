import { randomInt, randomUUID } from "node:crypto";
import type { Clock, Logger } from "@quorate/base";
import { SeededPrng } from "@quorate/base";
import type { EtcdApi } from "../../core/index.ts";
import type { RunConfig } from "../config/index.ts";
import { type Checks, ProbeServer } from "../health/probe-server.ts";
import { INFORMER_DEFAULTS, KubeClient, type KubeConnection, RestClient } from "../kube/index.ts";
import { observeClusters } from "../metrics/cluster-metrics.ts";
import { OperatorMetrics } from "../metrics/operator-metrics.ts";
import {
  type Controller,
  type ControllerDeps,
  ControllerRunner,
  EventRecorder,
  LeaderOnlyApi,
  LeaseElection,
  type Timers,
  WORK_QUEUE_DEFAULTS,
} from "../runtime/index.ts";
import { registerBackupMetrics } from "../snapshots/index.ts";

export interface OperatorParts {
  readonly config: RunConfig;
  readonly connection: KubeConnection;
  readonly clusterDomain: string;
  readonly version: string;
  /** Name of this Pod or machine. */
  readonly hostName: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly etcd: EtcdApi;
  readonly createControllers: (deps: ControllerDeps) => readonly Controller[];
}

/** A cache that did nothing at all for so long, failing included, hangs, and only a restart helps. */
const HUNG_MS = 15 * 60_000;
/** A cache that heard nothing for so long cannot be trusted. */
const STALE_MS = 5 * 60_000;

/** The controllers with everything around them: leadership, caches, probes, metrics. */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #rest: RestClient;
  readonly #metrics: OperatorMetrics;
  readonly #election: LeaseElection | undefined;
  readonly #events: EventRecorder;
  readonly #runner: ControllerRunner;
  readonly #controllers: readonly Controller[];
  readonly #probes: ProbeServer;
  #isStopping = false;
  #port = 0;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { config, clock, timers, log, connection } = parts;
    const prng = new SeededPrng(randomInt(2 ** 32));
    this.#metrics = new OperatorMetrics(parts.version);
    this.#rest = new RestClient(connection);
    const client = new KubeClient({
      rest: this.#rest,
      nowMs: () => clock.nowMs(),
      onRequest: (record) => this.#metrics.onRequest(record),
    });
    const namespace = config.operatorNamespace || connection.namespace || "default";
    const identity = `${parts.hostName}_${randomUUID()}`;
    const lease = { key: { namespace, name: config.leaseName }, identity, durationMs: config.leaseDurationMs };
    this.#election = config.mustElect
      ? new LeaseElection(lease, { api: client, clock, timers, prng, log: log.child({ component: "leader-election" }) })
      : undefined;
    const isLeader = (): boolean => this.isLeader;
    const api = new LeaderOnlyApi(client, isLeader);
    this.#events = new EventRecorder({
      api,
      clock,
      log,
      controller: "etcd.quorate.dev/operator",
      instance: parts.hostName,
      mayWrite: isLeader,
    });
    this.#runner = new ControllerRunner(
      {
        namespaces: config.namespaces,
        resyncMs: config.resyncMs,
        informer: { ...INFORMER_DEFAULTS, relistMs: Math.max(config.resyncMs, 60_000) },
        queue: { ...WORK_QUEUE_DEFAULTS, concurrency: config.concurrency },
      },
      { source: client, clock, timers, prng, log, onPass: (record) => this.#metrics.onPass(record) },
    );
    this.#controllers = parts.createControllers({
      api,
      cache: this.#runner.cache,
      etcd: parts.etcd,
      clock,
      prng,
      log,
      events: this.#events,
      options: {
        operatorNamespace: namespace,
        operatorImage: config.operatorImage,
        serverImageRepository: config.serverImageRepository,
        defaultServerVersion: config.defaultServerVersion,
        clusterDomain: parts.clusterDomain,
        canReadNodes: config.canReadNodes,
        canReadStorageClasses: config.canReadStorageClasses,
        isLeader,
      },
    });
    this.#metrics.observe({
      informers: () => this.#runner.informers,
      queue: () => this.#runner.queue,
      isLeader,
    });
    // Only the leader has caches.
    registerBackupMetrics(this.#metrics.registry, {
      cache: this.#runner.cache,
      nowMs: () => clock.wallMs(),
      isActive: isLeader,
    });
    observeClusters(this.#metrics.registry, this.#runner.cache, isLeader);
    this.#probes = new ProbeServer({
      host: config.listenHost,
      port: config.listenPort,
      live: this.#liveChecks(),
      ready: this.#readyChecks(),
      metrics: () => this.#metrics.text(),
    });
  }

  get isLeader(): boolean {
    return !this.#isStopping && (this.#election === undefined || this.#election.isLeader);
  }

  /** Port of the probes and metrics, once {@link run} listens. */
  get port(): number {
    return this.#port;
  }

  /** Runs until `stop` is set, or leadership is lost; resolves to which. Rejects if it cannot listen. */
  async run(stop: AbortSignal): Promise<"stopped" | "leadership lost"> {
    const { log } = this.#parts;
    this.#port = await this.#probes.listen();
    log.info("listening for probes and metrics", { port: this.#port });
    const stopped = new Promise<"stopped">((resolve) => {
      if (stop.aborted) resolve("stopped");
      stop.addEventListener("abort", () => resolve("stopped"), { once: true });
    });
    const outcome = await Promise.race([stopped, this.#lead()]);
    if (outcome === "stopped") await this.#shutDown();
    this.#isStopping = true;
    // Without the lead another may act already: nothing under way is waited for, and nothing more can be written.
    if (outcome === "leadership lost") void this.#runner.close();
    this.#rest.close();
    await this.#probes.close();
    return outcome;
  }

  /** Waits for leadership, works, and resolves when it is lost. */
  async #lead(): Promise<"leadership lost"> {
    await this.#election?.acquire();
    const lost = this.#election?.hold() ?? new Promise<never>(() => {});
    const started = this.#runner.start(this.#controllers).then(() => {
      this.#parts.log.info("controllers run", { controllers: this.#controllers.map(({ name }) => name) });
      return new Promise<never>(() => {});
    });
    await Promise.race([lost, started]);
    return "leadership lost";
  }

  async #shutDown(): Promise<void> {
    const { config, log, timers } = this.#parts;
    log.info("stopping");
    const late = new AbortController();
    const graceOver = timers.sleep(config.graceMs, late.signal).then(() => "late" as const);
    const done = this.#runner
      .close()
      .then(() => this.#events.flush())
      .then(() => "done" as const);
    if ((await Promise.race([done, graceOver])) === "late") log.warn("passes under way were not waited for any longer");
    late.abort();
    // Released last: whoever follows may begin at once.
    this.#isStopping = true;
    await this.#election?.close();
    log.info("stopped");
  }

  #liveChecks(): Checks {
    return {
      caches: () => {
        const hung = this.#runner.informers.filter(({ idleMs }) => idleMs > HUNG_MS);
        return hung.length === 0 ? undefined : `dead: ${hung.map(({ scope }) => scope.resource.plural).join(", ")}`;
      },
    };
  }

  #readyChecks(): Checks {
    return {
      stopping: () => (this.#isStopping ? "yes" : undefined),
      leadership: () =>
        this.#election === undefined || this.#election.isLeader || this.#election.holder !== ""
          ? undefined
          : "the lease was not seen yet",
      caches: () => {
        if (!this.isLeader) return undefined;
        if (!this.#runner.isSynced) return "not filled yet";
        const stale = this.#runner.informers.filter(({ ageMs }) => ageMs > STALE_MS);
        return stale.length === 0 ? undefined : `stale: ${stale.map(({ scope }) => scope.resource.plural).join(", ")}`;
      },
    };
  }
}
