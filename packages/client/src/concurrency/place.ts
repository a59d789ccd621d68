import { concatBytes, utf8Bytes } from "@quorate/base";
import type { Compare, KeyValue, ResponseHeader } from "@quorate/protocol";
import { ERRORS } from "@quorate/protocol";
import { compare } from "../compare.ts";
import { abortedError, EtcdError, isEtcdError } from "../etcd-error.ts";
import { GrpcStatus } from "../grpc-status.ts";
import { type BytesLike, type KeyRange, prefix, toBytes } from "../key-range.ts";
import type { Kv } from "../kv.ts";
import { op } from "../op.ts";
import { Backoff, pause } from "../pause.ts";
import { deadlineError, TimeLimit } from "../time-limit.ts";
import type { Watcher } from "../watch/watcher.ts";
import type { Watches } from "../watch/watches.ts";
import { leaseKeyPart, type Session } from "./session.ts";

/** How long one waits for something, and until when one wants it. */
export interface WaitOptions {
  /** Rejects with `deadlineExceeded` after this many milliseconds. Default: never. */
  readonly deadlineMs?: number | undefined;
  /** Rejects with `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** What a place in a queue works with. */
export interface PlaceParts {
  readonly kv: Kv;
  readonly watches: Watches;
  readonly session: Session;
  readonly name: BytesLike;
}

const RETRY_PAUSE = { firstMs: 50, maxMs: 1_000 } as const;
/** How long the clean-up after a wait that failed may take; the lease cleans up after that. */
const CLEANUP_MS = 5_000;

/** Who is in a queue. */
export interface Entered {
  /** The key of the session as it was, where it had a place already. */
  readonly existing: KeyValue | undefined;
  /** The key of the first place. */
  readonly first: KeyValue | undefined;
}

/**
 * A place in the queue that a lock or an election is: the key `<name>/<lease>`, bound to the lease of a session. The places are ordered
 * by the revisions that created them, and the first has its turn. One session has one place, so entering twice, or again after
 * an answer was lost, is the same as once. A call that fails gives the place up only if nobody relies on it: it is not held, and no other
 * call waits in it. Source: reference of the API, section 12.
 */
export class Place {
  readonly key: Uint8Array;
  /** All places. */
  readonly queue: KeyRange;
  readonly #parts: PlaceParts;
  /** The revision that created the key; undefined while the session has no place. */
  #revision: number | undefined;
  /** Calls that ask for the place or wait in it. */
  #callCount = 0;
  /** A call got what it waited for, and that was not given up since. */
  #isKept = false;
  /** The place was asked for and it is not known whether it was given. */
  #isUnsure = false;

  constructor(parts: PlaceParts) {
    this.#parts = parts;
    this.queue = queueOf(parts.name);
    this.key = concatBytes([this.queue.start, utf8Bytes(leaseKeyPart(parts.session.leaseId))]);
  }

  get revision(): number | undefined {
    return this.#revision;
  }

  /** The condition that the place is still there, for transactions of its holder. */
  isHeld(): Compare {
    return compare.createRevision(this.key, "=", this.#revision ?? -1);
  }

  /** A limit that also ends with the session. */
  limit(options: WaitOptions): TimeLimit {
    const { signal } = this.#parts.session;
    const signals = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
    return new TimeLimit(options.deadlineMs ?? Number.POSITIVE_INFINITY, signals);
  }

  /**
   * Takes a place if the session has none, and goes on with `next`, which tells whether the place is held from now on. Where it is not,
   * or something fails, the place is given up unless it was held before or another call waits in it: who works on the strength of it
   * must not lose it by asking again.
   */
  async enter(value: BytesLike, limit: TimeLimit, next: (entered: Entered) => Promise<boolean>): Promise<boolean> {
    this.#callCount++;
    try {
      const isHeld = await next(await this.#take(value, limit));
      this.#callCount--;
      if (isHeld) this.#isKept = true;
      else if (!this.#isWanted) await this.leave(limit).catch(() => this.#abandon());
      return isHeld;
    } catch (error) {
      this.#callCount--;
      if (!this.#isWanted) await this.#abandon();
      throw this.explain(error);
    }
  }

  get #isWanted(): boolean {
    return this.#isKept || this.#callCount > 0;
  }

  async #take(value: BytesLike, limit: TimeLimit): Promise<Entered> {
    const { kv, session } = this.#parts;
    const first = op.get(this.queue, { sortBy: "createRevision", order: "ascend", limit: 1 });
    const txn = kv
      .txn()
      .if(compare.missing(this.key))
      .do(op.put(this.key, value, { lease: session.leaseId }), first)
      .else(op.get(this.key), first);
    const result = await this.persist(limit, (options) => {
      if (!this.#isKept) this.#isUnsure = true;
      return txn.commit(options);
    });
    this.#isUnsure = false;
    // What was held is gone, such as by the hand of somebody else; this is a new place.
    if (result.succeeded) this.#isKept = false;
    const existing = result.succeeded ? undefined : result.responses[0].kvs[0];
    this.#revision = existing?.createRevision ?? result.header.revision;
    return { existing, first: result.responses[1].kvs[0] };
  }

  /**
   * Waits until every place before this one is gone. Throws `mutexSessionExpired` if this one goes before: the lease was revoked or
   * has expired, which the session learns later.
   */
  async waitForTurn(limit: TimeLimit): Promise<void> {
    const maxCreateRevision = (this.#revision ?? 0) - 1;
    const before = { sortBy: "createRevision", order: "descend", limit: 1, maxCreateRevision } as const;
    const look = this.#parts.kv.txn().do(op.get(this.queue, before), op.get(this.key, { keysOnly: true }));
    for (;;) {
      const { header, responses } = await this.persist(limit, (options) => look.commit(options));
      if (responses[1]?.kvs[0]?.createRevision !== this.#revision) throw this.#expired();
      const last = responses[0]?.kvs[0];
      if (last === undefined) return;
      await this.#untilDeleted(last.key, header, limit);
    }
  }

  /** Gives the place up, if the session has it. */
  async leave(limit: TimeLimit): Promise<void> {
    this.#isKept = false;
    if (this.#revision === undefined) return;
    const txn = this.#parts.kv.txn().if(this.isHeld()).do(op.delete(this.key));
    await this.persist(limit, (options) => txn.commit(options));
    this.#revision = undefined;
  }

  /** Gives it up after something failed. What cannot be cleaned up ends with the lease. */
  async #abandon(): Promise<void> {
    if (this.#parts.session.signal.aborted) return;
    const limit = new TimeLimit(CLEANUP_MS);
    const act = this.#isUnsure
      ? this.persist(limit, (options) => this.#parts.kv.delete(this.key, options))
      : this.leave(limit);
    await act.then(
      () => {
        this.#revision = undefined;
        this.#isUnsure = false;
      },
      () => {},
    );
  }

  /** The error of a wait in its caller's terms: the signal of the session tells that the lease is lost. */
  explain(error: unknown): unknown {
    const { signal } = this.#parts.session;
    if (!isEtcdError(error, "aborted") || !signal.aborted) return error;
    return isEtcdError(signal.reason) ? signal.reason : abortedError(signal);
  }

  /**
   * Repeats what does no harm when repeated, as everything here, until it succeeds, fails for good, or time is up.
   */
  async persist<T>(
    limit: TimeLimit,
    act: (options: { readonly signal?: AbortSignal | undefined; readonly deadlineMs?: number }) => Promise<T>,
  ): Promise<T> {
    const backoff = new Backoff(RETRY_PAUSE);
    for (;;) {
      limit.check();
      try {
        return await act({
          signal: limit.signal,
          ...(Number.isFinite(limit.atMs) ? { deadlineMs: limit.leftMs } : {}),
        });
      } catch (error) {
        const ms = backoff.next();
        if (!isRepeatable(error) || limit.leftMs <= ms) throw error;
        await pause(ms, limit.signal);
      }
    }
  }

  #expired(): EtcdError {
    this.#revision = undefined;
    return new EtcdError({ code: "mutexSessionExpired", ...ERRORS.mutexSessionExpired });
  }

  /** Resolves when the key of another place is deleted, or that of this one. */
  async #untilDeleted(key: Uint8Array, header: ResponseHeader, limit: TimeLimit): Promise<void> {
    const late = Number.isFinite(limit.atMs) ? AbortSignal.timeout(limit.leftMs) : undefined;
    const signal = late === undefined ? limit.signal : AbortSignal.any([late, ...(limit.signal ? [limit.signal] : [])]);
    const options = { startRevision: header.revision + 1, only: "delete", signal } as const;
    const watchers = [this.#parts.watches.begin(key, options), this.#parts.watches.begin(this.key, options)];
    try {
      await Promise.race(watchers.map((watcher) => firstBatch(watcher)));
    } catch (error) {
      limit.check();
      if (late?.aborted === true) throw deadlineError();
      // The deletion may be among what is gone: look again.
      if (!isEtcdError(error, "compacted") && !isRepeatable(error)) throw error;
    } finally {
      for (const watcher of watchers) await watcher.close();
    }
  }
}

async function firstBatch(watcher: Watcher): Promise<void> {
  for await (const { events } of watcher) if (events.length > 0) return;
}

/** The keys of all places of the lock or election called `name`. */
export function queueOf(name: BytesLike): KeyRange {
  return prefix(concatBytes([toBytes(name), utf8Bytes("/")]));
}

function isRepeatable(error: unknown): boolean {
  if (!isEtcdError(error)) return false;
  return (
    error.grpcCode === GrpcStatus.UNAVAILABLE || error.code === "deadlineExceeded" || error.code === "connectionLost"
  );
}
