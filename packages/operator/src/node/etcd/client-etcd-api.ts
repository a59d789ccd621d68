import type { Clock, Logger } from "@quorate/base";
import { NO_LOGGER } from "@quorate/base";
import { EtcdClient } from "@quorate/client";
import type { EtcdApi, EtcdCredentials, EtcdMemberClient } from "../../core/index.ts";
import { ClientMemberClient } from "./member-client.ts";

/** Source: reference of operators, section 3.1: every member is asked in parallel, 2 to 3 s each. */
const CALL_MS = 3_000;
const DIAL_MS = 2_000;
/** A channel that nobody has used for so long is of a member that is gone. */
const IDLE_MS = 5 * 60_000;

export interface ClientEtcdApiOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** How long a call may take; default 3,000 ms. */
  readonly callMs?: number;
  /** How long it may wait for a connection; default 2,000 ms. */
  readonly dialMs?: number;
}

interface Channel {
  readonly client: EtcdClient;
  readonly member: EtcdMemberClient;
  readonly credentials: string;
  usedMs: number;
}

/**
 * {@link EtcdApi} on the project's client: one channel per address, made anew when its credentials change. Nothing is tried twice: whoever
 * asked looks at the world again and decides anew.
 */
export class ClientEtcdApi implements EtcdApi, AsyncDisposable {
  readonly #options: ClientEtcdApiOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: ClientEtcdApiOptions) {
    this.#options = options;
  }

  member(clientUrl: string, credentials: EtcdCredentials | undefined): EtcdMemberClient {
    const nowMs = this.#options.clock.nowMs();
    this.#closeIdle(nowMs);
    const key = JSON.stringify(credentials ?? null);
    const known = this.#channels.get(clientUrl);
    if (known?.credentials === key) {
      known.usedMs = nowMs;
      return known.member;
    }
    // Calls that run on the old channel end; whoever made them asks again with the next pass.
    if (known !== undefined) void known.client.close();
    const channel = this.#open(clientUrl, credentials, key, nowMs);
    this.#channels.set(clientUrl, channel);
    return channel.member;
  }

  /** Ends all channels and what runs on them. */
  async close(): Promise<void> {
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    await Promise.all(channels.map((channel) => channel.client.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(clientUrl: string, credentials: EtcdCredentials | undefined, key: string, nowMs: number): Channel {
    const client = new EtcdClient({
      endpoints: [clientUrl],
      attemptsMax: 1,
      dialTimeoutMs: this.#options.dialMs ?? DIAL_MS,
      logger: this.#options.logger ?? NO_LOGGER,
      ...(credentials === undefined ? {} : { tls: tlsOf(credentials) }),
      ...(credentials?.user === undefined ? {} : { user: credentials.user }),
    });
    const member = new ClientMemberClient(client, clientUrl, this.#options.callMs ?? CALL_MS);
    return { client, member, credentials: key, usedMs: nowMs };
  }

  #closeIdle(nowMs: number): void {
    for (const [url, { client, usedMs }] of this.#channels) {
      if (nowMs - usedMs < IDLE_MS) continue;
      this.#channels.delete(url);
      void client.close();
    }
  }
}

function tlsOf({ caPem, certPem, keyPem }: EtcdCredentials): { ca: string; cert: string; key: string } {
  return { ca: caPem, cert: certPem, key: keyPem };
}
