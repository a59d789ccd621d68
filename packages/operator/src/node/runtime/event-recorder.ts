import type { Clock, Logger } from "@quorate/base";
import { type EventNote, type KubeApi, type KubeObject, type Resource } from "../../core/index.ts";
import type { EventSink } from "./controller.ts";

interface EventObject extends KubeObject {
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: string;
  readonly note: string;
  readonly regarding: object;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

export const EVENTS: Resource<EventObject> = {
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
};

export interface EventRecorderDeps {
  readonly api: Pick<KubeApi, "create" | "patch">;
  readonly clock: Clock;
  readonly log: Logger;
  /** As `etcd.quorate.dev/operator`. */
  readonly controller: string;
  /** Name of this Pod or process. */
  readonly instance: string;
  /** False: nothing is written (leadership was lost). */
  readonly mayWrite: () => boolean;
}

/** Events that wait to be written; more are dropped and counted. */
const QUEUE_MAX = 500;
/** The same note within this time of the last is counted on the same Event. The API keeps events for an hour. */
const SERIES_MS = 6 * 60_000;
/** The API refuses longer notes. */
const NOTE_CHARS_MAX = 1000;
const KNOWN_MAX = 2000;

interface Series {
  readonly name: string;
  count: number;
  lastMs: number;
}

/** Writes Events, one after another. What cannot be written is logged and dropped: events are for people, nothing rests on them. */
export class EventRecorder implements EventSink {
  readonly #deps: EventRecorderDeps;
  readonly #series = new Map<string, Series>();
  readonly #queue: { readonly regarding: KubeObject; readonly note: EventNote }[] = [];
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
  }

  /** Events lost since the start, because too many waited or the API refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  emit(regarding: KubeObject, note: EventNote): void {
    if (this.#queue.length >= QUEUE_MAX) {
      this.#dropped++;
      return;
    }
    this.#queue.push({ regarding, note });
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything emitted was written or dropped. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        if (this.#deps.mayWrite()) await this.#write(next.regarding, next.note);
      } catch (error) {
        this.#dropped++;
        this.#deps.log.warn("an event was not written", { reason: next.note.reason, error });
      }
    }
    this.#writing = undefined;
  }

  async #write(regarding: KubeObject, note: EventNote): Promise<void> {
    const nowMs = this.#deps.clock.wallMs();
    const { uid = "", namespace = "default", name } = regarding.metadata;
    const id = [regarding.kind, namespace, name, uid, note.type, note.reason, note.message].join("\0");
    const known = this.#series.get(id);
    if (known !== undefined && nowMs - known.lastMs < SERIES_MS) {
      known.count++;
      known.lastMs = nowMs;
      const series = { count: known.count, lastObservedTime: microTime(nowMs) };
      await this.#deps.api.patch(EVENTS, { namespace, name: known.name }, { series });
      return;
    }
    const eventName = `${name}.${nowMs.toString(16)}${(this.#series.size % 4096).toString(16).padStart(3, "0")}`;
    await this.#deps.api.create(EVENTS, this.#eventOf(regarding, note, { namespace, name: eventName }, nowMs));
    this.#series.delete(id);
    this.#series.set(id, { name: eventName, count: 1, lastMs: nowMs });
    const [oldest] = this.#series.keys();
    if (this.#series.size > KNOWN_MAX && oldest !== undefined) this.#series.delete(oldest);
  }

  #eventOf(
    { apiVersion, kind, metadata }: KubeObject,
    { type, reason, message }: EventNote,
    key: { readonly namespace: string; readonly name: string },
    nowMs: number,
  ): EventObject {
    const { name, namespace, uid, resourceVersion } = metadata;
    return {
      apiVersion: EVENTS.apiVersion,
      kind: EVENTS.kind,
      metadata: key,
      eventTime: microTime(nowMs),
      reportingController: this.#deps.controller,
      reportingInstance: this.#deps.instance.slice(0, 128),
      // What was tried, as the API has it: the reason says that already, in the field's words.
      action: reason,
      reason,
      type,
      note: message.length > NOTE_CHARS_MAX ? `${message.slice(0, NOTE_CHARS_MAX)}…` : message,
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    };
  }
}

/** The API's MicroTime, which wants six digits. */
function microTime(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, -1)}000Z`;
}
