/** How often the revision mode looks, ms. Server configuration page, section 2.11. */
const REVISION_INTERVAL_MS = 300_000;
const HOUR_MS = 3_600_000;
/** The periodic mode notes the revision, and tries again, so many times per interval. */
const NOTES_PER_INTERVAL = 10;

/** What history is kept without anybody asking. */
export type AutoCompactionMode =
  | { readonly mode: "off" }
  | { readonly mode: "periodic"; readonly periodMs: number }
  | { readonly mode: "revision"; readonly revisions: number };

/**
 * Decides when the store compacts its revisions by itself, and to which: the leader does, the others take notes, to know as much when
 * they come to lead. Time comes in as monotonic milliseconds.
 */
export class AutoCompaction {
  readonly #mode: AutoCompactionMode;
  /** Time between two looks. */
  readonly #everyMs: number;
  /** Revisions noted, oldest first: as many as make up the period. */
  readonly #notes: number[] = [];
  #nextMs: number;
  /** How long after the last compaction the next is due: the whole period at first, then at most an hour. */
  #dueAfterMs: number;
  #lastMs: number;
  #compacted = 0;
  #isRunning = false;

  constructor(mode: AutoCompactionMode, nowMs: number) {
    this.#mode = mode;
    const periodMs = mode.mode === "periodic" ? mode.periodMs : 0;
    this.#everyMs = mode.mode === "periodic" ? Math.min(periodMs, HOUR_MS) / NOTES_PER_INTERVAL : REVISION_INTERVAL_MS;
    // The first note is taken at once.
    this.#nextMs = mode.mode === "periodic" ? nowMs : nowMs + this.#everyMs;
    this.#dueAfterMs = periodMs;
    this.#lastMs = nowMs;
  }

  /** Call it now and then; returns the revision to compact to when one is due: then {@link done} is to be called. */
  visit(nowMs: number, revision: number, isLeader: boolean): number | undefined {
    const mode = this.#mode;
    if (mode.mode === "off" || nowMs < this.#nextMs) return undefined;
    this.#nextMs = nowMs + this.#everyMs;
    const target = mode.mode === "revision" ? revision - mode.revisions : this.#notedTarget(nowMs);
    if (mode.mode === "periodic") this.#note(revision, mode.periodMs);
    if (!isLeader || this.#isRunning || target === undefined || target <= 0 || target === this.#compacted) {
      return undefined;
    }
    this.#isRunning = true;
    return target;
  }

  /** The compaction to `revision` has come to an end; one that failed is tried again at the next look. */
  done(revision: number, succeeded: boolean, nowMs: number): void {
    this.#isRunning = false;
    if (!succeeded) return;
    this.#compacted = revision;
    this.#lastMs = nowMs;
    this.#dueAfterMs = Math.min(this.#dueAfterMs, HOUR_MS);
  }

  /** The oldest note, when a compaction is due. */
  #notedTarget(nowMs: number): number | undefined {
    return nowMs - this.#lastMs >= this.#dueAfterMs ? this.#notes[0] : undefined;
  }

  #note(revision: number, periodMs: number): void {
    this.#notes.push(revision);
    if (this.#notes.length > Math.round(periodMs / this.#everyMs) + 1) this.#notes.shift();
  }
}
