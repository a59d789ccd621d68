import type { AbuseGuard } from "../abuse-guard.ts";
import type { ServerContext } from "../context.ts";
import { Status } from "../status.ts";
import { CANCEL } from "./frames.ts";
import type { Sender } from "./sender.ts";
import type { Stream } from "./stream.ts";
import { CLOSED_BY_US, type StreamTable } from "./stream-table.ts";

const SHUTTING_DOWN = "the server is shutting down";

/** What the end of a call needs of its connection. */
export interface CallEndsHost {
  readonly table: StreamTable;
  readonly guard: AbuseGuard;
  readonly sender: Sender;
  reportAbuse(kind: string): void;
  writeReset(id: number, code: number): void;
  /** The same for one that the peer provoked, which costs as much as one that it sends (CVE-2025-8671). */
  provokedReset(id: number, code: number): void;
  /** The stream is not in the table any more. */
  onStreamGone(stream: Stream): void;
}

/** How calls and streams end: decided by the handler, given up by the client, cut off with the connection. */
export class CallEnds {
  /** Streams that ended in this turn; their objects may be used again in the next. */
  readonly retired: Stream[] = [];
  readonly #host: CallEndsHost;
  readonly #context: ServerContext;

  constructor(host: CallEndsHost, context: ServerContext) {
    this.#host = host;
    this.#context = context;
  }

  /** The outcome of a call is known: nothing times it any more, and the observer is told. */
  decided(stream: Stream, code: number): void {
    const { observer, wheel } = this.#context;
    if (stream.timerSlot >= 0) wheel.remove(stream);
    if (observer.callEnded === undefined || stream.head.method === undefined) return;
    observer.callEnded(stream.path, stream.method.kind, code, this.#context.nowMs() - stream.startedMs);
  }

  /** The stream is over in both directions. */
  close(stream: Stream, how: number): void {
    this.#host.table.close(stream, how);
    this.#host.guard.streamEnded();
    this.retired.push(stream);
    this.#host.onStreamGone(stream);
  }

  /** Ends a stream whose answer nobody waits for any more, and tells the handler; `status` is for the record. */
  abort(stream: Stream, how: number, status: number): void {
    const undecided = !stream.ended;
    stream.ended = true;
    this.#host.sender.bulk.forget(stream);
    if (undecided) {
      stream.cancelled = true;
      this.decided(stream, status);
      if (!this.#tellCancelled(stream) && stream.started && stream.method.kind === "unary") {
        // Its handler still works, and a client must not be able to start more work than its calls allow.
        stream.slotHeld = true;
        this.#host.table.heldSlots++;
      }
    }
    this.close(stream, how);
  }

  /** Ends a stream from our side, `code` for the client and `status` for the record. */
  cancel(stream: Stream, status: number, code: number): void {
    this.abort(stream, CLOSED_BY_US, status);
    this.#host.writeReset(stream.id, code);
  }

  /** Ends a stream because of what the peer did on it; `kind` names the breach for the observer. */
  breach(stream: Stream, code: number, kind: string): void {
    this.#host.reportAbuse(kind);
    this.abort(stream, CLOSED_BY_US, Status.INTERNAL);
    this.#host.provokedReset(stream.id, code);
  }

  /** Ends streams whose data has waited since `beforeMs` without any of it leaving. */
  endStalled(beforeMs: number): void {
    if (this.#host.sender.bulk.queuedBytes === 0) return;
    for (const stream of this.#host.table.open.values()) {
      if (stream.queuedBytes === 0 || stream.progressAtMs > beforeMs) continue;
      this.#host.reportAbuse("stalled-stream");
      this.cancel(stream, Status.CANCELLED, CANCEL);
    }
  }

  abortAll(): void {
    for (const stream of this.#host.table.open.values()) this.abort(stream, CLOSED_BY_US, Status.CANCELLED);
  }

  /** Ends every streaming call, which would otherwise go on for ever. */
  endStreaming(): void {
    for (const stream of this.#host.table.open.values()) {
      if (stream.ended || stream.head.method === undefined || stream.method.kind === "unary") continue;
      this.fail(stream, Status.UNAVAILABLE, SHUTTING_DOWN);
    }
  }

  releaseSlot(stream: Stream): void {
    stream.slotHeld = false;
    this.#host.table.heldSlots--;
  }

  /** A handler threw: that is the end of this call only. */
  handlerError(stream: Stream, error: unknown): void {
    this.#context.observer.handlerError?.(stream.path, error);
    if (stream.ended) return;
    stream.responseBlock = undefined;
    this.fail(stream, Status.INTERNAL, "internal error");
  }

  /**
   * Ends a call that its handler has not ended. The handler is told, and the object is not used again: somebody may still hold
   * it and send to it, which must not reach another call.
   */
  fail(stream: Stream, status: number, message: string): void {
    stream.cancelled = true;
    stream.fail(status, message);
    this.#tellCancelled(stream);
  }

  /** Calls `onCancel`; false when the handler did not set it. */
  #tellCancelled(stream: Stream): boolean {
    const { onCancel } = stream;
    if (onCancel === undefined) return false;
    stream.onCancel = undefined;
    try {
      onCancel();
    } catch (error) {
      this.handlerError(stream, error);
    }
    return true;
  }
}
