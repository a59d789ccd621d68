import { assert } from "@quorate/base";
import type { ErrorCode } from "@quorate/protocol";
import type { ApplyResult } from "./apply-result.ts";

/**
 * A request that waits for its entry to be applied on this member. One object per request; it carries what is needed to
 * answer and nothing is allocated on the way back.
 */
export interface Pending {
  /** The request as the proposer has decoded it from the entry's bytes, to spare applying it the same work. */
  readonly request?: unknown;
  /** Called in the turn in which the entry was applied. */
  applied(result: ApplyResult): void;
  /** Called when the entry will not be answered here; whether it took effect is unknown unless the code says so. */
  failed(code: ErrorCode): void;
}

/** Empty slots in front that are removed in one go. */
const TRIM_COUNT = 1024;
/** IDs that were drawn and not used leave a gap; one as large as this is a mistake. */
const GAP_MAX = 1_000_000;

/**
 * Requests in flight by the low 48 bits of their ID, oldest first. IDs are drawn in ascending order, so a request's place
 * follows from its ID: no hashing of numbers beyond 31 bits, which would cost more than the rest.
 */
export class PendingRequests {
  #slots: (Pending | undefined)[] = [];
  #sinceTicks: number[] = [];
  /** The ID that slot 0 stands for. */
  #firstId = 0;
  /** Slots before this one are empty. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `low48` is above every one added before, but for the wrap at 2^48, which no process lives to see. */
  add(low48: number, pending: Pending, tick: number): void {
    if (this.#size === 0) this.#restart(low48);
    const position = low48 - this.#firstId;
    assert(position >= this.#slots.length && position - this.#slots.length < GAP_MAX, "request IDs ascend");
    while (this.#slots.length < position) this.#push(undefined, tick);
    this.#push(pending, tick);
    this.#size++;
  }

  /** Whether the request waits. */
  has(low48: number): boolean {
    return this.#slots[low48 - this.#firstId] !== undefined;
  }

  /** Removes and returns the request, or undefined when it is not one of ours or was given up. */
  take(low48: number): Pending | undefined {
    const position = low48 - this.#firstId;
    const pending = position >= 0 ? this.#slots[position] : undefined;
    if (pending === undefined) return undefined;
    this.#slots[position] = undefined;
    this.#size--;
    if (position === this.#head) this.#advance();
    return pending;
  }

  /** Fails what waits since before `tick`, with what `codeOf` says of its age. PERF: looks at the expired ones and one more. */
  expire(tick: number, codeOf: (sinceTick: number) => ErrorCode): number {
    let count = 0;
    while (this.#size > 0 && (this.#sinceTicks[this.#head] as number) < tick) {
      const pending = this.#slots[this.#head];
      const code = codeOf(this.#sinceTicks[this.#head] as number);
      this.#slots[this.#head] = undefined;
      this.#size--;
      this.#advance();
      pending?.failed(code);
      count++;
    }
    return count;
  }

  /** Fails what waits under `low48` and the IDs before it. */
  failThrough(low48: number, code: ErrorCode): number {
    let count = 0;
    while (this.#size > 0 && this.#firstId + this.#head <= low48) {
      const pending = this.#slots[this.#head];
      this.#slots[this.#head] = undefined;
      this.#size--;
      this.#advance();
      pending?.failed(code);
      count++;
    }
    return count;
  }

  /** Fails everything, e.g. when the server stops. */
  failAll(code: ErrorCode): void {
    const all = this.#slots;
    this.#restart(0);
    this.#size = 0;
    for (const pending of all) pending?.failed(code);
  }

  #push(pending: Pending | undefined, tick: number): void {
    this.#slots.push(pending);
    this.#sinceTicks.push(tick);
  }

  #restart(firstId: number): void {
    this.#slots = [];
    this.#sinceTicks = [];
    this.#firstId = firstId;
    this.#head = 0;
  }

  /** The slot at the head is empty: goes on to the next that is not. */
  #advance(): void {
    const { length } = this.#slots;
    while (this.#head < length && this.#slots[this.#head] === undefined) this.#head++;
    if (this.#head < TRIM_COUNT || this.#size === 0) return;
    this.#slots.splice(0, this.#head);
    this.#sinceTicks.splice(0, this.#head);
    this.#firstId += this.#head;
    this.#head = 0;
  }
}
