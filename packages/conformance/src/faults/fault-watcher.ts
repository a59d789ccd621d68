import type { ClientDuplexStream } from "@grpc/grpc-js";
import { type HistoryEvent, historyEvent, WHOLE_KEY_SPACE } from "../durability/history.ts";
import { EtcdApi, type Message } from "../etcd-api.ts";

/** An event with the time it arrived, in milliseconds of the monotonic clock. */
export interface SeenEvent extends HistoryEvent {
  readonly arrived: number;
}

const RECONNECT_AFTER_MS = 100;
const PROBLEMS_MAX = 20;

/**
 * Watches everything at one member from the beginning. When the stream ends it opens another one from the revision after
 * the last that it saw. What was delivered out of order, twice, or in parts is collected in `problems`.
 */
export class FaultWatcher {
  readonly events: SeenEvent[] = [];
  readonly problems: string[] = [];
  readonly #api: EtcdApi;
  readonly #name: string;
  #stream: ClientDuplexStream<Message, Message> | undefined;
  #lastRevision = 1;
  #streams = 0;
  #closed = false;

  constructor(name: string, endpoint: string) {
    this.#name = name;
    this.#api = new EtcdApi(endpoint);
    this.#open();
  }

  /** The last revision seen. */
  get revision(): number {
    return this.#lastRevision;
  }

  /** How many streams it took. */
  get streams(): number {
    return this.#streams;
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
    this.#api.close();
  }

  #open(): void {
    if (this.#closed) return;
    this.#streams += 1;
    const stream = this.#api.duplex("Watch/Watch");
    this.#stream = stream;
    stream.on("data", (response: Message) => {
      if (stream === this.#stream) this.#take(response);
    });
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      stream.cancel();
      setTimeout(() => this.#open(), RECONNECT_AFTER_MS).unref();
    };
    stream.on("error", end);
    stream.on("end", end);
    stream.write({ create_request: { ...WHOLE_KEY_SPACE, start_revision: String(this.#lastRevision + 1) } });
  }

  #take(response: Message): void {
    if (response["canceled"] === true) {
      this.#problem(`was cancelled: ${String(response["cancel_reason"])}`);
      this.#stream?.cancel();
      return;
    }
    const arrived = performance.now();
    const before = this.#lastRevision;
    for (const message of response["events"] as readonly Message[]) {
      const event = { ...historyEvent(message), arrived };
      if (event.revision <= before) this.#problem(`got revision ${event.revision} after ${before}`);
      if (event.revision < this.#lastRevision) this.#problem(`got ${event.revision} after ${this.#lastRevision}`);
      this.#lastRevision = Math.max(this.#lastRevision, event.revision);
      this.events.push(event);
    }
    const header = Number((response["header"] as Message)["revision"]);
    if (header < this.#lastRevision && this.#lastRevision > before) {
      this.#problem(`got revision ${this.#lastRevision} under header revision ${header}`);
    }
  }

  #problem(text: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(`watcher of ${this.#name} ${text}`);
  }
}
