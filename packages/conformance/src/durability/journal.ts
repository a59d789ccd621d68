import { setTimeout as sleep } from "node:timers/promises";
import { SeededChoice } from "@quorate/testkit";
import type { EtcdApi, Message } from "../etcd-api.ts";

/** One write as its client knows it. Its value occurs in no other write, so that an event names the write it is of. */
export interface JournalEntry {
  readonly worker: number;
  readonly value: string;
  /** Keys put, in order, each with `value`. */
  readonly puts: readonly string[];
  /** Keys deleted afterwards in the same transaction, if they exist. */
  readonly deletes: readonly string[];
  /** The revision the server answered with; undefined while unanswered, for good when the server died. */
  revision: number | undefined;
}

const KEYS_PER_WORKER = 20;

/** Every write that was ever sent, by its value. */
export class Journal {
  readonly entries: Map<string, JournalEntry> = new Map();

  get acknowledged(): number {
    return [...this.entries.values()].filter((entry) => entry.revision !== undefined).length;
  }
}

/** Where a worker's next write goes, and whether it goes on after one that got no answer. */
export interface LoadTarget {
  readonly api: (worker: number) => EtcdApi;
  readonly goesOn: boolean;
}

/** How long a worker waits after a write without an answer. */
const PAUSE_AFTER_FAILURE_MS = 20;

/** Workers that each send one write after the other, until the server dies unless they go on, noting each before and after. */
export class JournaledLoad {
  readonly #target: LoadTarget;
  readonly #journal: Journal;
  readonly #choice: SeededChoice;
  readonly #finished: Promise<unknown>;
  #stopped = false;
  #lastAcknowledgedMs = performance.now();
  #longestGapMs = 0;

  constructor(target: EtcdApi | LoadTarget, journal: Journal, seed: number, workers: number) {
    this.#target = "goesOn" in target ? target : { api: () => target, goesOn: false };
    this.#journal = journal;
    this.#choice = new SeededChoice(seed);
    this.#finished = Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker)));
  }

  /** Sends no more and waits for what is under way to be answered or to fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#finished;
  }

  /** The longest time so far between two acknowledgements of any workers, in milliseconds. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, performance.now() - this.#lastAcknowledgedMs);
  }

  #noteAcknowledgement(): void {
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAcknowledgedMs);
    this.#lastAcknowledgedMs = now;
  }

  async #work(worker: number): Promise<void> {
    while (!this.#stopped) {
      const entry = this.#draw(worker, this.#journal.entries.size);
      this.#journal.entries.set(entry.value, entry);
      const outcome = await this.#send(entry);
      if (!outcome.ok) {
        if (!this.#target.goesOn) return;
        await sleep(PAUSE_AFTER_FAILURE_MS);
        continue;
      }
      this.#noteAcknowledgement();
      entry.revision = Number((outcome.response["header"] as Message)["revision"]);
    }
  }

  #draw(worker: number, sequence: number): JournalEntry {
    const padding = this.#choice.oneIn(20) ? "x".repeat(this.#choice.between(100, 20_000)) : "";
    const entry = { worker, value: `${worker}:${sequence}:${padding}`, revision: undefined };
    const key = (): string => `w${worker}/${this.#choice.below(KEYS_PER_WORKER)}`;
    switch (this.#choice.weighted({ put: 5, several: 3, swap: 2 })) {
      case "put":
        return { ...entry, puts: [key()], deletes: [] };
      case "several":
        return { ...entry, puts: ["a", "b", "c"].map((name) => `m${worker}/${name}`), deletes: [] };
      default:
        return { ...entry, puts: [`mark${worker}`], deletes: [`m${worker}/a`, `m${worker}/b`] };
    }
  }

  #send(entry: JournalEntry): ReturnType<EtcdApi["call"]> {
    const value = Buffer.from(entry.value);
    const puts = entry.puts.map((key) => ({ key: Buffer.from(key), value }));
    const [first] = puts;
    const api = this.#target.api(entry.worker);
    if (puts.length === 1 && entry.deletes.length === 0 && first !== undefined) return api.call("KV/Put", first);
    return api.call("KV/Txn", {
      success: [
        ...puts.map((put) => ({ request_put: put })),
        ...entry.deletes.map((key) => ({ request_delete_range: { key: Buffer.from(key) } })),
      ],
    });
  }
}
