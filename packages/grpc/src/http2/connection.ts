import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { AbuseGuard, PingGuard } from "../abuse-guard.ts";
import type { ServerContext } from "../context.ts";
import { MAX_WINDOW } from "../limits.ts";
import { ConnectionPeer } from "../peer.ts";
import { Status } from "../status.ts";
import { flushAtEndOfTurn, type TurnMember } from "../turn.ts";
import type { PeerInfo } from "../types.ts";
import { CallEnds, type CallEndsHost } from "./call-ends.ts";
import { Control, type ControlHost } from "./control.ts";
import {
  CONTINUATION,
  ENHANCE_YOUR_CALM,
  FLAG_ACK,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  NO_ERROR,
  PING,
  PREFACE,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  writeU32,
} from "./frames.ts";
import { Input, type InputOwner } from "./input.ts";
import { Lifecycle, type LifecycleHost } from "./lifecycle.ts";
import { Output } from "./output.ts";
import { Requests, type RequestsHost } from "./requests.ts";
import { Sender, type SenderOwner } from "./sender.ts";
import { initialFrames } from "./settings.ts";
import type { Stream } from "./stream.ts";
import { CLOSED_BY_PEER, CLOSED_BY_US, CLOSED_NORMALLY, StreamTable } from "./stream-table.ts";

/**
 * One HTTP/2 connection: a socket, its frames in and out, and the end of both. What frames mean is in {@link Requests},
 * {@link Control} and {@link Sender}; what time means is in {@link Lifecycle}.
 */
export class Connection
  implements InputOwner, TurnMember, SenderOwner, RequestsHost, ControlHost, CallEndsHost, LifecycleHost
{
  readonly sender: Sender;
  readonly table: StreamTable = new StreamTable();
  readonly guard: AbuseGuard;
  readonly pingGuard: PingGuard;
  readonly peer: PeerInfo;
  readonly encrypted: boolean;
  readonly ends: CallEnds;
  nowMs: number;
  acceptUpTo: number = MAX_WINDOW;
  frameSinceMs = -1;
  writeBlockedSinceMs = -1;

  readonly #context: ServerContext;
  readonly #socket: Socket;
  readonly #input: Input;
  readonly #output: Output;
  readonly #requests: Requests;
  readonly #control: Control;
  readonly #life: Lifecycle;
  #state: "open" | "closing" | "closed" = "open";
  #dirty = false;
  #recvWindow: number;
  /** Answers to what the peer provoked that have not left yet. */
  #controlQueued = 0;

  constructor(context: ServerContext, socket: Socket) {
    const { limits } = context;
    this.#context = context;
    this.#socket = socket;
    this.nowMs = context.nowMs();
    this.peer = new ConnectionPeer(socket);
    this.encrypted = socket instanceof TLSSocket;
    this.guard = new AbuseGuard(limits, this.nowMs);
    this.pingGuard = new PingGuard(limits);
    this.#output = new Output(socket, () => this.#onWritten());
    this.sender = new Sender(this, limits, this.#output, context.buffered);
    this.#input = new Input(this, socket, limits);
    this.#requests = new Requests(this, context);
    this.#control = new Control(this, limits);
    this.ends = new CallEnds(this, context);
    this.#life = new Lifecycle(this, limits, this.nowMs);
    this.#recvWindow = limits.connectionReceiveWindowBytes;
  }

  /** Begins with `first`, what the socket has delivered so far: the preface and perhaps more. */
  start(first: Buffer): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.destroy());
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.#onClose());
    const frames = initialFrames(this.#context.limits);
    this.#output.copy(frames, 0, frames.length);
    this.markDirty();
    this.#input.take(first, PREFACE.length);
  }

  get openStreams(): number {
    return this.table.open.size;
  }

  get headerBlockSinceMs(): number {
    return this.#requests.blocks.pendingId === 0 ? -1 : this.#requests.blocks.pendingSinceMs;
  }

  // Input.

  #onData(chunk: Buffer): void {
    this.nowMs = this.#context.nowMs();
    this.#life.lastReadMs = this.nowMs;
    if (this.#state !== "open") return;
    try {
      this.#input.take(chunk);
    } catch (error) {
      this.#onBug(error);
    }
  }

  onInputRead(carrying: boolean): void {
    if (this.#state !== "open") return;
    this.#requests.settle();
    if (!carrying) this.frameSinceMs = -1;
    else if (this.frameSinceMs < 0) this.frameSinceMs = this.nowMs;
  }

  mustWriteFirst(): boolean {
    const { controlQueueSoft, connectionSoftBufferBytes } = this.#context.limits;
    if (this.#controlQueued >= controlQueueSoft) return true;
    return this.#output.inFlightBytes > 0 && this.sender.bufferedBytes > connectionSoftBufferBytes;
  }

  resumeTurn(): void {
    this.nowMs = this.#context.nowMs();
    try {
      this.#input.resume();
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** A mistake of ours costs this connection, never the process: a peer might be able to provoke it. */
  #onBug(error: unknown): void {
    this.#context.observer.handlerError?.("", error);
    this.destroy();
  }

  noteNewStream(): void {
    this.guard.streamsOpened++;
    this.#input.noteNewStream();
  }

  onFrame(type: number, flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (type === HEADERS && this.#life.settingsSeen && this.#requests.blocks.pendingId === 0) {
      this.#requests.onHeaders(id, flags, buffer, start, end);
    } else this.#onOtherFrame(type, flags, id, buffer, start, end);
    if (this.mustWriteFirst()) this.#input.stop();
  }

  #onOtherFrame(type: number, flags: number, id: number, buffer: Uint8Array, start: number, end: number): void {
    if (!this.#life.settingsSeen) {
      if (type !== SETTINGS || (flags & FLAG_ACK) !== 0) return this.connectionError(PROTOCOL_ERROR, "no-settings");
      this.#life.settingsSeen = true;
    }
    if (type === CONTINUATION) return this.#requests.onContinuation(id, flags, buffer, start, end);
    if (this.#requests.blocks.pendingId !== 0) return this.connectionError(PROTOCOL_ERROR, "header-block-interrupted");
    this.#control.onFrame(type, flags, id, buffer, start, end);
  }

  onDataBegin(id: number, flags: number, dataBytes: number, payloadBytes: number): void {
    if (!this.#life.settingsSeen || this.#requests.blocks.pendingId !== 0)
      return this.connectionError(PROTOCOL_ERROR, "unexpected-data");
    this.#recvWindow -= payloadBytes;
    if (this.#recvWindow < 0) return this.connectionError(FLOW_CONTROL_ERROR, "connection-window");
    if (this.#recvWindow * 2 < this.#context.limits.connectionReceiveWindowBytes) this.markDirty();
    this.#requests.onDataBegin(id, flags, dataBytes, payloadBytes);
  }

  onDataPiece(buffer: Uint8Array, start: number, end: number, last: boolean): void {
    this.#requests.onDataPiece(buffer, start, end, last);
  }

  onDataEnd(): void {
    this.#requests.onDataEnd();
    if (this.mustWriteFirst()) this.#input.stop();
  }

  onBadFrame(fault: "oversized" | "padding"): void {
    this.connectionError(fault === "padding" ? PROTOCOL_ERROR : FRAME_SIZE_ERROR, `frame-${fault}`);
  }

  // Output.

  markDirty(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    flushAtEndOfTurn(this);
  }

  flushTurn(): void {
    this.#dirty = false;
    if (this.#state === "closed") return;
    this.nowMs = this.#context.nowMs();
    this.#context.pool.giveBack(this.ends.retired);
    try {
      if (this.#output.inFlightBytes === 0) this.#write();
      if (this.#state !== "open") return;
      this.sender.notifyDrained();
      this.#input.onTurnEnd();
    } catch (error) {
      this.#onBug(error);
    }
  }

  #write(): void {
    const { connectionReceiveWindowBytes: window } = this.#context.limits;
    if (this.#recvWindow * 2 < window && this.#state === "open") {
      this.#output.smallFrame(WINDOW_UPDATE, 0, 0, 1, window - this.#recvWindow);
      this.#recvWindow = window;
    }
    this.sender.pump();
    this.#output.flush();
    this.#controlQueued = 0;
    this.writeBlockedSinceMs = this.#output.inFlightBytes > 0 ? this.nowMs : -1;
    if (this.#state === "closing") this.#socket.end();
    else if (this.#output.inFlightBytes === 0 && this.sender.bulk.sendable) this.markDirty();
  }

  #onWritten(): void {
    this.writeBlockedSinceMs = -1;
    if (this.#state !== "closed") this.markDirty();
  }

  writeControl(type: number, flags: number, id: number, words: 0 | 1 | 2, first = 0, second = 0): void {
    this.#output.smallFrame(type, flags, id, words, first, second);
    this.#controlQueued++;
    this.markDirty();
    if (this.#controlQueued <= this.#context.limits.controlQueueHard) return;
    this.reportAbuse("control-queue");
    this.destroy();
  }

  writeReset(id: number, code: number): void {
    this.#output.smallFrame(RST_STREAM, 0, id, 1, code);
    this.markDirty();
  }

  writePing(first: number, second: number): void {
    this.#output.smallFrame(PING, 0, 0, 2, first, second);
    this.markDirty();
  }

  writeGoAway(lastId: number, code: number, debug: string): void {
    const payload = Buffer.alloc(8 + debug.length);
    writeU32(payload, 0, lastId);
    writeU32(payload, 4, code);
    payload.write(debug, 8, "latin1");
    this.#output.frame(GOAWAY, 0, 0, payload);
    this.markDirty();
  }

  grant(streamId: number, bytes: number): void {
    this.#output.smallFrame(WINDOW_UPDATE, 0, streamId, 1, bytes);
    this.markDirty();
  }

  onDataSent(): void {
    this.guard.dataFramesSent++;
    this.pingGuard.forgive();
  }

  onDribble(): void {
    if (!this.guard.reset(this.nowMs)) this.connectionError(ENHANCE_YOUR_CALM, "data-dribble");
  }

  onSlowReader(): void {
    this.reportAbuse("slow-reader");
  }

  // Streams and calls.

  onMessageSent(stream: Stream, bytes: number): void {
    this.#context.observer.messageSent?.(stream.path, bytes);
  }

  onCallEnded(stream: Stream, code: number): void {
    this.ends.decided(stream, code);
  }

  onLocalClose(stream: Stream): void {
    stream.localClosed = true;
    if (!stream.remoteClosed) this.writeControl(RST_STREAM, 0, stream.id, 1, NO_ERROR);
    this.ends.close(stream, stream.remoteClosed ? CLOSED_NORMALLY : CLOSED_BY_US);
  }

  onStreamGone(stream: Stream): void {
    this.#requests.forget(stream);
    this.#life.onStreamClosed();
  }

  onPause(stream: Stream): void {
    this.#requests.onPause(stream);
  }

  onPeerReset(stream: Stream): void {
    this.ends.abort(stream, CLOSED_BY_PEER, Status.CANCELLED);
  }

  onTime(stream: Stream, nowMs: number): void {
    this.nowMs = nowMs;
    this.#requests.onTime(stream, nowMs);
  }

  refuseStream(id: number, code: number, cost = 1): void {
    this.table.refuse(id);
    if (code === REFUSED_STREAM) this.writeControl(RST_STREAM, 0, id, 1, code);
    else this.provokedReset(id, code, cost);
  }

  provokedReset(id: number, code: number, cost = 1): void {
    this.writeControl(RST_STREAM, 0, id, 1, code);
    if (!this.guard.reset(this.nowMs, cost)) this.connectionError(ENHANCE_YOUR_CALM, "provoked-resets");
  }

  // Life and death.

  onSettingsAcknowledged(): void {
    this.#life.settingsAcknowledged = true;
  }

  onPong(first: number, second: number): void {
    this.#life.onPong(first, second);
  }

  sweep(nowMs: number): void {
    this.nowMs = nowMs;
    if (this.#state !== "closed") this.#life.sweep(nowMs, this.#state === "closing");
  }

  /** Begins a graceful end; the connection closes once its unary calls are answered. */
  drain(): void {
    this.nowMs = this.#context.nowMs();
    if (this.#state === "open") this.#life.drain("shutdown");
  }

  stopAccepting(): number {
    this.acceptUpTo = this.table.lastId;
    return this.acceptUpTo;
  }

  reportAbuse(kind: string): void {
    this.#context.observer.abuse?.(kind, this.peer.remoteAddress);
  }

  connectionError(code: number, kind: string, debug: string = kind): void {
    if (this.#state !== "open") return;
    this.reportAbuse(kind);
    this.writeGoAway(this.table.lastId, code, debug);
    this.closeGracefully();
  }

  closeGracefully(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#input.drop();
    this.ends.abortAll();
    this.#life.linger(this.nowMs);
    this.markDirty();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onClose(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#input.drop();
    this.ends.abortAll();
    this.#output.drop();
    this.#context.observer.connectionClosed?.();
    this.#context.onConnectionClosed(this);
  }
}
