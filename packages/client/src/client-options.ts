import type { Logger } from "@quorate/base";
import { NO_LOGGER } from "@quorate/base";
import type { TlsOptions } from "./tls-options.ts";

/** What an {@link EtcdClient} is made with. Times are milliseconds, sizes bytes. */
export interface ClientOptions {
  /** `host:port`, `http://…`, `https://…`, `unix://…`; one or several members of one cluster. Default `127.0.0.1:2379`. */
  readonly endpoints?: string | readonly string[];
  /** TLS; without it only `https` and `unixs` endpoints use it, with what Node.js trusts. */
  readonly tls?: TlsOptions;
  /** Name and password; a token is fetched when it is first needed, and again when the server no longer takes it. */
  readonly user?: { readonly name: string; readonly password: string };
  /** A token fetched elsewhere, such as a JWT; it is never renewed. Not together with `user`. */
  readonly token?: string;
  /** How long a call waits for any endpoint to be connected; then it fails with `unreachable`. Default 5,000. */
  readonly dialTimeoutMs?: number;
  /** How long a unary call may take in all, retries included, where the call does not say. Default 10,000. */
  readonly requestDeadlineMs?: number;
  /** How long fetching a token may take in all. Default {@link requestDeadlineMs}. */
  readonly loginDeadlineMs?: number;
  /** How long a connection with calls under way is silent before it is probed; at least 10,000. Default 10,000. */
  readonly keepAliveTimeMs?: number;
  /** How long a probe may stay unanswered before the connection is given up. Default 6,000. */
  readonly keepAliveTimeoutMs?: number;
  /** Probes idle connections as well; etcd ends connections that do so more often than it allows. Default false. */
  readonly keepAliveWithoutCalls?: boolean;
  /** The largest request, encoded. Default 2 MiB, as etcd's client has it; etcd takes 1.5 MiB unless told otherwise. */
  readonly sendSizeBytesMax?: number;
  /** The largest response, encoded. Default 2^31 - 1. */
  readonly receiveSizeBytesMax?: number;
  /** The first pause before an endpoint is connected to again; it doubles, with jitter. Default 100. */
  readonly reconnectPauseMs?: number;
  /** The longest pause before an endpoint is connected to again. Default 3,000. */
  readonly reconnectPauseMsMax?: number;
  /** How often a call is tried in all, where trying again is safe. Default 100. */
  readonly attemptsMax?: number;
  /** What calls that do not say take for {@link CallOptions.requireLeader}. Default false, as etcd's client has it. */
  readonly requireLeader?: boolean;
  /** Sent with every call, such as for a proxy on the way. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Told of endpoints that fail, streams that are opened again, tokens that are renewed. Default: nobody. */
  readonly logger?: Logger;
}

/** {@link ClientOptions} with everything decided. */
export interface ClientConfig {
  readonly endpoints: readonly string[];
  readonly tls: TlsOptions | undefined;
  readonly user: { readonly name: string; readonly password: string } | undefined;
  readonly token: string | undefined;
  readonly dialTimeoutMs: number;
  readonly requestDeadlineMs: number;
  readonly loginDeadlineMs: number;
  readonly keepAliveTimeMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly keepAliveWithoutCalls: boolean;
  readonly sendSizeBytesMax: number;
  readonly receiveSizeBytesMax: number;
  readonly reconnectPauseMs: number;
  readonly reconnectPauseMsMax: number;
  readonly attemptsMax: number;
  readonly requireLeader: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

const REQUEST_DEADLINE_MS = 10_000;
/** Timers of Node.js fire at once beyond this. */
const TIMER_MS_MAX = 2_147_483_647;
/** gRPC's own lower bound; a server may end a connection that probes more often. */
const KEEPALIVE_TIME_MS_MIN = 10_000;

/** Decides everything that `options` leave open. Throws TypeError naming what is wrong. */
export function parseClientOptions(options: ClientOptions): ClientConfig {
  if (options.user !== undefined && options.token !== undefined) {
    throw new TypeError("user and token exclude each other");
  }
  return {
    endpoints: endpointList(options.endpoints ?? "127.0.0.1:2379"),
    tls: options.tls,
    user: options.user,
    token: options.token,
    dialTimeoutMs: positive("dialTimeoutMs", options.dialTimeoutMs ?? 5_000),
    requestDeadlineMs: positive("requestDeadlineMs", options.requestDeadlineMs ?? REQUEST_DEADLINE_MS),
    loginDeadlineMs: positive(
      "loginDeadlineMs",
      options.loginDeadlineMs ?? options.requestDeadlineMs ?? REQUEST_DEADLINE_MS,
    ),
    keepAliveTimeMs: Math.max(
      KEEPALIVE_TIME_MS_MIN,
      positive("keepAliveTimeMs", options.keepAliveTimeMs ?? KEEPALIVE_TIME_MS_MIN),
    ),
    keepAliveTimeoutMs: positive("keepAliveTimeoutMs", options.keepAliveTimeoutMs ?? 6_000),
    keepAliveWithoutCalls: options.keepAliveWithoutCalls ?? false,
    sendSizeBytesMax: positive("sendSizeBytesMax", options.sendSizeBytesMax ?? 2 * 1024 * 1024),
    receiveSizeBytesMax: positive("receiveSizeBytesMax", options.receiveSizeBytesMax ?? TIMER_MS_MAX),
    reconnectPauseMs: positive("reconnectPauseMs", options.reconnectPauseMs ?? 100),
    reconnectPauseMsMax: positive("reconnectPauseMsMax", options.reconnectPauseMsMax ?? 3_000),
    attemptsMax: positive("attemptsMax", options.attemptsMax ?? 100),
    requireLeader: options.requireLeader ?? false,
    metadata: options.metadata ?? {},
    logger: options.logger ?? NO_LOGGER,
  };
}

/** A number that a timer can hold: longer deadlines are as good as this one, 24 days. */
export function timerMs(value: number): number {
  return Math.min(value, TIMER_MS_MAX);
}

function endpointList(endpoints: string | readonly string[]): readonly string[] {
  const list = typeof endpoints === "string" ? endpoints.split(",") : endpoints;
  if (list.length === 0) throw new TypeError("endpoints is empty");
  return [...new Set(list.map((text) => text.trim()))];
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new TypeError(`${name} is ${value}, not above 0`);
  return Math.min(Math.ceil(value), TIMER_MS_MAX);
}
