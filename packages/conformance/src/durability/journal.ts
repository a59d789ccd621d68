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

/** Workers that each send one write after the other until the server dies, noting each before and after. */
export class JournaledLoad {
  readonly #api: EtcdApi;
  readonly #journal: Journal;
  readonly #choice: SeededChoice;
  readonly #finished: Promise<unknown>;
  #stopped = false;

  constructor(api: EtcdApi, journal: Journal, seed: number, workers: number) {
    this.#api = api;
    this.#journal = journal;
    this.#choice = new SeededChoice(seed);
    this.#finished = Promise.all(Array.from({ length: workers }, (_, worker) => this.#work(worker)));
  }

  /** Sends no more and waits for what is under way to be answered or to fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#finished;
  }

  async #work(worker: number): Promise<void> {
    while (!this.#stopped) {
      const entry = this.#draw(worker, this.#journal.entries.size);
      this.#journal.entries.set(entry.value, entry);
      const outcome = await this.#send(entry);
      if (!outcome.ok) return;
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
    if (puts.length === 1 && entry.deletes.length === 0 && first !== undefined) return this.#api.call("KV/Put", first);
    return this.#api.call("KV/Txn", {
      success: [
        ...puts.map((put) => ({ request_put: put })),
        ...entry.deletes.map((key) => ({ request_delete_range: { key: Buffer.from(key) } })),
      ],
    });
  }
}
