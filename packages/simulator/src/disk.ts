import type { Prng } from "@quorate/base";
import { type ConfState, EMPTY_HARD_STATE, type Entry, type HardState, type Snapshot } from "@quorate/raft";
import type { Scheduler } from "./scheduler.ts";
import type { Image } from "./sim-backend.ts";

/** The position that an image of the state machine belongs to. */
export interface ImagePosition {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** What is written to a log, in the pieces in which a torn write may survive. */
type Unit =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "hardState"; readonly hardState: HardState }
  /** The state machine at a barrier, or one received from a leader, with which the log begins anew. */
  | { readonly kind: "barrier" | "install"; readonly position: ImagePosition; readonly image: Image };

interface Write {
  readonly units: readonly Unit[];
  readonly mustSync: boolean;
  readonly done: () => void;
}

/** What a member finds when it starts. */
export interface Recovered {
  /** Undefined before the first barrier. */
  readonly base: { readonly position: ImagePosition; readonly image: Image } | undefined;
  /** Behind the base, contiguous. */
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** Times in microseconds. */
export interface DiskSpeed {
  readonly syncMinUs: number;
  readonly syncSpreadUs: number;
  /** Chance in per mille that a sync takes up to `stallSpreadUs` longer. */
  readonly stallPermille: number;
  readonly stallSpreadUs: number;
}

/** A disk without faults. */
export const HEALTHY_DISK: DiskSpeed = { syncMinUs: 200, syncSpreadUs: 800, stallPermille: 0, stallSpreadUs: 1 };

/**
 * The disk of one member. Writes that wait are written together and synced once; a crash keeps everything that was synced and
 * a random beginning of the rest, possibly ending in the middle of one write.
 */
export class Disk {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  speed: DiskSpeed = HEALTHY_DISK;
  /** What no power cut takes away. */
  #entries: Entry[] = [];
  #hardState: HardState = EMPTY_HARD_STATE;
  #base: Recovered["base"];
  /** Written, possibly reported, but not synced. */
  #cached: Unit[] = [];
  #writing: Write[] = [];
  #waiting: Write[] = [];
  /** Grows with each crash: completions of an earlier life are void. */
  #life = 0;

  constructor(scheduler: Scheduler, prng: Prng) {
    this.#scheduler = scheduler;
    this.#prng = prng;
  }

  /** Whether nothing was ever durable here. */
  get isBlank(): boolean {
    return this.#base === undefined && this.#hardState.term === 0;
  }

  /** Up to this index everything is known to be committed, after a crash too. */
  get durableCommit(): number {
    return Math.max(this.#hardState.commit, this.#base?.position.index ?? 0);
  }

  /** Appends to the log. `done` later, in the order of the calls. */
  append(entries: readonly Entry[], hardState: HardState | undefined, mustSync: boolean, done: () => void): void {
    const units: Unit[] = entries.map((entry) => ({ kind: "entry", entry }));
    if (hardState !== undefined) units.push({ kind: "hardState", hardState });
    this.#submit({ units, mustSync, done });
  }

  /** Makes the state machine at `position` durable, behind everything appended before. */
  saveBarrier(position: ImagePosition, image: Image, done: () => void): void {
    this.#submit({ units: [{ kind: "barrier", position, image }], mustSync: true, done });
  }

  /** Replaces state machine and log by a received snapshot: as one, or not at all. */
  install(snapshot: Snapshot, image: Image, done: () => void): void {
    const { index, term, confState } = snapshot;
    this.#submit({ units: [{ kind: "install", position: { index, term, confState }, image }], mustSync: true, done });
  }

  /** The process ended. With the power, what was not synced is lost from a random point on; without it, it survives. */
  crash(losesPower: boolean): void {
    this.#life++;
    const units = [...this.#cached, ...this.#writing.flatMap((write) => write.units)];
    this.#cached = [];
    this.#writing = [];
    this.#waiting = [];
    const kept = losesPower ? this.#prng.below(units.length + 1) : units.length;
    for (const unit of units.slice(0, kept)) this.#harden(unit);
  }

  /** What is on the disk. */
  recover(): Recovered {
    // A commit index is written after its entries, but the image may be newer than the last one written.
    const hardState = { ...this.#hardState, commit: this.durableCommit };
    return { base: this.#base, entries: this.#entries.slice(), hardState };
  }

  #submit(write: Write): void {
    this.#waiting.push(write);
    if (this.#writing.length === 0) this.#begin();
  }

  #begin(): void {
    this.#writing = this.#waiting;
    this.#waiting = [];
    const { syncMinUs, syncSpreadUs, stallPermille, stallSpreadUs } = this.speed;
    const life = this.#life;
    const syncs = this.#writing.some(({ mustSync }) => mustSync);
    let delayUs = 20;
    if (syncs) {
      delayUs = syncMinUs + this.#prng.below(syncSpreadUs);
      if (this.#prng.below(1000) < stallPermille) delayUs += this.#prng.below(stallSpreadUs);
    }
    this.#scheduler.after(delayUs, () => {
      if (life === this.#life) this.#end(syncs);
    });
  }

  #end(synced: boolean): void {
    const writes = this.#writing;
    this.#writing = [];
    for (const { units } of writes) for (const unit of units) this.#cached.push(unit);
    if (synced) {
      for (const unit of this.#cached) this.#harden(unit);
      this.#cached = [];
    }
    if (this.#waiting.length > 0) this.#begin();
    for (const { done } of writes) done();
  }

  #harden(unit: Unit): void {
    if (unit.kind === "entry") this.#hardenEntry(unit.entry);
    else if (unit.kind === "hardState") this.#hardState = unit.hardState;
    else {
      const { position, image } = unit;
      this.#entries = unit.kind === "install" ? [] : this.#entries.filter(({ index }) => index > position.index);
      this.#base = { position, image };
    }
  }

  #hardenEntry(entry: Entry): void {
    const first = this.#entries[0]?.index ?? entry.index;
    // An entry that is written again cuts off what was behind it; one that the image covers is of no use.
    if (entry.index <= (this.#base?.position.index ?? 0)) return;
    this.#entries.length = Math.max(0, Math.min(this.#entries.length, entry.index - first));
    this.#entries.push(entry);
  }
}
