import { copyBytes } from "@quorate/base";
import type { Method, StreamCall } from "@quorate/grpc";
import { type EventBatch, NO_WATCH_ID, type WatchSink, type WatchStream } from "@quorate/mvcc";
import {
  createWatchResponse,
  decodeWatchRequest,
  ERRORS,
  type ErrorCode,
  encodeWatchResponse,
  type WatchCreateRequest,
  Writer,
  writeWatchResponse,
} from "@quorate/protocol";
import type { NodeContext } from "./node-context.ts";
import { failUndecodableStream } from "./reply.ts";

/** A response larger than this is split for watchers that asked for fragments: request limit plus gRPC overhead. */
const FRAGMENT_OVERHEAD_BYTES = 512 * 1024;

/** What a watcher begins with that names no key. */
const SMALLEST_KEY = Uint8Array.of(0);

function reasonOf(code: ErrorCode, codeName: string): string {
  return `rpc error: code = ${codeName} desc = ${ERRORS[code].message}`;
}

/** Why a watcher is refused; any other error counts as a denied permission. Errors page, section 1.3. */
const REASONS = {
  permissionDenied: reasonOf("permissionDenied", "PermissionDenied"),
  invalidAuthToken: reasonOf("invalidAuthToken", "Unauthenticated"),
  authOldRevision: reasonOf("authOldRevision", "InvalidArgument"),
  userEmpty: reasonOf("userEmpty", "InvalidArgument"),
} satisfies Partial<Record<ErrorCode, string>> as Partial<Record<ErrorCode, string>> & { permissionDenied: string };

/** The encoded response of one batch for the watcher it was first sent to; equal watchers on other streams reuse it. */
interface EncodedBatch {
  readonly watchId: bigint;
  readonly term: number;
  readonly bytes: Uint8Array;
}

/** One client stream: what the hub has to say, written as WatchResponse messages. */
class ClientStream implements WatchSink {
  readonly #context: NodeContext;
  readonly #call: StreamCall;
  readonly #writer: Writer;

  constructor(context: NodeContext, call: StreamCall, writer: Writer) {
    this.#context = context;
    this.#call = call;
    this.#writer = writer;
  }

  created(watchId: bigint, revision: number): void {
    this.#send({ watchId, created: true }, revision);
  }

  refused(watchId: bigint, revision: number, reason: string): void {
    this.#send({ watchId, created: true, canceled: true, cancelReason: reason }, revision);
  }

  compacted(watchId: bigint, compactRevision: number): void {
    this.#send({ watchId, canceled: true, compactRevision }, 0);
  }

  canceled(watchId: bigint, revision: number): void {
    this.#send({ watchId, canceled: true }, revision);
  }

  progress(watchId: bigint, revision: number): void {
    this.#context.watchTimes.timed(true, () => this.#write({ watchId }, revision));
  }

  events(watchId: bigint, batch: EventBatch, fragment: boolean): boolean {
    if (!this.#call.writable) return false;
    const { limits, watchTimes } = this.#context;
    const beganMs = watchTimes.begin();
    const limit = limits.maxRequestBytes + FRAGMENT_OVERHEAD_BYTES;
    if (fragment && batch.sizeBytes >= limit && batch.events.length > 1) {
      this.#sendFragments(watchId, batch, limit);
    } else {
      const bytes = this.#encoded(watchId, batch);
      this.#call.send(bytes, 0, bytes.length);
    }
    watchTimes.end(beganMs, batch.events.length);
    return true;
  }

  /** Encodes once for all streams whose watcher has the same ID, which is what most clients' watchers have. */
  #encoded(watchId: bigint, batch: EventBatch): Uint8Array {
    const term = this.#context.replica.term;
    const cached = batch.cache as EncodedBatch | undefined;
    if (cached !== undefined && cached.watchId === watchId && cached.term === term) return cached.bytes;
    const bytes = this.#encode(watchId, batch.revision, batch.events, false);
    if (cached === undefined) batch.cache = { watchId, term, bytes } satisfies EncodedBatch;
    return bytes;
  }

  #encode(watchId: bigint, revision: number, events: readonly Uint8Array[], fragment: boolean): Uint8Array {
    const { header, replica } = this.#context;
    const writer = this.#writer;
    writer.reset();
    header.raftTerm = replica.term;
    writeWatchResponse(writer, header, revision, watchId, events, fragment);
    return copyBytes(writer.buffer.subarray(0, writer.length));
  }

  #sendFragments(watchId: bigint, batch: EventBatch, limit: number): void {
    let from = 0;
    while (from < batch.events.length) {
      let to = from;
      let bytes = 0;
      while (to < batch.events.length && (to === from || bytes + (batch.events[to] as Uint8Array).length < limit)) {
        bytes += (batch.events[to] as Uint8Array).length;
        to++;
      }
      const part = this.#encode(watchId, batch.revision, batch.events.slice(from, to), to < batch.events.length);
      this.#call.send(part, 0, part.length);
      from = to;
    }
  }

  #send(fields: Parameters<typeof createWatchResponse>[0], revision: number): void {
    this.#context.watchTimes.timed(false, () => this.#write(fields, revision));
  }

  #write(fields: Parameters<typeof createWatchResponse>[0], revision: number): void {
    const { clusterId, memberId, replica } = this.#context;
    const header = { clusterId, memberId, revision, raftTerm: replica.term };
    const bytes = encodeWatchResponse(createWatchResponse({ ...fields, header }));
    this.#call.send(bytes, 0, bytes.length);
  }
}

/** `etcdserverpb.Watch`. gRPC API page, section 6. */
export class WatchService {
  readonly #context: NodeContext;
  readonly #writer = new Writer();

  constructor(context: NodeContext) {
    this.#context = context;
  }

  methods(): Readonly<Record<string, Method>> {
    return { Watch: { kind: "bidi", handler: this.#watch } };
  }

  readonly #watch = (call: StreamCall): void => {
    const client = new ClientStream(this.#context, call, this.#writer);
    const stream = this.#context.watchHub.openStream(client);
    call.onMessage = (message) => this.#onMessage(call, stream, client, message);
    call.onDrain = () => stream.resume();
    call.onCancel = () => stream.close();
    // A client that has said its last word still gets its events; the stream ends when the call does.
    call.onHalfClose = () => {};
  };

  #onMessage(call: StreamCall, stream: WatchStream, client: ClientStream, message: Uint8Array): void {
    let request: ReturnType<typeof decodeWatchRequest>;
    try {
      // Keys and ranges outlive this turn.
      request = decodeWatchRequest(copyBytes(message));
    } catch (error) {
      failUndecodableStream(call, error);
      stream.close();
      return;
    }
    if (request.createRequest !== undefined) {
      const refused = this.#refusal(call, request.createRequest);
      if (refused === undefined) stream.create(request.createRequest);
      else client.refused(NO_WATCH_ID, this.#context.store.revision, refused);
    } else if (request.cancelRequest !== undefined) {
      stream.cancel(request.cancelRequest.watchId);
    } else if (request.progressRequest !== undefined) {
      stream.requestProgress();
    }
  }

  /** Why a watcher may not be created, as Go prints the error; it is asked once. gRPC API page, section 6.2. */
  #refusal(call: StreamCall, { key, rangeEnd, startRevision }: WatchCreateRequest): string | undefined {
    const { access } = this.#context;
    // A revision that cannot be is told first.
    if (!access.isEnabled || startRevision < 0) return undefined;
    const refused = access.read(call, key.length === 0 ? SMALLEST_KEY : key, rangeEnd);
    return refused === undefined ? undefined : (REASONS[refused] ?? REASONS.permissionDenied);
  }
}
