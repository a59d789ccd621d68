import type { Scheduler } from "./scheduler.ts";

/** Lines kept for the report of a violation. */
const RECENT_LINES_MAX = 60;

/** Time, kind, and what describes it. */
type Event = readonly [number, string, number, number, number, number];

/**
 * Everything that happens in a run, folded into one number: two runs with the same hash did the same things at the same times.
 * With a sink it is written out as well, a line each.
 */
export class Trace {
  readonly #scheduler: Scheduler;
  readonly #sink: ((line: string) => void) | undefined;
  readonly #kinds = new Map<string, number>();
  readonly #recent: Event[] = [];
  #at = 0;
  #high = 0x9e3779b9;
  #low = 0x85ebca6b;
  /** Number of events. */
  count = 0;

  constructor(scheduler: Scheduler, sink: ((line: string) => void) | undefined) {
    this.#scheduler = scheduler;
    this.#sink = sink;
  }

  /** Notes an event: its kind and up to four whole numbers that describe it. */
  record(kind: string, a = 0, b = 0, c = 0, d = 0): void {
    this.count++;
    const { nowUs } = this.#scheduler;
    this.#mix(this.#numberOf(kind));
    this.#mix(nowUs);
    this.#mix(a);
    this.#mix(b);
    this.#mix(c);
    this.#mix(d);
    const event: Event = [nowUs, kind, a, b, c, d];
    this.#recent[this.#at++ % RECENT_LINES_MAX] = event;
    this.#sink?.(lineOf(event));
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** The newest events as lines, oldest first. */
  recent(): string[] {
    const start = Math.max(0, this.#at - RECENT_LINES_MAX);
    const lines: string[] = [];
    for (let i = start; i < this.#at; i++) {
      lines.push(lineOf(this.#recent[i % RECENT_LINES_MAX] as Event));
    }
    return lines;
  }

  #numberOf(kind: string): number {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    let number = 0;
    for (let i = 0; i < kind.length; i++) number = (Math.imul(number, 31) + kind.charCodeAt(i)) | 0;
    this.#kinds.set(kind, number);
    return number;
  }

  #mix(value: number): void {
    let low = Math.imul(this.#low ^ (value | 0), 0x21f0aaad);
    low ^= low >>> 15;
    let high = Math.imul(this.#high ^ low ^ Math.trunc(value / 0x1_0000_0000), 0x735a2d97);
    high ^= high >>> 15;
    this.#low = (low + (this.#high | 0)) | 0;
    this.#high = high;
  }
}

function lineOf([nowUs, kind, a, b, c, d]: Event): string {
  return `${(nowUs / 1000).toFixed(3).padStart(10)} ms  ${kind} ${a} ${b} ${c} ${d}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
