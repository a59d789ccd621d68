import { MAX_WINDOW } from "../limits.ts";
import type { GrpcLimits } from "../types.ts";
import type { CallEnds } from "./call-ends.ts";
import { ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR, SETTINGS_TIMEOUT } from "./frames.ts";

/** Contents of our PINGs, so that their answers can be told apart. */
const DRAIN_PING = 0x6472_6169;
const KEEPALIVE_PING = 0x6b65_6570;
/** Our GOAWAY gets so long to reach a peer that keeps sending; closing at once might destroy it on the way. */
const LINGER_MS = 1000;
const SPREAD = 0.2;

let serial = 0;

/** What the clock of a connection acts on. */
export interface LifecycleHost {
  readonly ends: CallEnds;
  readonly nowMs: number;
  /** Open streams. */
  readonly openStreams: number;
  /** Since when a header block, or a frame, has been incomplete; -1 when none is. */
  readonly headerBlockSinceMs: number;
  readonly frameSinceMs: number;
  /** Since when the socket has been refusing data; -1 when it has not. */
  readonly writeBlockedSinceMs: number;
  connectionError(code: number, kind: string, debug?: string): void;
  writeGoAway(lastId: number, code: number, debug: string): void;
  writePing(first: number, second: number): void;
  /** Refuses streams above the last one, and says so. Returns that one. */
  stopAccepting(): number;
  /** Writes what is due, then closes. */
  closeGracefully(): void;
  destroy(): void;
  reportAbuse(kind: string): void;
}

/** Everything about one connection that depends on time: its beginning, keepalive, age, drain and end. */
export class Lifecycle {
  settingsSeen = false;
  settingsAcknowledged = false;
  lastReadMs: number;
  readonly #host: LifecycleHost;
  readonly #limits: GrpcLimits;
  readonly #openedMs: number;
  /** When its age is reached; infinite without a limit. */
  readonly #agesAtMs: number;
  #pingSentMs = -1;
  #draining: "no" | "announced" | "final" = "no";
  #shutdown = false;
  #finalByMs = 0;
  /** When it is closed whatever is going on. */
  #closeByMs = Number.POSITIVE_INFINITY;

  constructor(host: LifecycleHost, limits: GrpcLimits, nowMs: number) {
    this.#host = host;
    this.#limits = limits;
    this.#openedMs = nowMs;
    this.lastReadMs = nowMs;
    // Ages spread by a tenth either way, evenly, so that clients which came together do not all leave together.
    serial = (serial + 0.618_033_988_75) % 1;
    const spread = 1 + SPREAD * (serial - 0.5);
    this.#agesAtMs =
      limits.maxConnectionAgeMs === 0 ? Number.POSITIVE_INFINITY : nowMs + limits.maxConnectionAgeMs * spread;
  }

  /** Looks at the clock; called a few times a second. */
  sweep(nowMs: number, closing: boolean): void {
    const host = this.#host;
    const limits = this.#limits;
    if (nowMs >= this.#closeByMs) return host.destroy();
    if (closing) return;
    const age = nowMs - this.#openedMs;
    if (!this.settingsSeen && age >= limits.prefaceTimeoutMs)
      return host.connectionError(PROTOCOL_ERROR, "preface-timeout");
    if (!this.settingsAcknowledged && age >= limits.settingsTimeoutMs)
      return host.connectionError(SETTINGS_TIMEOUT, "settings-timeout");
    if (elapsed(host.headerBlockSinceMs, nowMs) >= limits.headerBlockTimeoutMs)
      return host.connectionError(ENHANCE_YOUR_CALM, "slow-headers");
    if (elapsed(host.frameSinceMs, nowMs) >= limits.requestBodyTimeoutMs)
      return host.connectionError(ENHANCE_YOUR_CALM, "slow-frame");
    if (elapsed(host.writeBlockedSinceMs, nowMs) >= limits.stallTimeoutMs) {
      host.reportAbuse("write-stall");
      return host.destroy();
    }
    host.ends.endStalled(nowMs - limits.stallTimeoutMs);
    this.#keepAlive(nowMs);
    if (nowMs >= this.#agesAtMs) this.drain("max_age");
    if (this.#draining === "announced" && nowMs >= this.#finalByMs) this.#finalGoAway(nowMs);
  }

  /** Begins a graceful end. `shutdown` also ends calls that would go on for ever. */
  drain(why: "max_age" | "shutdown"): void {
    if (why === "shutdown" && !this.#shutdown) {
      this.#shutdown = true;
      if (this.#draining === "final") this.#host.ends.endStreaming();
    }
    if (this.#draining !== "no") return;
    this.#draining = "announced";
    this.#finalByMs = this.#host.nowMs + this.#limits.drainPingTimeoutMs;
    // The client may be opening streams at this moment; the answer to the PING says that it has seen the GOAWAY.
    this.#host.writeGoAway(MAX_WINDOW, NO_ERROR, why === "max_age" ? "max_age" : "");
    this.#host.writePing(DRAIN_PING, DRAIN_PING);
  }

  onPong(first: number, second: number): void {
    if (first === DRAIN_PING && second === DRAIN_PING && this.#draining === "announced")
      this.#finalGoAway(this.#host.nowMs);
  }

  onStreamClosed(): void {
    if (this.#draining === "final" && this.#host.openStreams === 0) this.#host.closeGracefully();
  }

  /** The connection says its last: it will be gone soon, even if the peer does not react. */
  linger(nowMs: number): void {
    this.#closeByMs = Math.min(this.#closeByMs, nowMs + LINGER_MS);
  }

  #finalGoAway(nowMs: number): void {
    this.#draining = "final";
    this.#host.writeGoAway(this.#host.stopAccepting(), NO_ERROR, "");
    if (this.#shutdown) this.#host.ends.endStreaming();
    else this.#closeByMs = nowMs + this.#limits.maxConnectionAgeGraceMs;
    this.onStreamClosed();
  }

  #keepAlive(nowMs: number): void {
    const { keepaliveIntervalMs, keepaliveTimeoutMs } = this.#limits;
    if (keepaliveIntervalMs === 0) return;
    if (this.#pingSentMs >= 0) {
      if (this.lastReadMs >= this.#pingSentMs) this.#pingSentMs = -1;
      else if (nowMs - this.#pingSentMs >= keepaliveTimeoutMs) return this.#host.destroy();
      else return;
    }
    if (nowMs - this.lastReadMs < keepaliveIntervalMs) return;
    this.#pingSentMs = nowMs;
    this.#host.writePing(KEEPALIVE_PING, KEEPALIVE_PING);
  }
}

function elapsed(sinceMs: number, nowMs: number): number {
  return sinceMs < 0 ? -1 : nowMs - sinceMs;
}
