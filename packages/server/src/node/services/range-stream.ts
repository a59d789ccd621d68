import { copyBytes } from "@quorate/base";
import type { StreamCall, StreamHandler } from "@quorate/grpc";
import { checkRange } from "@quorate/mvcc";
import {
  decodeRangeRequest,
  type ErrorCode,
  type RangeRequest,
  SortOrder,
  SortTarget,
  Writer,
  writeRangeStreamResponse,
} from "@quorate/protocol";
import type { NodeContext } from "./node-context.ts";
import { failUndecodableStream, failWith } from "./reply.ts";

const UNIMPLEMENTED = 12;
/** Keys in the first chunk; later ones adapt to the size of values. gRPC API page, section 3.3. */
const FIRST_CHUNK_KEYS = 10;

/** Why a streamed range cannot be had with these options, in etcd's words; undefined if it can. */
function unsupported(request: RangeRequest): string | undefined {
  const defaultOrder =
    request.sortOrder === SortOrder.NONE ||
    (request.sortTarget === SortTarget.KEY && request.sortOrder === SortOrder.ASCEND);
  if (!defaultOrder) return "RangeStream does not support custom sort orders";
  const filtered =
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0;
  return filtered ? "RangeStream does not support revision filters" : undefined;
}

/** One range being sent in chunks, all read at one revision, each when the stream has room for it. */
class RangeStream {
  readonly #context: NodeContext;
  readonly #call: StreamCall;
  readonly #request: RangeRequest;
  readonly #writer = new Writer();
  #chunkKeys = FIRST_CHUNK_KEYS;
  #key: Uint8Array;
  /** Revision of every chunk once the first has been read. */
  #revision: number;
  #headerRevision = 0;
  #sentKeys = 0;
  #cancelled = false;
  /** Of users and roles, when the range was found to be permitted. */
  #authRevision = 0;

  constructor(context: NodeContext, call: StreamCall, request: RangeRequest) {
    this.#context = context;
    this.#call = call;
    this.#request = request;
    this.#key = request.key;
    this.#revision = request.revision;
  }

  /** The call has gone, and its object may be another's by the time a read that waits is answered. */
  readonly cancel = (): void => {
    this.#cancelled = true;
  };

  /** The read may be served: begins to. */
  readonly begin = (): void => {
    if (this.#cancelled) return;
    const refused = this.#context.access.localRead(this.#call, this.#request.key, this.#request.rangeEnd);
    if (refused !== undefined) {
      failWith(this.#call, refused);
      return;
    }
    this.#authRevision = this.#context.access.revision;
    this.#call.onDrain = () => this.#context.whenServing(this.#run);
    this.#context.whenServing(this.#run);
  };

  readonly refuse = (code: ErrorCode): void => {
    if (!this.#cancelled) failWith(this.#call, code);
  };

  /** Sends chunks until the range is done or the stream is full. */
  readonly #run = (): void => {
    while (!this.#cancelled && this.#call.writable) {
      if (this.#sendChunk()) return;
    }
  };

  /** Returns true when the stream has ended. */
  #sendChunk(): boolean {
    const { limit } = this.#request;
    const remaining = limit > 0 ? limit - this.#sentKeys : Number.POSITIVE_INFINITY;
    const chunk = Math.min(this.#chunkKeys, remaining);
    const result = this.#context.store.range({
      ...this.#request,
      key: this.#key,
      revision: this.#revision,
      limit: chunk,
    });
    if (typeof result === "string") {
      failWith(this.#call, result);
      return true;
    }
    if (this.#headerRevision === 0) this.#headerRevision = result.revision;
    if (this.#revision <= 0) this.#revision = result.revision;
    const total = this.#sentKeys + result.count;
    this.#sentKeys += result.kvs.length;
    const last = !result.more || this.#request.countOnly || chunk === remaining;
    this.#writer.reset();
    this.#context.header.raftTerm = this.#context.replica.term;
    writeRangeStreamResponse(this.#writer, last ? this.#context.header : undefined, {
      revision: this.#headerRevision,
      kvs: result.kvs,
      more: last && result.more,
      count: last ? total : 0,
    });
    this.#call.send(this.#writer.buffer, 0, this.#writer.length);
    if (last) {
      this.#end();
      return true;
    }
    this.#adaptChunk(this.#writer.length);
    this.#key = this.#keyAfter(result.kvs[result.kvs.length - 1] as Uint8Array);
    return false;
  }

  /** What was sent may be known to somebody who must not know it any more. */
  #end(): void {
    const { access } = this.#context;
    if (access.isEnabled && access.revision !== this.#authRevision) failWith(this.#call, "authOldRevision");
    else this.#call.end();
  }

  #adaptChunk(bytes: number): void {
    const target = this.#context.limits.maxRequestBytes;
    if (bytes < target / 2) this.#chunkKeys *= 2;
    else if (bytes > target * 2) this.#chunkKeys = Math.max(1, Math.floor(this.#chunkKeys / 2));
  }

  /** The smallest key behind that of an encoded KeyValue, whose first field is the key. */
  #keyAfter(kv: Uint8Array): Uint8Array {
    const key = keyOf(kv);
    const next = new Uint8Array(key.length + 1);
    next.set(key);
    return next;
  }
}

function keyOf(kv: Uint8Array): Uint8Array {
  let length = 0;
  let shift = 1;
  let position = 1;
  for (;;) {
    const byte = kv[position++] as number;
    length += (byte & 0x7f) * shift;
    if (byte < 0x80) break;
    shift *= 128;
  }
  return kv.subarray(position, position + length);
}

/** `etcdserverpb.KV/RangeStream`. gRPC API page, section 3.3. */
export function rangeStreamHandler(context: NodeContext): StreamHandler {
  return (call) => {
    call.onMessage = (message) => {
      let request: RangeRequest;
      try {
        request = decodeRangeRequest(copyBytes(message));
      } catch (error) {
        failUndecodableStream(call, error);
        return;
      }
      const invalid = checkRange(request);
      if (invalid !== undefined) {
        failWith(call, invalid);
        return;
      }
      const reason = unsupported(request);
      if (reason !== undefined) {
        call.fail(UNIMPLEMENTED, reason);
        return;
      }
      const stream = new RangeStream(context, call, request);
      call.onCancel = stream.cancel;
      if (request.serializable) stream.begin();
      else context.replica.linearizableRead(stream.begin, stream.refuse);
    };
  };
}
