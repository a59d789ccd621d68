import type { Logger } from "@quorate/base";
import { type GrpcObserver, GrpcServer, healthServices, type Services, type TlsOptions } from "@quorate/grpc";
import type { EndpointUrl, ServerConfig } from "./config/index.ts";
import { DefragmentationHealth } from "./defragmentation-health.ts";
import {
  createHttpHandler,
  createHttpServer,
  GATEWAY_LIMITS,
  Gateway,
  type HttpHandler,
  type HttpHandlerOptions,
  type HttpListener,
  type HttpListenOptions,
  listenHttp,
} from "./http/index.ts";
import { addressesOf, isSecure, listenOnAddress } from "./listen-address.ts";
import type { Node } from "./node.ts";
import { reportRejections } from "./rejected-connections.ts";
import { AuthService } from "./services/auth.ts";
import { ClusterService } from "./services/cluster.ts";
import { ElectionService } from "./services/election.ts";
import { KvService } from "./services/kv.ts";
import { LeaseService } from "./services/lease.ts";
import { LockService } from "./services/lock.ts";
import { MaintenanceService } from "./services/maintenance.ts";
import { guardMaintenance } from "./services/method-access.ts";
import { Recipes } from "./services/recipes/recipes.ts";
import { snapshotHandler } from "./services/snapshot.ts";
import { WatchService } from "./services/watch.ts";

/** What gRPC adds to a request's own limit before the transport refuses it. */
const RECEIVE_OVERHEAD_BYTES = 512 * 1024;
const HTTP_GRACE_MS = 1000;
/** So many messages of the largest size may be held of requests as JSON that are not complete, counted as on the wire. */
const HELD_MESSAGES_MIN = 8;

/** Everything a client can connect to. */
export class Listeners {
  readonly #grpc: GrpcServer;
  readonly #http: HttpListener[] = [];
  readonly #gateway: Gateway | undefined;
  readonly #setNotServing: () => void;
  readonly #recipes: Recipes;

  private constructor(grpc: GrpcServer, gateway: Gateway | undefined, setNotServing: () => void, recipes: Recipes) {
    this.#grpc = grpc;
    this.#gateway = gateway;
    this.#setNotServing = setNotServing;
    this.#recipes = recipes;
  }

  /**
   * Opens every listener of the configuration, or none: rejects naming the address that cannot be had. `tls` is for the `https` and
   * `unixs` ones.
   */
  static async open(
    node: Node,
    observer: GrpcObserver,
    http: Omit<HttpHandlerOptions, "surface" | "gateway" | "refusesCertificateNames">,
    logger: Logger,
    tls?: TlsOptions,
  ): Promise<Listeners> {
    const { config } = node;
    const health = healthServices();
    const serving = new DefragmentationHealth(health, config.featureGates.StopGRPCServiceOnDefrag);
    const reporting = reportRejections(observer, logger);
    const api = node.gate.guard(node.tokenGate.guard(services(node, logger, serving)));
    const recipes = new Recipes({ services: api, onFailure: (path, error) => observer.handlerError?.(path, error) });
    const all = { ...api, ...node.gate.guard(recipeServices(recipes)), ...health.services };
    const gateway = config.enableGrpcGateway ? gatewayTo(all, node, reporting) : undefined;
    const clientHandler = createHttpHandler({
      ...http,
      surface: "client",
      gateway,
      refusesCertificateNames: config.clientCertAuth ? () => node.context.auth.state.isEnabled : undefined,
    });
    const grpc = createGrpcServer(config, all, reporting, clientHandler);
    const listeners = new Listeners(grpc, gateway, () => serving.stop(), recipes);
    const splitHttp = config.listenClientHttpUrls.length > 0;
    const other: HttpListenOptions = { tls, observer: { abuse: (...breach) => reporting.abuse(...breach) } };
    try {
      for (const urls of addressesOf(config.listenClientUrls)) {
        await listenOnAddress(grpc, urls, tls);
        tellTraffic(urls, splitHttp ? "grpc" : "grpc+http", logger);
      }
      for (const urls of addressesOf(config.listenClientHttpUrls)) {
        listeners.#http.push(await listenHttp(urls, clientHandler, other));
        tellTraffic(urls, "http", logger);
      }
      const metricsHandler = createHttpHandler({ ...http, surface: "metrics" });
      for (const urls of addressesOf(config.listenMetricsUrls)) {
        listeners.#http.push(await listenHttp(urls, metricsHandler, other));
        for (const { text } of urls) logger.info("serving metrics", { address: text });
      }
    } catch (error) {
      await listeners.close();
      throw error;
    }
    return listeners;
  }

  /** Takes no new requests and lets those in flight finish within `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#setNotServing();
    // Whoever waits for a lock would hold up the end for as long as it may take.
    this.#recipes.stop();
    this.#gateway?.endStreams();
    await Promise.all([this.#grpc.drain(timeoutMs), ...this.#http.map((listener) => listener.close(HTTP_GRACE_MS))]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#grpc.close(), ...this.#http.map((listener) => listener.close(0))]);
  }
}

/** The API as JSON, with the limits of gRPC. */
function gatewayTo(services: Services, { config, context }: Node, observer: GrpcObserver): Gateway {
  const messageBytesMax = config.maxRequestBytes + RECEIVE_OVERHEAD_BYTES;
  // A few of the largest requests fit in what may be held of all of them.
  const heldBytesMax = Math.max(GATEWAY_LIMITS.heldBytesMax, HELD_MESSAGES_MIN * messageBytesMax);
  const limits = { ...GATEWAY_LIMITS, messageBytesMax, heldBytesMax };
  return new Gateway({ services, observer, limits, nowMs: context.nowMs });
}

function services(node: Node, logger: Logger, serving: DefragmentationHealth): Services {
  const { context, proposer } = node;
  const config: ServerConfig = node.config;
  return {
    "etcdserverpb.KV": new KvService(context, proposer).methods(),
    "etcdserverpb.Watch": new WatchService(context).methods(),
    "etcdserverpb.Lease": new LeaseService(context, proposer).methods(),
    "etcdserverpb.Auth": new AuthService(context, proposer, logger).methods(),
    "etcdserverpb.Cluster": new ClusterService(context, node.memberChanges).methods(),
    "etcdserverpb.Maintenance": guardMaintenance(
      {
        ...new MaintenanceService(context, proposer, {
          defragment: serving.around((done) => node.defragmentation.run(done)),
          quotaBytes: config.quotaToldBytes,
        }).methods(),
        Snapshot: {
          kind: "serverStream",
          handler: snapshotHandler(context, { snapshots: node.savedSnapshots, logger, fatal: node.fatal }),
        },
      },
      context.access,
    ),
  };
}

/** What etcd builds from its own API. */
function recipeServices(recipes: Recipes): Services {
  return {
    "v3electionpb.Election": new ElectionService(recipes).methods(),
    "v3lockpb.Lock": new LockService(recipes).methods(),
  };
}

function createGrpcServer(
  config: ServerConfig,
  all: Services,
  observer: GrpcObserver,
  clientHandler: HttpHandler,
): GrpcServer {
  return new GrpcServer({
    services: all,
    observer,
    limits: {
      maxReceiveMessageBytes: config.maxRequestBytes + RECEIVE_OVERHEAD_BYTES,
      maxConcurrentStreams: config.maxConcurrentStreams,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      keepaliveIntervalMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
    },
    // With listeners of their own, requests over HTTP are not answered here.
    ...(config.listenClientHttpUrls.length > 0 ? {} : { http: createHttpServer(clientHandler) }),
  });
}

/** etcd's lines, which scripts wait for. */
function tellTraffic(urls: readonly EndpointUrl[], traffic: string, logger: Logger): void {
  for (const url of urls) {
    const message = isSecure(url)
      ? "serving client traffic securely"
      : "serving client traffic insecurely; this is strongly discouraged!";
    logger.info(message, { traffic, address: url.text });
  }
}
