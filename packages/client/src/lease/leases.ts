import {
  ERRORS,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  type LeaseTimeToLiveResponse,
} from "@quorate/protocol";
import { EtcdError, errorFromStatus, isEtcdError } from "../etcd-error.ts";
import { GrpcStatus } from "../grpc-status.ts";
import { Backoff, pause } from "../pause.ts";
import { type WithHeader, withHeader } from "../response-header.ts";
import { RPC } from "../rpc.ts";
import { TimeLimit } from "../time-limit.ts";
import { TOKEN_RENEWALS_MAX } from "../token-source.ts";
import type { CallOptions, Transport } from "../transport.ts";
import { KeepAliveHub } from "./keep-alive-hub.ts";
import { LeaseKeeper } from "./lease-keeper.ts";

const ONCE_PAUSE = { firstMs: 25, maxMs: 500 } as const;

/** Leases. Times to live are whole seconds; the server gives at least 2. Errors are those of {@link EtcdClient.unary} too. */
export class Leases {
  readonly #transport: Transport;
  readonly #hub: KeepAliveHub;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#hub = new KeepAliveHub(transport);
  }

  /** Makes a lease; `id` chooses its number. Errors: `leaseExist`, `leaseTtlTooLarge`, `noSpace`. */
  async grant(
    ttlSeconds: number,
    options: { readonly id?: bigint } & CallOptions = {},
  ): Promise<WithHeader<LeaseGrantResponse>> {
    const request = { ttl: Math.ceil(ttlSeconds), id: options.id ?? 0n };
    return withHeader(await this.#transport.unary(RPC.Lease.LeaseGrant, request, options));
  }

  /** Ends a lease and deletes its keys. Errors: `leaseNotFound`, also where a first try succeeded whose answer was lost. */
  async revoke(id: bigint, options?: CallOptions): Promise<WithHeader<LeaseRevokeResponse>> {
    return withHeader(await this.#transport.unary(RPC.Lease.LeaseRevoke, { id }, options));
  }

  /** How long it lives yet: `ttl` is -1 for one that does not exist. With `keys`, which keys are attached to it. */
  async timeToLive(
    id: bigint,
    options: { readonly keys?: boolean } & CallOptions = {},
  ): Promise<WithHeader<LeaseTimeToLiveResponse>> {
    const request = { id, keys: options.keys ?? false };
    return withHeader(await this.#transport.unary(RPC.Lease.LeaseTimeToLive, request, options));
  }

  /** All leases, by number. */
  async list(options?: CallOptions): Promise<WithHeader<LeaseLeasesResponse>> {
    return withHeader(await this.#transport.unary(RPC.Lease.LeaseLeases, {}, options));
  }

  /** Renews it once, trying again while servers are unavailable. Errors: `leaseNotFound`. */
  async keepAliveOnce(id: bigint, options: CallOptions = {}): Promise<WithHeader<LeaseKeepAliveResponse>> {
    const limit = new TimeLimit(options.deadlineMs ?? this.#transport.config.requestDeadlineMs, options.signal);
    const backoff = new Backoff(ONCE_PAUSE);
    let tokenRenewals = 0;
    for (;;) {
      const stream = await this.#transport.bidiStream(RPC.Lease.LeaseKeepAlive, {
        ...options,
        deadlineMs: limit.leftMs,
      });
      try {
        await stream.write({ id });
        for await (const response of stream) {
          if (response.ttl > 0) return withHeader(response);
          throw new EtcdError({ code: "leaseNotFound", ...ERRORS.leaseNotFound, endpoint: stream.endpoint });
        }
        throw errorFromStatus(GrpcStatus.UNAVAILABLE, "the server ended the lease stream", stream.endpoint);
      } catch (error) {
        if (!isEtcdError(error)) throw error;
        if (this.#transport.refusesToken(error) && tokenRenewals < TOKEN_RENEWALS_MAX) {
          if (await this.#transport.renewToken(stream.token, limit)) tokenRenewals++;
        } else {
          const ms = backoff.next();
          if (!this.#transport.mayReopen(error) || ms >= limit.leftMs) throw error;
          this.#transport.noteFailure(stream.endpoint);
          await pause(ms, limit.signal);
        }
      }
    }
  }

  /**
   * Keeps it alive until stopped. All leases of a client share a stream. `ttlSeconds`, if known, is how long the first renewal may
   * take before the lease counts as lost; otherwise that is the dial timeout and a second.
   */
  keepAlive(id: bigint, options: { readonly ttlSeconds?: number } = {}): LeaseKeeper {
    const { ttlSeconds } = options;
    const assumedMs = ttlSeconds === undefined ? this.#transport.config.dialTimeoutMs + 1_000 : ttlSeconds * 1_000;
    return new LeaseKeeper(this.#hub, id, assumedMs);
  }

  /** Keeps none alive any longer. */
  close(): void {
    this.#hub.close();
  }
}
