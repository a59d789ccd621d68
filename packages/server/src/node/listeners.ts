import type { Logger } from "@quorate/base";
import { type GrpcObserver, GrpcServer, healthServices, type Services } from "@quorate/grpc";
import type { EndpointUrl, ServerConfig } from "./config/index.ts";
import {
  createHttpHandler,
  createHttpServer,
  type HttpHandlerOptions,
  type HttpListener,
  listenHttp,
} from "./http/index.ts";
import type { Node } from "./node.ts";
import { ClusterService } from "./services/cluster.ts";
import { KvService } from "./services/kv.ts";
import { LeaseService } from "./services/lease.ts";
import { MaintenanceService } from "./services/maintenance.ts";
import { WatchService } from "./services/watch.ts";

/** What gRPC adds to a request's own limit before the transport refuses it. */
const RECEIVE_OVERHEAD_BYTES = 512 * 1024;
const HTTP_GRACE_MS = 1000;

/** Everything a client can connect to. */
export class Listeners {
  readonly #grpc: GrpcServer;
  readonly #http: HttpListener[] = [];
  readonly #setNotServing: () => void;

  private constructor(grpc: GrpcServer, setNotServing: () => void) {
    this.#grpc = grpc;
    this.#setNotServing = setNotServing;
  }

  /** Opens every listener of the configuration, or none: rejects naming the address that cannot be had. */
  static async open(
    node: Node,
    observer: GrpcObserver,
    http: Omit<HttpHandlerOptions, "surface">,
    logger: Logger,
  ): Promise<Listeners> {
    const { config } = node;
    const health = healthServices();
    const apart = config.listenClientHttpUrls.length > 0;
    const clientHandler = createHttpHandler({ ...http, surface: "client" });
    const grpc = new GrpcServer({
      services: { ...node.gate.guard(services(node)), ...health.services },
      observer,
      limits: {
        maxReceiveMessageBytes: config.maxRequestBytes + RECEIVE_OVERHEAD_BYTES,
        maxConcurrentStreams: config.maxConcurrentStreams,
        keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
        keepaliveIntervalMs: config.grpcKeepaliveIntervalMs,
        keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      },
      ...(apart ? {} : { http: createHttpServer(clientHandler) }),
    });
    const listeners = new Listeners(grpc, () => health.shutdown());
    try {
      for (const url of config.listenClientUrls) await listenGrpc(grpc, url, logger);
      for (const url of config.listenClientHttpUrls) listeners.#http.push(await listenHttp(url, clientHandler));
      const metricsHandler = createHttpHandler({ ...http, surface: "metrics" });
      for (const url of config.listenMetricsUrls) listeners.#http.push(await listenHttp(url, metricsHandler));
    } catch (error) {
      await listeners.close();
      throw error;
    }
    return listeners;
  }

  /** Takes no new requests and lets those in flight finish within `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#setNotServing();
    await Promise.all([this.#grpc.drain(timeoutMs), ...this.#http.map((listener) => listener.close(HTTP_GRACE_MS))]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#grpc.close(), ...this.#http.map((listener) => listener.close(0))]);
  }
}

function services(node: Node): Services {
  const { context, proposer } = node;
  const config: ServerConfig = node.config;
  return {
    "etcdserverpb.KV": new KvService(context, proposer).methods(),
    "etcdserverpb.Watch": new WatchService(context).methods(),
    "etcdserverpb.Lease": new LeaseService(context, proposer).methods(),
    "etcdserverpb.Cluster": new ClusterService(context, node.memberChanges).methods(),
    "etcdserverpb.Maintenance": new MaintenanceService(context, proposer, {
      defragment: (done) => node.defragment(done),
      quotaBytes: config.quotaBackendBytes ?? -1,
    }).methods(),
  };
}

async function listenGrpc(grpc: GrpcServer, url: EndpointUrl, logger: Logger): Promise<void> {
  if (url.socketPath !== undefined) throw new Error(`unix sockets are not supported yet: ${url.text}`);
  try {
    await grpc.listen({ host: url.host || "::", port: url.port });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `cannot listen on ${url.text}: ${reason}; stop what uses it, or choose another --listen-client-urls`,
      {
        cause: error,
      },
    );
  }
  logger.info("serving client traffic insecurely; this is strongly discouraged!", {
    traffic: "grpc+http",
    address: url.text,
  });
}
