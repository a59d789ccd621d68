import { equalBytes } from "@quorate/base";
import type { ErrorCode } from "@quorate/protocol";
import type { ReadState } from "@quorate/raft";
import type { Counts } from "./counts.ts";
import { bigEndian64 } from "./member.ts";
import type { RequestIds } from "./request-id.ts";

/** What read-index rounds need. Times in ticks. */
export interface ReadRoundsDeps {
  /** Names the rounds: the leader may tell the rounds of different members apart by their contexts alone. */
  readonly ids: RequestIds;
  /** Asks raft for an index under this context. It may never answer. */
  readonly requestIndex: (context: Uint8Array) => void;
  /** A round without an answer is asked for again after so many ticks: the request, or the answer, may be lost. */
  readonly retryTicks: number;
  /** A read that was not served after so many ticks fails. */
  readonly timeoutTicks: number;
  readonly counts: Pick<Counts, "slowReadIndexes" | "readIndexesFailed">;
}

/** A read that waits: `ready` runs once the applied state may serve it. */
interface WaitingRead {
  readonly ready: () => void;
  readonly failed: (code: ErrorCode) => void;
  readonly sinceTick: number;
}

/** Reads that share one question to the leader. */
interface Round {
  readonly context: Uint8Array;
  readonly reads: readonly WaitingRead[];
  askedTick: number;
}

/** Reads whose round is confirmed: they wait for `index` to be applied. */
interface Confirmed {
  readonly index: number;
  reads: readonly WaitingRead[];
}

/**
 * Linearizable reads without a log entry: one question to the leader serves all reads that came before it was asked, and while
 * it is under way the next ones collect. Source: dissertation §6.4; raft page, section 7.
 */
export class ReadRounds {
  readonly #deps: ReadRoundsDeps;
  #collecting: WaitingRead[] = [];
  #round: Round | undefined;
  #confirmed: Confirmed[] = [];

  constructor(deps: ReadRoundsDeps) {
    this.#deps = deps;
  }

  /** Whether `begin` would ask something. */
  get mayBegin(): boolean {
    return this.#round === undefined && this.#collecting.length > 0;
  }

  /** Takes a read; it is asked for with the next `begin`. */
  add(ready: () => void, failed: (code: ErrorCode) => void, tick: number): void {
    this.#collecting.push({ ready, failed, sinceTick: tick });
  }

  /** Asks for everything collected, unless a round is under way. */
  begin(tick: number): void {
    if (!this.mayBegin) return;
    const context = bigEndian64(this.#deps.ids.next());
    this.#round = { context, reads: this.#collecting, askedTick: tick };
    this.#collecting = [];
    this.#deps.requestIndex(context);
  }

  /**
   * Raft has confirmed a round. Answers to rounds given up, and second answers, are ignored. `appliedIndex`: undefined while the
   * state must not be looked at.
   */
  confirmed(states: readonly ReadState[], appliedIndex: number | undefined): void {
    for (const { context, index } of states) {
      const round = this.#round;
      if (round === undefined || !equalBytes(context, round.context)) {
        this.#deps.counts.slowReadIndexes++;
        continue;
      }
      this.#round = undefined;
      if (appliedIndex !== undefined && index <= appliedIndex) serve(round.reads);
      else this.#confirmed.push({ index, reads: round.reads });
    }
  }

  /** Entries up to `index` are applied. */
  applied(index: number): void {
    while (this.#confirmed[0] !== undefined && this.#confirmed[0].index <= index) {
      serve((this.#confirmed.shift() as Confirmed).reads);
    }
  }

  /** Serves everything that waits: the caller knows that the applied state is the newest. */
  serveAll(): void {
    const all = this.#takeAll();
    serve(all);
  }

  /** Another leader: whether the old one has heard of the round is unknown, and clients are told as etcd tells them. */
  leaderChanged(): void {
    const round = this.#round;
    this.#round = undefined;
    if (round === undefined) return;
    this.#deps.counts.readIndexesFailed++;
    for (const read of round.reads) read.failed("leaderChanged");
  }

  /** Gives up on reads that have waited too long, and repeats a question that had no answer. */
  tick(tick: number): void {
    const { requestIndex, retryTicks, timeoutTicks } = this.#deps;
    const overdue = tick - timeoutTicks;
    this.#collecting = expire(this.#collecting, overdue);
    this.#expireConfirmed(overdue);
    const round = this.#round;
    if (round === undefined) return;
    const reads = expire(round.reads, overdue);
    if (reads.length === 0) {
      this.#round = undefined;
      this.#deps.counts.slowReadIndexes++;
      return;
    }
    if (reads.length < round.reads.length) this.#round = { ...round, reads };
    const current = this.#round as Round;
    if (tick - current.askedTick < retryTicks) return;
    current.askedTick = tick;
    requestIndex(current.context);
  }

  /** A leader that told the index may be lost before it has told the entries. The oldest are at the front. */
  #expireConfirmed(overdue: number): void {
    for (let first = this.#confirmed[0]; first !== undefined; first = this.#confirmed[0]) {
      first.reads = expire(first.reads, overdue);
      if (first.reads.length > 0) return;
      this.#confirmed.shift();
    }
  }

  failAll(code: ErrorCode): void {
    for (const read of this.#takeAll()) read.failed(code);
  }

  #takeAll(): WaitingRead[] {
    const all = [...this.#confirmed.flatMap(({ reads }) => reads), ...(this.#round?.reads ?? []), ...this.#collecting];
    this.#confirmed = [];
    this.#round = undefined;
    this.#collecting = [];
    return all;
  }
}

function serve(reads: readonly WaitingRead[]): void {
  for (const read of reads) read.ready();
}

/** The reads that may go on waiting, which are all but a few at the front: they are in the order in which they came. */
function expire<Reads extends readonly WaitingRead[]>(reads: Reads, overdue: number): Reads {
  let count = 0;
  while (count < reads.length && (reads[count] as WaitingRead).sinceTick < overdue) count++;
  if (count === 0) return reads;
  for (const read of reads.slice(0, count)) read.failed("timeout");
  return reads.slice(count) as unknown as Reads;
}
