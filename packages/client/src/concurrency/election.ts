import { equalBytes } from "@quorate/base";
import { ERRORS, type KeyValue } from "@quorate/protocol";
import { EtcdError, isEtcdError } from "../etcd-error.ts";
import { type BytesLike, type KeyRange, toBytes } from "../key-range.ts";
import type { Kv } from "../kv.ts";
import { op } from "../op.ts";
import { TimeLimit } from "../time-limit.ts";
import type { Watches } from "../watch/watches.ts";
import { Place, type PlaceParts, type WaitOptions } from "./place.ts";

const RESIGN_MS = 10_000;

/** Who leads, for those who only want to know: no session is needed. */
export class LeaderView {
  readonly #kv: Kv;
  readonly #watches: Watches;
  readonly #queue: KeyRange;

  constructor(kv: Kv, watches: Watches, queue: KeyRange) {
    this.#kv = kv;
    this.#watches = watches;
    this.#queue = queue;
  }

  /** The leader's key with the value that it proclaimed; undefined while there is none. */
  async leader(): Promise<KeyValue | undefined> {
    return (await this.#first()).kvs[0];
  }

  /**
   * Every leader and every value that a leader proclaims, from the present one on; values that follow each other fast may be left out.
   * Goes on over lost connections until the loop is left or the signal aborts it.
   */
  async *observe(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<KeyValue, void, undefined> {
    for (;;) {
      const { kvs, header } = await this.#first(options.signal);
      const leader = kvs[0] ?? (await this.#firstPut(this.#queue, header.revision + 1, options.signal));
      if (leader === undefined) continue;
      yield leader;
      yield* this.#values(leader, options.signal);
    }
  }

  #first(signal?: AbortSignal): ReturnType<Kv["get"]> {
    return this.#kv.get(this.#queue, { sortBy: "createRevision", order: "ascend", limit: 1, signal });
  }

  async #firstPut(keys: KeyRange, startRevision: number, signal?: AbortSignal): Promise<KeyValue | undefined> {
    try {
      for await (const event of this.#watches.begin(keys, { startRevision, only: "put", signal }).events()) {
        return event.kv;
      }
    } catch (error) {
      if (!isEtcdError(error, "compacted")) throw error;
    }
    return undefined;
  }

  /** What the leader proclaims until its key is deleted. */
  async *#values(leader: KeyValue, signal?: AbortSignal): AsyncGenerator<KeyValue, void, undefined> {
    const watcher = this.#watches.begin(leader.key, { startRevision: leader.modRevision + 1, signal });
    try {
      for await (const { type, kv } of watcher.events()) {
        if (type === "delete") return;
        yield kv;
      }
    } catch (error) {
      if (!isEtcdError(error, "compacted")) throw error;
    }
  }
}

/** A candidacy in an election, the same as that of etcd's Go client and `etcdctl elect`. It ends with its session. */
export class Election {
  readonly #place: Place;
  readonly #view: LeaderView;
  readonly #parts: PlaceParts;

  constructor(parts: PlaceParts) {
    this.#parts = parts;
    this.#place = new Place(parts);
    this.#view = new LeaderView(parts.kv, parts.watches, this.#place.queue);
  }

  /** The key of this session's candidacy. */
  get key(): Uint8Array {
    return this.#place.key;
  }

  /** The revision that the candidacy began with; undefined while there is none. */
  get revision(): number | undefined {
    return this.#place.revision;
  }

  /**
   * Stands for election with `value` and waits until it is the leader. A candidacy of the session that stands already gets the value.
   * Rejects with `deadlineExceeded`, `aborted`, `leaseLost` or `mutexSessionExpired`; the candidacy is given up then,
   * unless it leads already: it stays the leader then, with the old value or the new one.
   */
  async campaign(value: BytesLike, options: WaitOptions = {}): Promise<void> {
    const place = this.#place;
    const limit = place.limit(options);
    await place.enter(value, limit, async ({ existing, first }) => {
      if (existing !== undefined && !equalBytes(existing.value, toBytes(value))) await this.#put(value, limit);
      if (first !== undefined && first.createRevision !== place.revision) await place.waitForTurn(limit);
      return true;
    });
  }

  /** Announces another value as the leader. Error: `electionNotLeader`. */
  async proclaim(value: BytesLike, options: WaitOptions = {}): Promise<void> {
    const limit = this.#place.limit({ deadlineMs: RESIGN_MS, ...options });
    try {
      await this.#put(value, limit);
    } catch (error) {
      throw this.#place.explain(error);
    }
  }

  /** Gives the leadership or candidacy up; another may lead at once. */
  async resign(options: WaitOptions = {}): Promise<void> {
    await this.#place.leave(new TimeLimit(options.deadlineMs ?? RESIGN_MS, options.signal));
  }

  /** See {@link LeaderView.leader}. */
  leader(): Promise<KeyValue | undefined> {
    return this.#view.leader();
  }

  /** See {@link LeaderView.observe}. */
  observe(options?: { readonly signal?: AbortSignal }): AsyncGenerator<KeyValue, void, undefined> {
    return this.#view.observe(options);
  }

  async #put(value: BytesLike, limit: TimeLimit): Promise<void> {
    const place = this.#place;
    if (place.revision === undefined) throw new EtcdError({ code: "electionNotLeader", ...ERRORS.electionNotLeader });
    const lease = this.#parts.session.leaseId;
    const txn = this.#parts.kv
      .txn()
      .if(place.isHeld())
      .do(op.put(place.key, value, { lease }));
    const { succeeded } = await place.persist(limit, (options) => txn.commit(options));
    if (!succeeded) throw new EtcdError({ code: "electionNotLeader", ...ERRORS.electionNotLeader });
  }
}
