import type { ClientDuplexStream } from "@grpc/grpc-js";
import { waitUntil } from "@quorate/testkit";
import type { EtcdApi, Message } from "../etcd-api.ts";

/** An event as it came over the wire. */
export interface WatchEvent {
  readonly type: number | string;
  readonly kv: { readonly key: Buffer; readonly mod_revision: string } & Message;
  readonly prev_kv: Message | null;
}

const CONTROL_TIMEOUT_MS = 10_000;

/**
 * One Watch stream of one server: collects the events of each watcher and keeps control answers (created, canceled,
 * progress) in order. Breaches of the delivery rules are collected as sentences.
 */
export class WatchSession {
  readonly #stream: ClientDuplexStream<Message, Message>;
  readonly #control: Message[] = [];
  readonly #events = new Map<string, WatchEvent[]>();
  readonly #lastRevision = new Map<string, { revision: number; fragment: boolean }>();
  readonly breaches: string[] = [];
  #failure: string | undefined;

  constructor(api: EtcdApi) {
    this.#stream = api.duplex("Watch/Watch");
    this.#stream.on("data", (response: Message) => this.#take(response));
    this.#stream.on("error", (error: Error) => {
      this.#failure ??= error.message;
    });
    this.#stream.on("end", () => {
      this.#failure ??= "the server ended the watch stream";
    });
  }

  send(request: Message): void {
    this.#stream.write(request);
  }

  /** The next control answer. Rejects when none comes. */
  async control(timeoutMs: number = CONTROL_TIMEOUT_MS): Promise<Message> {
    await waitUntil(() => this.#control.length > 0 || this.#failure !== undefined, {
      what: "a watch control answer",
      timeoutMs,
      everyMs: 1,
    });
    const next = this.#control.shift();
    if (next === undefined) throw new Error(`watch stream: ${this.#failure}`);
    return next;
  }

  /** Drops control answers that nobody waits for any more; returns how many there were. */
  discardControl(): number {
    return this.#control.splice(0).length;
  }

  /** The events of a watcher so far; the caller may empty the array. */
  events(watchId: string): WatchEvent[] {
    let list = this.#events.get(watchId);
    if (list === undefined) {
      list = [];
      this.#events.set(watchId, list);
    }
    return list;
  }

  /** Forgets a cancelled watcher, so that its id can be used again. */
  forget(watchId: string): void {
    this.#events.delete(watchId);
    this.#lastRevision.delete(watchId);
  }

  close(): void {
    this.#failure ??= "closed";
    this.#stream.cancel();
  }

  #take(response: Message): void {
    const events = response["events"] as readonly WatchEvent[];
    if (events.length === 0 || response["created"] === true || response["canceled"] === true) {
      this.#control.push(response);
      if (events.length > 0) this.breaches.push("a control answer carries events");
      return;
    }
    const watchId = response["watch_id"] as string;
    this.#checkDelivery(watchId, events, response);
    this.events(watchId).push(...events);
  }

  #checkDelivery(watchId: string, events: readonly WatchEvent[], response: Message): void {
    const before = this.#lastRevision.get(watchId) ?? { revision: 0, fragment: false };
    const first = Number(events[0]?.kv.mod_revision);
    if (first < before.revision) this.breaches.push(`watcher ${watchId}: revision ${first} after ${before.revision}`);
    if (first === before.revision && !before.fragment) {
      this.breaches.push(`watcher ${watchId}: revision ${first} is split over two answers`);
    }
    let revision = first;
    for (const event of events) {
      const next = Number(event.kv.mod_revision);
      if (next < revision) this.breaches.push(`watcher ${watchId}: revision ${next} after ${revision} in one answer`);
      revision = next;
    }
    const header = Number((response["header"] as Message)["revision"]);
    if (header < revision) this.breaches.push(`watcher ${watchId}: header revision ${header} below event ${revision}`);
    this.#lastRevision.set(watchId, { revision, fragment: response["fragment"] === true });
  }
}
