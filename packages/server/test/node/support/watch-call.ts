import {
  createWatchCancelRequest,
  createWatchCreateRequest,
  createWatchProgressRequest,
  createWatchRequest,
  decodeWatchResponse,
  type Event,
  encodeWatchRequest,
  type WatchCreateRequest,
  type WatchResponse,
} from "@quorate/protocol";
import type { EtcdClient } from "./etcd-client.ts";
import type { MessageStream } from "./message-stream.ts";

/** A watch stream with its requests spelled out. */
export class WatchCall {
  readonly stream: MessageStream;

  constructor(client: EtcdClient) {
    this.stream = client.bidiStream("Watch/Watch");
  }

  create(init: Partial<WatchCreateRequest>): void {
    this.stream.send(encodeWatchRequest(createWatchRequest({ createRequest: createWatchCreateRequest(init) })));
  }

  /** Creates a watcher and takes its `created` answer. */
  async open(init: Partial<WatchCreateRequest>): Promise<WatchResponse> {
    this.create(init);
    return this.next();
  }

  cancel(watchId: bigint): void {
    this.stream.send(encodeWatchRequest(createWatchRequest({ cancelRequest: createWatchCancelRequest({ watchId }) })));
  }

  requestProgress(): void {
    this.stream.send(encodeWatchRequest(createWatchRequest({ progressRequest: createWatchProgressRequest() })));
  }

  async next(): Promise<WatchResponse> {
    return decodeWatchResponse(await this.stream.next());
  }
}

const text = new TextDecoder();

/** An event as `PUT key=value@revision` or `DELETE key@revision`, with `(was value)` where it tells the previous one. */
export function eventText({ type, kv, prevKv }: Event): string {
  const key = text.decode(kv?.key);
  const was = prevKv === undefined ? "" : ` (was ${text.decode(prevKv.value)})`;
  const what = type === 0 ? `PUT ${key}=${text.decode(kv?.value)}` : `DELETE ${key}`;
  return `${what}@${kv?.modRevision}${was}`;
}
