/** How often the revision mode looks, ms. Server configuration page, section 2.11. */
const REVISION_INTERVAL_MS = 300_000;
const HOUR_MS = 3_600_000;
/** The periodic mode notes the revision so many times per interval. */
const NOTES_PER_INTERVAL = 10;

/** What history is kept without anybody asking. */
export type AutoCompactionMode =
  | { readonly mode: "off" }
  | { readonly mode: "periodic"; readonly periodMs: number }
  | { readonly mode: "revision"; readonly revisions: number };

/** Decides when the store compacts its revisions by itself, and to which. Time comes in as monotonic milliseconds. */
export class AutoCompaction {
  readonly #mode: AutoCompactionMode;
  readonly #everyMs: number;
  /** Revisions noted, oldest first: as many as make up the period. */
  #notes: number[] = [];
  #nextMs: number;
  #compacted = 0;

  constructor(mode: AutoCompactionMode, nowMs: number) {
    this.#mode = mode;
    const intervalMs = mode.mode === "periodic" ? Math.min(mode.periodMs, HOUR_MS) : REVISION_INTERVAL_MS;
    this.#everyMs = mode.mode === "periodic" ? intervalMs / NOTES_PER_INTERVAL : intervalMs;
    // The first note is taken at once: the first compaction is due one period from now.
    this.#nextMs = mode.mode === "periodic" ? nowMs : nowMs + this.#everyMs;
  }

  /** Call it now and then; returns the revision to compact to when one is due. */
  visit(nowMs: number, revision: number): number | undefined {
    if (this.#mode.mode === "off" || nowMs < this.#nextMs) return undefined;
    this.#nextMs = nowMs + this.#everyMs;
    const target = this.#mode.mode === "revision" ? revision - this.#mode.revisions : this.#noted(revision);
    if (target === undefined || target <= 0 || target <= this.#compacted) return undefined;
    this.#compacted = target;
    return target;
  }

  /** The revision one period ago, at most once an interval. */
  #noted(revision: number): number | undefined {
    if (this.#mode.mode !== "periodic") return undefined;
    this.#notes.push(revision);
    const periodNotes = Math.round(this.#mode.periodMs / this.#everyMs);
    if (this.#notes.length <= periodNotes) return undefined;
    const target = this.#notes[0];
    this.#notes = this.#notes.slice(Math.min(NOTES_PER_INTERVAL, this.#notes.length));
    return target;
  }
}
