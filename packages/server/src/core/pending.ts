import type { ErrorCode } from "@quorate/protocol";
import type { ApplyResult } from "./apply-result.ts";

/**
 * A request that waits for its entry to be applied on this member. One object per request; it carries what is needed to
 * answer and nothing is allocated on the way back.
 */
export interface Pending {
  /** Called in the turn in which the entry was applied. */
  applied(result: ApplyResult): void;
  /** Called when the entry will not be answered here; whether it took effect is unknown unless the code says so. */
  failed(code: ErrorCode): void;
}

interface Waiting {
  readonly pending: Pending;
  readonly sinceTick: number;
}

/** Requests in flight by the low 48 bits of their ID, oldest first. */
export class PendingRequests {
  readonly #waiting = new Map<number, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  add(low48: number, pending: Pending, tick: number): void {
    this.#waiting.set(low48, { pending, sinceTick: tick });
  }

  /** Removes and returns the request, or undefined when it is not one of ours or was given up. */
  take(low48: number): Pending | undefined {
    const waiting = this.#waiting.get(low48);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(low48);
    return waiting.pending;
  }

  /** Fails everything that waits since before `tick`. PERF: looks at the expired ones and one more. */
  expire(tick: number, code: ErrorCode): number {
    let count = 0;
    for (const [id, waiting] of this.#waiting) {
      if (waiting.sinceTick >= tick) break;
      this.#waiting.delete(id);
      waiting.pending.failed(code);
      count++;
    }
    return count;
  }

  /** Fails everything, e.g. when the server stops. */
  failAll(code: ErrorCode): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { pending } of all) pending.failed(code);
  }
}
