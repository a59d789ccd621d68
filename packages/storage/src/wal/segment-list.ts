import type { FileSystem, Logger } from "@quorate/base";
import { parseSegmentName } from "./record-format.ts";

/** A segment file: its number, and the first index it may contain. */
export interface Segment {
  readonly sequence: number;
  readonly firstIndex: number;
  readonly name: string;
}

/** Segments in a log directory, oldest first. Old ones may be missing in between: a release was interrupted. */
export function listSegments(fs: FileSystem, directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of fs.list(directory)) {
    const numbers = parseSegmentName(name);
    if (numbers !== undefined) segments.push({ ...numbers, name });
  }
  return segments.sort((a, b) => a.sequence - b.sequence);
}

/**
 * The place, in a list of segments, of the one to begin with to read from `index` on: the last that may contain it or what
 * follows it; -1 if there is none. First indexes may fall, where a new leader has replaced entries before a cut.
 */
export function segmentFor(segments: readonly Segment[], index: number): number {
  return segments.findLastIndex((segment) => segment.firstIndex <= index);
}

/** The first segment that does not follow the one before it; undefined if there is no gap. */
export function segmentAfterGap(segments: readonly Segment[]): Segment | undefined {
  return segments.find((segment, i) => i > 0 && segment.sequence !== (segments[i - 1] as Segment).sequence + 1);
}

/** Whether the log in a directory is whole, from its very first record. */
export function reachesBeginning(fs: FileSystem, directory: string): boolean {
  const segments = listSegments(fs, directory);
  return segments[0]?.sequence === 0 && segmentAfterGap(segments) === undefined;
}

/** The segments of an open log. */
export class SegmentList {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #segments: Segment[];
  readonly #releasing: Segment[] = [];

  /** `segments`: all that are there, oldest first. */
  constructor(fs: FileSystem, directory: string, logger: Logger, segments: readonly Segment[]) {
    this.#fs = fs;
    this.#directory = directory;
    this.#logger = logger;
    this.#segments = [...segments];
  }

  get oldest(): Segment {
    return this.#segments[0] as Segment;
  }

  get newest(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment;
  }

  add(segment: Segment): void {
    this.#segments.push(segment);
  }

  /** Removes those that are not needed to read from `index` on, the oldest first and one at a time. */
  release(index: number): void {
    const wasIdle = this.#releasing.length === 0;
    this.#releasing.push(...this.#segments.splice(0, Math.max(0, segmentFor(this.#segments, index))));
    if (wasIdle) this.#removeNext();
  }

  #removeNext(): void {
    const segment = this.#releasing[0];
    if (segment === undefined) return;
    const path = `${this.#directory}/${segment.name}`;
    this.#fs.removeFileLater(path, (error) => {
      if (error !== undefined) this.#logger.warn("cannot remove a log segment", { path, error: error.message });
      this.#releasing.shift();
      this.#removeNext();
    });
  }
}
