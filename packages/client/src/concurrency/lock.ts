import type { Compare } from "@quorate/protocol";
import { TimeLimit } from "../time-limit.ts";
import { type Entered, Place, type PlaceParts, type WaitOptions } from "./place.ts";

const RELEASE_MS = 10_000;

/**
 * A lock over the cluster, the same as that of etcd's Go client and `etcdctl lock`: they exclude each other. It is held until it is
 * released or the session ends; watch `session.signal`, and where it matters put {@link isOwner} into transactions, since a
 * process that was held up may learn late that it lost the lock.
 *
 * Who holds it may acquire it again: that is answered at once, takes nothing away if it fails, and one `release()` ends it all.
 * A session has one place in the queue of a lock, so two `Lock` objects of one session and name do NOT exclude each other, and one
 * gives up what the other holds: use one object, or a session for each.
 */
export class Lock {
  readonly #place: Place;

  constructor(parts: PlaceParts) {
    this.#place = new Place(parts);
  }

  /** The key of this session's place. */
  get key(): Uint8Array {
    return this.#place.key;
  }

  /** The condition that this session has the lock, for transactions. Never true before it was acquired. */
  isOwner(): Compare {
    return this.#place.isHeld();
  }

  /**
   * Waits for the lock, in the order of asking. Rejects with `deadlineExceeded`, `aborted`, `leaseLost` or `mutexSessionExpired`; the
   * place in the queue is given up then, unless the lock was held before or another call waits for it.
   */
  async acquire(options: WaitOptions = {}): Promise<void> {
    const place = this.#place;
    const limit = place.limit(options);
    await place.enter("", limit, async ({ first }) => {
      if (first !== undefined && first.createRevision !== place.revision) await place.waitForTurn(limit);
      return true;
    });
  }

  /** Takes the lock if it is free. False if another session has it. Rejects as {@link acquire} does. */
  async tryAcquire(options: WaitOptions = {}): Promise<boolean> {
    const place = this.#place;
    const limit = place.limit({ deadlineMs: RELEASE_MS, ...options });
    const isFirst = async ({ first }: Entered): Promise<boolean> =>
      first === undefined || first.createRevision === place.revision;
    return await place.enter("", limit, isFirst);
  }

  /** Gives the lock up. Rejects if that could not be told to a server in `deadlineMs` (10,000); it ends with the session then. */
  async release(options: WaitOptions = {}): Promise<void> {
    await this.#place.leave(new TimeLimit(options.deadlineMs ?? RELEASE_MS, options.signal));
  }

  /**
   * Runs `body` with the lock and releases it. `body` is given a signal that is aborted when the session ends. Rejects as
   * {@link acquire} does, or as `body`.
   */
  async run<T>(body: (signal: AbortSignal) => Promise<T>, options: WaitOptions = {}): Promise<T> {
    await this.acquire(options);
    try {
      return await body(this.#place.limit({}).signal as AbortSignal);
    } finally {
      await this.release();
    }
  }
}
