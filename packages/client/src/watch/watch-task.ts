import { must } from "@quorate/base";
import {
  ERRORS,
  type Event,
  FilterType,
  type ResponseHeader,
  type WatchCreateRequest,
  type WatchResponse,
} from "@quorate/protocol";
import { EtcdError } from "../etcd-error.ts";
import { type KeySelection, keyFields } from "../key-range.ts";
import { BatchQueue } from "./batch-queue.ts";
import { watchEvents } from "./watch-event.ts";

/** What is watched and how. */
export interface WatchOptions {
  /** The first revision whose changes are wanted, itself included. Default: what changes from now on. */
  readonly startRevision?: number | undefined;
  /** Give what keys were before. */
  readonly prevKv?: boolean | undefined;
  /** Only changes of this kind. */
  readonly only?: "put" | "delete" | undefined;
  /** Give batches with `isProgress` now and then while nothing changes (by default of etcd every 10 minutes). */
  readonly progressNotify?: boolean | undefined;
  /** Watch on another member when the one in use has lost the leader and would miss changes. Default true. */
  readonly requireLeader?: boolean | undefined;
  /** How many events may wait to be taken; while more do, nothing is received for this watch. Default 1,000. */
  readonly bufferLength?: number | undefined;
  /** Ends the watch; iterating it then throws `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** How long a watch that was made may be without a connection before it fails. Default: for ever. */
  readonly outageMsMax?: number | undefined;
}

const BUFFER_LENGTH = 1_000;

/**
 * One watch over all the streams it has in its life: where it is, what is needed to make it again, what waits to be taken.
 *
 *     waiting → creating → active → (stream lost, or buffer full) waiting → …
 *
 * `nextRevision` moves only with whole responses that were queued, so a watch made again from it repeats and leaves out nothing.
 */
export class WatchTask {
  readonly queue: BatchQueue = new BatchQueue();
  readonly outageMsMax: number;
  readonly created: Promise<ResponseHeader>;
  readonly #request: Omit<WatchCreateRequest, "startRevision">;
  readonly #bufferLength: number;
  readonly #resolveCreated: (header: ResponseHeader) => void;
  readonly #rejectCreated: (error: unknown) => void;
  /** 0 until the first creation where the watch begins "now". */
  #nextRevision: number;
  /** Up to which revision the server has said of this very watch that there is nothing more. */
  #progressRevision = 0;
  #fragments: Event[] = [];
  /** When the connection was lost, or when the watch was first wanted; undefined while it is there. */
  #outageSinceMs: number | undefined = performance.now();
  /** Once on a server; errors of the first creation are the caller's business. */
  wasCreated = false;
  /** Its number on the stream in use, while it has one. */
  watchId: bigint | undefined;
  /** A progress batch was asked for. */
  wantsProgress = false;

  constructor(keys: KeySelection, options: WatchOptions) {
    this.#request = {
      ...keyFields(keys),
      progressNotify: options.progressNotify ?? false,
      filters: filters(options.only),
      prevKv: options.prevKv ?? false,
      watchId: 0n,
      fragment: true,
    };
    this.#bufferLength = options.bufferLength ?? BUFFER_LENGTH;
    this.#nextRevision = options.startRevision ?? 0;
    this.outageMsMax = options.outageMsMax ?? Number.POSITIVE_INFINITY;
    const { promise, resolve, reject } = promiseParts<ResponseHeader>();
    this.created = promise;
    this.#resolveCreated = resolve;
    this.#rejectCreated = reject;
  }

  /** The next revision whose changes have not been queued; 0 if that is "from now on". */
  get nextRevision(): number {
    return this.#nextRevision;
  }

  /** Too much waits: nothing more is to be received. */
  get isFull(): boolean {
    return this.queue.eventCount > this.#bufferLength;
  }

  /** Enough was taken to go on. */
  get isRoomy(): boolean {
    return this.queue.eventCount <= this.#bufferLength / 2;
  }

  /** For how long it has wanted a stream and had none. */
  get outageMs(): number {
    return this.#outageSinceMs === undefined ? 0 : performance.now() - this.#outageSinceMs;
  }

  createRequest(): WatchCreateRequest {
    return { ...this.#request, startRevision: this.#nextRevision };
  }

  /** The server has made it. */
  onCreated(response: WatchResponse): void {
    const header = must(response.header, "a watch response has a header");
    this.watchId = response.watchId;
    this.wasCreated = true;
    this.#outageSinceMs = undefined;
    if (this.#nextRevision === 0) this.#nextRevision = header.revision + 1;
    this.#resolveCreated(header);
  }

  /** It has no stream any more; what came of an unfinished response comes again. */
  onDetached(): void {
    this.watchId = undefined;
    this.#fragments = [];
  }

  /** The stream was lost. */
  onLost(): void {
    if (!this.isFull) this.#outageSinceMs ??= performance.now();
    this.onDetached();
  }

  /** Queues the events of a response, once its last fragment is here. */
  onEvents(response: WatchResponse): void {
    const header = must(response.header, "a watch response has a header");
    if (response.fragment || this.#fragments.length > 0) {
      // Spread into one call, a revision of a hundred thousand events is more arguments than a call can have.
      for (const event of response.events) this.#fragments.push(event);
    }
    if (response.fragment) return;
    const events = this.#fresh(this.#fragments.length > 0 ? this.#fragments : response.events);
    this.#fragments = [];
    const last = events.at(-1)?.kv?.modRevision;
    if (last === undefined) return;
    this.#nextRevision = last + 1;
    this.queue.push({ header, events: watchEvents(events), isProgress: false });
  }

  /** The server says of this watch that there is nothing else up to the revision of the header. */
  onProgress(header: ResponseHeader): void {
    this.#progressRevision = Math.max(this.#progressRevision, header.revision);
    this.#queueProgress(header);
  }

  /**
   * It says so of all watches of the stream. Given to who asked for it, but not relied on: the answer may have been on its way before this
   * watch was there, and old servers give it while a watch still lags behind.
   */
  onStreamProgress(header: ResponseHeader): void {
    if (this.wantsProgress) this.#queueProgress(header);
  }

  /**
   * The history before `compactRevision` is gone. True if nothing of it was missed, by what the server said of its progress, and the
   * watch may go on from there. That is not where a watch is made again otherwise: etcd before 3.4.25 and 3.5.8 could tell of
   * progress ahead of changes. Source: reference of the API, section 6.4.
   */
  skipCompacted(compactRevision: number): boolean {
    if (this.#progressRevision + 1 < compactRevision || this.#nextRevision >= compactRevision) return false;
    this.#nextRevision = this.#progressRevision + 1;
    return true;
  }

  /** Ends it: with an error, or because its user wants no more. */
  end(error?: EtcdError): void {
    this.queue.end(error);
    this.#rejectCreated(error ?? new EtcdError({ code: "closed", grpcCode: 1, message: "the watch is closed" }));
  }

  #queueProgress(header: ResponseHeader): void {
    this.wantsProgress = false;
    this.queue.push({ header, events: [], isProgress: true });
  }

  /** Without what was queued before: a server that installed a snapshot may repeat old events (etcd issue 15271). */
  #fresh(events: readonly Event[]): readonly Event[] {
    const first = events[0]?.kv?.modRevision ?? 0;
    if (first >= this.#nextRevision) return events;
    return events.filter((event) => (event.kv?.modRevision ?? 0) >= this.#nextRevision);
  }
}

/** The error of a watch whose next revision is compacted. */
export function compactedError(compactRevision: number, endpoint: string): EtcdError {
  return new EtcdError({ code: "compacted", ...ERRORS.compacted, endpoint, compactRevision });
}

function filters(only: WatchOptions["only"]): readonly number[] {
  if (only === undefined) return [];
  return [only === "put" ? FilterType.NODELETE : FilterType.NOPUT];
}

function promiseParts<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who does not ask for it is told by the iteration.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
