import type { Counter, Metrics } from "@quorate/base";
import type { Metadata } from "@quorate/grpc";

/** The metadata in which clients of etcd tell which API they were made for. */
const VERSION_METADATA = "client-api-version";
/** Clients choose the label: more of them than this count as unknown, so that they cannot fill memory. */
const VERSIONS_MAX = 64;
const VERSION = /^[0-9A-Za-z.+-]{1,32}$/;

interface ByKind {
  readonly unary: Counter;
  readonly stream: Counter;
}

/** Counts calls by what their clients say of themselves. PERF: a call with the same head as the one before is one comparison. */
export class ClientVersions {
  readonly #metrics: Metrics;
  readonly #versions = new Map<string, ByKind>();
  #lastHead: Metadata | undefined;
  #lastTold: string | undefined;
  #last: ByKind | undefined;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** `metadata`: of the call, if it came with any. */
  called(isUnary: boolean, metadata: Metadata | undefined): void {
    let counters = this.#last;
    if (counters === undefined || metadata !== this.#lastHead) {
      this.#lastHead = metadata;
      const told = metadata?.get(VERSION_METADATA);
      // Most clients of a server tell the same.
      if (counters === undefined || told !== this.#lastTold) {
        this.#lastTold = told;
        counters = this.#of(told);
        this.#last = counters;
      }
    }
    (isUnary ? counters.unary : counters.stream).add();
  }

  #of(told: string | undefined): ByKind {
    const isUsable =
      told !== undefined && VERSION.test(told) && (this.#versions.has(told) || this.#versions.size < VERSIONS_MAX);
    const version = isUsable ? told : "unknown";
    let counters = this.#versions.get(version);
    if (counters === undefined) {
      counters = { unary: this.#counter("unary", version), stream: this.#counter("stream", version) };
      this.#versions.set(version, counters);
    }
    return counters;
  }

  #counter(type: string, version: string): Counter {
    return this.#metrics.counter("etcd_server_client_requests_total", "Client requests by the client's API version.", {
      type,
      client_api_version: version,
    });
  }
}
