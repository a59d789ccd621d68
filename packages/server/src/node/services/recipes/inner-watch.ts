import { concatBytes, copyBytes } from "@quorate/base";
import type { Metadata, PeerInfo, StreamCall, StreamHandler } from "@quorate/grpc";
import {
  createWatchRequest,
  decodeWatchResponse,
  encodeWatchRequest,
  type WatchCreateRequest,
  type WatchResponse,
} from "@quorate/protocol";
import type { Caller } from "./caller.ts";
import { InnerStatus } from "./inner-call.ts";

/** Responses taken before the hub is told to wait. */
const QUEUE_MAX = 16;

/** A watch stream without a connection, with one watcher, made in the name of a caller; it ends when the caller goes away. */
export class InnerWatch implements StreamCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  readonly deadlineMs = undefined;
  cancelled = false;
  ended = false;
  onCancel: (() => void) | undefined = undefined;
  onMessage: ((message: Uint8Array) => void) | undefined = undefined;
  onHalfClose: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  context: unknown = undefined;
  readonly bufferedBytes = 0;
  readonly #queue: WatchResponse[] = [];
  #forget: (() => void) | undefined;
  #failure: InnerStatus | undefined;
  #wake: (() => void) | undefined;

  constructor(path: string, handler: StreamHandler, caller: Caller, request: WatchCreateRequest) {
    this.path = path;
    this.metadata = caller.metadata;
    this.peer = caller.peer;
    handler(this);
    this.onMessage?.(encodeWatchRequest(createWatchRequest({ createRequest: request })));
    this.#forget = caller.onGone(() => this.close());
  }

  /** The next response; undefined when the watch was closed. Rejects with an {@link InnerStatus} when it was ended. */
  async next(): Promise<WatchResponse | undefined> {
    for (;;) {
      const response = this.#queue.shift();
      if (response !== undefined) {
        if (this.#queue.length === QUEUE_MAX - 1) this.onDrain?.();
        return response;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    if (this.ended) return;
    this.cancelled = true;
    this.#end();
    this.#queue.length = 0;
    this.onCancel?.();
  }

  get writable(): boolean {
    return this.#queue.length < QUEUE_MAX;
  }

  send(message: Uint8Array, start: number = 0, end: number = message.length): boolean {
    if (this.ended) return false;
    this.#queue.push(decodeWatchResponse(copyBytes(message.subarray(start, end))));
    this.#wake?.();
    return this.writable;
  }

  sendBorrowed(parts: readonly Uint8Array[], _length: number, onTaken: () => void): boolean {
    const isWritable = this.sendParts(parts);
    onTaken();
    return isWritable;
  }

  sendParts(parts: readonly Uint8Array[]): boolean {
    return this.send(concatBytes(parts));
  }

  fail(code: number, message: string): void {
    if (this.ended) return;
    this.#failure = new InnerStatus(code, message);
    this.#end();
  }

  end(): void {
    this.#end();
  }

  pause(): void {}

  setResponseMetadata(): void {}

  #end(): void {
    this.ended = true;
    this.#forget?.();
    this.#wake?.();
  }
}
