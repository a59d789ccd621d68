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
  readonly #progress: Message[] = [];
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

  /** The next answer about one watcher (created, canceled). Rejects when none comes. */
  control(): Promise<Message> {
    return this.#next(this.#control, CONTROL_TIMEOUT_MS);
  }

  /** Asks for progress and gives the answer. Rejects when none comes within `timeoutMs`. */
  progress(timeoutMs: number): Promise<Message> {
    // Answers to earlier requests that came late say nothing about this one.
    this.#progress.length = 0;
    this.send({ progress_request: {} });
    return this.#next(this.#progress, timeoutMs);
  }

  async #next(queue: Message[], timeoutMs: number): Promise<Message> {
    await waitUntil(() => queue.length > 0 || this.#failure !== undefined, {
      what: "a watch control answer",
      timeoutMs,
      everyMs: 1,
    });
    const next = queue.shift();
    if (next === undefined) throw new Error(`watch stream: ${this.#failure}`);
    return next;
  }

  /** Control answers that nobody asked for: those still waiting when all is settled. */
  takeUnexpected(): readonly Message[] {
    return this.#control.splice(0);
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
    const aboutWatcher = response["created"] === true || response["canceled"] === true;
    if (events.length === 0 || aboutWatcher) {
      (aboutWatcher ? this.#control : this.#progress).push(response);
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
