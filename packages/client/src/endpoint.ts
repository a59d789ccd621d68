import { type ChannelOptions, Client, connectivityState, type ServiceError } from "@grpc/grpc-js";
import type { ClientConfig } from "./client-options.ts";
import { type EndpointAddress, parseEndpoint } from "./endpoint-address.ts";
import { channelSecurity } from "./tls-options.ts";

/** How long an endpoint that failed a call is passed over where another one is connected; twice as long each time it fails again. */
const COOLING_MS = 500;
const COOLING_MS_MAX = 8_000;
/** A failed channel tells its reason at once. */
const REASON_MS_MAX = 200;

/** One server and the connection to it. Connects when it is first asked for, and again after losses until it is closed. */
export class Endpoint {
  readonly address: EndpointAddress;
  /** What runs on it: is ended with it when the client is closed. */
  readonly calls: Set<{ cancel(): void }> = new Set();
  readonly #client: Client;
  readonly #onChange: () => void;
  #watched = false;
  #closed = false;
  #ended = false;
  #coolingMs = COOLING_MS;
  #coolingUntilMs = 0;

  /** `onChange` is called when the connection comes or goes. Throws TypeError for an address or TLS options that are wrong. */
  constructor(text: string, config: ClientConfig, onChange: () => void) {
    this.address = parseEndpoint(text);
    const security = channelSecurity(this.address, config.tls);
    this.#client = new Client(this.address.target, security.credentials, {
      ...channelOptions(config),
      ...security.options,
    });
    this.#onChange = onChange;
  }

  /** As the user wrote it. */
  get text(): string {
    return this.address.text;
  }

  /** For calls. Throws once the endpoint is closed. */
  get client(): Client {
    return this.#client;
  }

  /** True once its calls were ended with it. */
  get isClosed(): boolean {
    return this.#ended;
  }

  /** True while it is connected. */
  get isReady(): boolean {
    return !this.#closed && this.#state() === connectivityState.READY;
  }

  /** True for a short while after a call to it failed. */
  get isCooling(): boolean {
    return this.#coolingUntilMs > performance.now();
  }

  /** Begins to connect unless it does or is. */
  connect(): void {
    if (this.#closed) return;
    this.#client.getChannel().getConnectivityState(true);
    if (this.#watched) return;
    this.#watched = true;
    this.#watch(this.#state());
  }

  /** Remembers that a call failed in a way that another endpoint may not. */
  noteFailure(): void {
    const nowMs = performance.now();
    // Calls that ran at the same time fail at the same time: that is one failure.
    if (this.#coolingUntilMs > nowMs) return;
    this.#coolingUntilMs = nowMs + this.#coolingMs;
    this.#coolingMs = Math.min(this.#coolingMs * 2, COOLING_MS_MAX);
  }

  noteSuccess(): void {
    this.#coolingUntilMs = 0;
    this.#coolingMs = COOLING_MS;
  }

  /** Why it is not connected, in grpc-js's words. */
  reason(): Promise<string> {
    if (this.#closed) return Promise.resolve("closed");
    return new Promise((resolve) => {
      const answer = (error: ServiceError | null): void => resolve(shortReason(error));
      const options = { deadline: Date.now() + REASON_MS_MAX };
      // A call on a failed channel ends at once with the reason, and is not sent.
      this.#client.makeUnaryRequest("/grpc.health.v1.Health/Check", same, same, NOTHING, options, answer);
    });
  }

  /** Ends the connection when the calls on it have ended. */
  retire(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.close();
  }

  /** Ends every call on it and the connection. */
  close(): void {
    this.#ended = true;
    for (const call of this.calls) call.cancel();
    this.retire();
  }

  #state(): connectivityState {
    return this.#client.getChannel().getConnectivityState(false);
  }

  #watch(state: connectivityState): void {
    if (this.#closed || state === connectivityState.SHUTDOWN) return;
    this.#client.getChannel().watchConnectivityState(state, Number.POSITIVE_INFINITY, () => {
      if (this.#closed) return;
      const now = this.#state();
      // A lost connection leaves the channel idle: it is wanted again, so that the next call finds it.
      if (now === connectivityState.IDLE) this.#client.getChannel().getConnectivityState(true);
      this.#onChange();
      this.#watch(now);
    });
  }
}

const NOTHING = Buffer.alloc(0);
const same = (bytes: Buffer): Buffer => bytes;

function shortReason(error: ServiceError | null): string {
  if (error === null) return "connected too late";
  const last = /Last error: (?:Error: )?(.*?)\. Resolution note/s.exec(error.details)?.[1];
  if (last !== undefined && last !== "null") return last;
  return error.details.startsWith("Deadline exceeded") ? "no connection yet" : error.details;
}

function channelOptions(config: ClientConfig): ChannelOptions {
  return {
    "grpc.max_send_message_length": -1,
    "grpc.max_receive_message_length": config.receiveSizeBytesMax,
    "grpc.keepalive_time_ms": config.keepAliveTimeMs,
    "grpc.keepalive_timeout_ms": config.keepAliveTimeoutMs,
    "grpc.keepalive_permit_without_calls": config.keepAliveWithoutCalls ? 1 : 0,
    "grpc.initial_reconnect_backoff_ms": config.reconnectPauseMs,
    "grpc.max_reconnect_backoff_ms": config.reconnectPauseMsMax,
    // Ours alone, so that closing the client closes its connections.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    // Neither proxies nor service configurations from DNS, as etcd's own client.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.dns_min_time_between_resolutions_ms": 1_000,
    // Whether to try again is decided here, with knowledge of the methods.
    "grpc.enable_retries": 0,
  };
}
