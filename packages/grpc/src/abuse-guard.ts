import type { GrpcLimits } from "./types.ts";

/** A stream reset sooner than this after its start counts as reset prematurely. */
const PREMATURE_MS = 1000;
/** Frames that change nothing, in proportion to what the connection did: Envoy's figures. */
const PRIORITIES_PER_STREAM = 100;
const WINDOW_UPDATES_PER_DATA = 10;

/**
 * Counts what an honest client does rarely and a hostile one does a lot, for one connection. Each method notes one event and
 * returns false when it was one too many; then the connection is closed with ENHANCE_YOUR_CALM.
 */
export class AbuseGuard {
  /** For the rules that compare with what the connection was used for. */
  streamsOpened = 0;
  dataFramesSent = 0;

  readonly #limits: GrpcLimits;
  #tokens: number;
  #refilledMs: number;
  #emptyFrames = 0;
  #priorities = 0;
  #windowUpdates = 0;
  #streamsEnded = 0;
  #prematureResets = 0;

  constructor(limits: GrpcLimits, nowMs: number) {
    this.#limits = limits;
    this.#tokens = limits.resetBurst;
    this.#refilledMs = nowMs;
  }

  /**
   * A stream was reset by the peer, or by us because of the peer, or the peer made us do something as wasteful, or `cost`
   * times as much.
   */
  reset(nowMs: number, cost = 1): boolean {
    const { resetBurst, resetsPerSecond } = this.#limits;
    const refill = ((nowMs - this.#refilledMs) * resetsPerSecond) / 1000;
    this.#refilledMs = nowMs;
    this.#tokens = Math.min(resetBurst, this.#tokens + refill) - cost;
    return this.#tokens >= 0;
  }

  /** The peer reset a stream of that age. Envoy's rule: more than half of many streams reset at once is an attack. */
  peerReset(ageMs: number): boolean {
    if (ageMs < PREMATURE_MS) this.#prematureResets++;
    return this.#streamsEnded <= this.#limits.prematureResetStreams || this.#prematureResets * 2 <= this.#streamsEnded;
  }

  streamEnded(): void {
    this.#streamsEnded++;
  }

  /** A frame of DATA, HEADERS or CONTINUATION, and whether it brought anything. */
  frame(empty: boolean): boolean {
    if (!empty) {
      this.#emptyFrames = 0;
      return true;
    }
    this.#emptyFrames++;
    return this.#emptyFrames <= this.#limits.emptyFramesInARow;
  }

  priority(): boolean {
    this.#priorities++;
    return this.#priorities <= PRIORITIES_PER_STREAM * (1 + this.streamsOpened);
  }

  windowUpdate(): boolean {
    this.#windowUpdates++;
    return this.#windowUpdates <= 5 + 2 * (this.streamsOpened + WINDOW_UPDATES_PER_DATA * this.dataFramesSent);
  }
}

/** More of them in a row than this closes the connection, as in grpc-go. */
const PING_STRIKES_MAX = 2;
/** Without calls a client may ping every two hours unless it is permitted more. */
const IDLE_PING_MS = 2 * 3600 * 1000;

/** Enforces how often a client may ping. Source: gRPC proposal A8; counters as in grpc-go's http2_server. */
export class PingGuard {
  readonly #limits: GrpcLimits;
  #strikes = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #forgiven = false;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** DATA or HEADERS went out: the next ping is a fair question. */
  forgive(): void {
    this.#forgiven = true;
  }

  /** Notes a ping; false when it was one too many. */
  ping(nowMs: number, hasStreams: boolean): boolean {
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.#forgiven) {
      this.#forgiven = false;
      this.#strikes = 0;
      return true;
    }
    const idle = !hasStreams && !this.#limits.keepalivePermitWithoutStream;
    if (sinceMs < (idle ? IDLE_PING_MS : this.#limits.keepaliveMinTimeMs)) this.#strikes++;
    return this.#strikes <= PING_STRIKES_MAX;
  }
}
