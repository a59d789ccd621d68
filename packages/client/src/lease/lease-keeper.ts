import type { LeaseKeepAliveResponse } from "@quorate/protocol";
import type { EtcdError } from "../etcd-error.ts";
import type { KeepAliveHub } from "./keep-alive-hub.ts";
import { LeaseEntry } from "./lease-entry.ts";

/** Renewals that nobody has taken yet; older ones are of no use to anybody. */
const RENEWALS_MAX = 16;

/**
 * Keeps a lease alive until `stop()`, over lost connections and members, and tells when it is lost. Three ways to be told: the
 * `signal`, for what must not go on without the lease; `ended`; and iterating, which gives the renewals, ends after `stop()` and
 * throws `leaseLost`.
 */
export class LeaseKeeper implements AsyncIterable<LeaseKeepAliveResponse>, AsyncDisposable {
  readonly #hub: KeepAliveHub;
  readonly #entry: LeaseEntry;
  readonly #abort = new AbortController();
  readonly #renewals: LeaseKeepAliveResponse[] = [];
  /** Resolves when the lease is no longer kept: with the reason if it was lost, with undefined after `stop()`. */
  readonly ended: Promise<EtcdError | undefined>;
  #resolveEnded: (error: EtcdError | undefined) => void = () => {};
  #end: { readonly error: EtcdError | undefined } | undefined;
  #wake: (() => void) | undefined;

  /** `assumedTtlMs` is how long the first renewal may take. */
  constructor(hub: KeepAliveHub, id: bigint, assumedTtlMs: number) {
    this.#hub = hub;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const listener = {
      onRenewed: (response: LeaseKeepAliveResponse) => this.#onRenewed(response),
      onEnd: (error: EtcdError | undefined) => this.#onEnd(error),
    };
    this.#entry = new LeaseEntry(id, assumedTtlMs, listener, performance.now());
    hub.add(this.#entry);
  }

  get id(): bigint {
    return this.#entry.id;
  }

  /** Aborted when the lease is no longer kept; its reason is the EtcdError `leaseLost`, if it was lost. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** No longer renews it. The lease lives on for its time to live: revoke it to end it at once. */
  stop(): Promise<void> {
    this.#hub.remove(this.#entry);
    this.#onEnd(undefined);
    return Promise.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LeaseKeepAliveResponse, void, undefined> {
    for (;;) {
      const renewal = this.#renewals.shift();
      if (renewal !== undefined) yield renewal;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onRenewed(response: LeaseKeepAliveResponse): void {
    if (this.#renewals.push(response) > RENEWALS_MAX) this.#renewals.shift();
    this.#stir();
  }

  #onEnd(error: EtcdError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#resolveEnded(error);
    this.#abort.abort(error);
    this.#stir();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
