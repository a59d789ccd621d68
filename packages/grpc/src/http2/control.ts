import type { AbuseGuard, PingGuard } from "../abuse-guard.ts";
import { MAX_WINDOW } from "../limits.ts";
import type { GrpcLimits } from "../types.ts";
import type { CallEnds } from "./call-ends.ts";
import {
  ENHANCE_YOUR_CALM,
  FLAG_ACK,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  GOAWAY,
  MAX_FRAME_BYTES,
  PING,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  readU32,
  SETTINGS,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_FRAME_SIZE,
  WINDOW_UPDATE,
} from "./frames.ts";
import type { Sender } from "./sender.ts";
import type { Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** What control frames act on. */
export interface ControlHost {
  readonly sender: Sender;
  readonly table: StreamTable;
  readonly ends: CallEnds;
  readonly guard: AbuseGuard;
  readonly pingGuard: PingGuard;
  readonly nowMs: number;
  connectionError(code: number, kind: string, debug?: string): void;
  /** Writes an answer that the peer provoked, which counts as queued until it has left. */
  writeControl(type: number, flags: number, streamId: number, words: 0 | 1 | 2, first?: number, second?: number): void;
  /** The peer reset `stream`. */
  onPeerReset(stream: Stream): void;
  /** Our own PING, with these eight bytes, came back. */
  onPong(first: number, second: number): void;
  onSettingsAcknowledged(): void;
}

/** Handles every frame that is not part of a request. Source: RFC 9113 section 6. */
export class Control {
  readonly #host: ControlHost;
  readonly #limits: GrpcLimits;

  constructor(host: ControlHost, limits: GrpcLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Takes a frame other than DATA, HEADERS and CONTINUATION; its payload is borrowed. */
  onFrame(type: number, flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    switch (type) {
      case SETTINGS:
        return this.#onSettings(flags, id, buffer, start, end);
      case PING:
        return this.#onPing(flags, id, buffer, start, end);
      case WINDOW_UPDATE:
        return this.#onWindowUpdate(id, buffer, start, end);
      case RST_STREAM:
        return this.#onReset(id, start, end);
      case PRIORITY:
        return this.#onPriority(id, buffer, start, end);
      case GOAWAY:
        return this.#onGoAway(id, start, end);
      case PUSH_PROMISE:
        return this.#host.connectionError(PROTOCOL_ERROR, "push-promise");
      default:
        // Unknown types are ignored: RFC 9113 section 5.5.
        return;
    }
  }

  #onSettings(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    const host = this.#host;
    const length = end - start;
    if (id !== 0) return host.connectionError(PROTOCOL_ERROR, "settings-on-stream");
    if ((flags & FLAG_ACK) !== 0) {
      if (length !== 0) return host.connectionError(FRAME_SIZE_ERROR, "settings-size");
      return host.onSettingsAcknowledged();
    }
    if (length % 6 !== 0) return host.connectionError(FRAME_SIZE_ERROR, "settings-size");
    if (length > this.#limits.maxSettingsPerFrame * 6) return host.connectionError(ENHANCE_YOUR_CALM, "many-settings");
    for (let at = start; at < end; at += 6) {
      const name = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
      if (!this.#applySetting(name, readU32(buffer, at + 2))) return;
    }
    host.writeControl(SETTINGS, FLAG_ACK, 0, 0);
  }

  #applySetting(name: number, value: number): boolean {
    const host = this.#host;
    switch (name) {
      case SETTINGS_ENABLE_PUSH:
        if (value <= 1) return true;
        host.connectionError(PROTOCOL_ERROR, "settings-value");
        return false;
      case SETTINGS_INITIAL_WINDOW_SIZE:
        if (value <= MAX_WINDOW && this.#changeInitialWindow(value)) return true;
        host.connectionError(FLOW_CONTROL_ERROR, "settings-value");
        return false;
      case SETTINGS_MAX_FRAME_SIZE:
        if (value >= MAX_FRAME_BYTES && value <= 0xff_ffff) return true;
        host.connectionError(PROTOCOL_ERROR, "settings-value");
        return false;
      default:
        // The table size is irrelevant, since nothing is sent by index; we open no streams; what is unknown is ignored.
        return true;
    }
  }

  /** A new initial window also moves the windows of open streams, possibly below zero. RFC 9113 section 6.9.2. */
  #changeInitialWindow(value: number): boolean {
    const { sender, table } = this.#host;
    const change = value - sender.initialWindow;
    sender.initialWindow = value;
    if (change === 0) return true;
    for (const stream of table.open.values()) if (!sender.bulk.openStreamWindow(stream, change)) return false;
    return true;
  }

  #onPing(flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    const host = this.#host;
    if (id !== 0) return host.connectionError(PROTOCOL_ERROR, "ping-on-stream");
    if (end - start !== 8) return host.connectionError(FRAME_SIZE_ERROR, "ping-size");
    const first = readU32(buffer, start);
    const second = readU32(buffer, start + 4);
    if ((flags & FLAG_ACK) !== 0) return host.onPong(first, second);
    host.writeControl(PING, FLAG_ACK, 0, 2, first, second);
    if (!host.pingGuard.ping(host.nowMs, host.table.open.size > 0))
      host.connectionError(ENHANCE_YOUR_CALM, "ping-flood", "too_many_pings");
  }

  #onWindowUpdate(id: number, buffer: Uint8Array, start: number, end: number): void {
    const host = this.#host;
    if (end - start !== 4) return host.connectionError(FRAME_SIZE_ERROR, "window-update-size");
    if (!host.guard.windowUpdate()) return host.connectionError(ENHANCE_YOUR_CALM, "window-update-flood");
    const bytes = readU32(buffer, start) & MAX_WINDOW;
    if (id === 0) {
      if (bytes === 0) host.connectionError(PROTOCOL_ERROR, "window-update-zero");
      else if (!host.sender.bulk.openWindow(bytes)) host.connectionError(FLOW_CONTROL_ERROR, "window-overflow");
      return;
    }
    const stream = host.table.open.get(id);
    if (stream === undefined) {
      // It may have crossed our last frame on the stream; but nobody may open a window of a stream that never was.
      if (id > host.table.lastId || id % 2 === 0) host.connectionError(PROTOCOL_ERROR, "window-update-on-idle-stream");
    } else if (bytes === 0) host.ends.breach(stream, PROTOCOL_ERROR, "window-update-zero");
    else if (!host.sender.bulk.openStreamWindow(stream, bytes))
      host.ends.breach(stream, FLOW_CONTROL_ERROR, "window-overflow");
  }

  /** Priorities are deprecated and ignored, but a flood of them is not. */
  #onPriority(id: number, buffer: Uint8Array, start: number, end: number): void {
    const host = this.#host;
    if (id === 0) return host.connectionError(PROTOCOL_ERROR, "priority-on-stream-0");
    if (end - start !== 5) return host.connectionError(FRAME_SIZE_ERROR, "priority-size");
    if ((readU32(buffer, start) & MAX_WINDOW) === id) return host.connectionError(PROTOCOL_ERROR, "self-dependency");
    if (!host.guard.priority()) host.connectionError(ENHANCE_YOUR_CALM, "priority-flood");
  }

  #onReset(id: number, start: number, end: number): void {
    const host = this.#host;
    if (id === 0) return host.connectionError(PROTOCOL_ERROR, "reset-on-stream-0");
    if (end - start !== 4) return host.connectionError(FRAME_SIZE_ERROR, "reset-size");
    if (id > host.table.lastId || id % 2 === 0) return host.connectionError(PROTOCOL_ERROR, "reset-on-idle-stream");
    if (!host.guard.reset(host.nowMs)) return host.connectionError(ENHANCE_YOUR_CALM, "rapid-reset");
    const stream = host.table.open.get(id);
    if (stream === undefined) return;
    const ageMs = host.nowMs - stream.startedMs;
    host.onPeerReset(stream);
    if (!host.guard.peerReset(ageMs)) host.connectionError(ENHANCE_YOUR_CALM, "rapid-reset");
  }

  /** The client opens no more streams; it closes the connection when it is done. */
  #onGoAway(id: number, start: number, end: number): void {
    if (id !== 0) this.#host.connectionError(PROTOCOL_ERROR, "goaway-on-stream");
    else if (end - start < 8) this.#host.connectionError(FRAME_SIZE_ERROR, "goaway-size");
  }
}
