import { waitUntil } from "@quorate/testkit";
import { differences } from "./differences.ts";
import { inRange } from "./key-space.ts";
import type { Side } from "./side.ts";
import { printable } from "./step.ts";
import type { WatchEvent } from "./watch-session.ts";
import type { Watcher, World } from "./world.ts";

const CATCH_UP_TIMEOUT_MS = 20_000;

/** A difference in events, and whether it is at the very revision that a watcher's history was compacted at. */
export interface EventDifference {
  readonly text: string;
  readonly onlyTombstonesAtCompaction: boolean;
}

/**
 * Compares event streams: the history that one watch of all keys tells must be the same on both servers, and each other
 * watcher must tell, on each server, exactly the part of that history that it asked for.
 */
export class EventComparison {
  readonly #world: World;
  /** How much of the history each watcher has been compared with. */
  readonly #compared = new Map<Watcher, number>();
  #historyCompared = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Lets all watchers catch up to the current revision and compares what they told. */
  async settle(a: Side, b: Side): Promise<readonly EventDifference[]> {
    await Promise.all([a.untilHistory(this.#world.revision), b.untilHistory(this.#world.revision)]);
    const found = this.#compareHistory(a, b);
    found.push(...breaches("first", a), ...breaches("second", b));
    if (found.length > 0) return found;
    for (const watcher of this.#world.watchers) found.push(...(await this.#compareWatcher(watcher, a, b)));
    for (const watcher of this.#compared.keys()) {
      if (!this.#world.watchers.includes(watcher)) this.#compared.delete(watcher);
    }
    return found;
  }

  #compareHistory(a: Side, b: Side): EventDifference[] {
    const from = this.#historyCompared;
    this.#historyCompared = a.history.length;
    const lines = differences(a.history.slice(from), b.history.slice(from), "history");
    return lines.map((text) => ({ text, onlyTombstonesAtCompaction: false }));
  }

  async #compareWatcher(watcher: Watcher, a: Side, b: Side): Promise<readonly EventDifference[]> {
    const from = this.#compared.get(watcher) ?? firstAt(a.history, watcher.startRevision);
    const atCompaction = watcher.startRevision <= watcher.compactedAtStart;
    const expected = expectedEvents(watcher, a.history.slice(from));
    const certain = atCompaction ? expected.filter((event) => !isAtStart(watcher, event)) : expected;
    this.#compared.set(watcher, a.history.length);
    const told = await Promise.all([a, b].map((side) => eventsTold(side, watcher, certain)));
    const [first = [], second = []] = told;
    if (!atCompaction) return compareAll(watcher, expected, first, second);
    const start = differences(
      first.filter((event) => isAtStart(watcher, event)),
      second.filter((event) => isAtStart(watcher, event)),
      `${name(watcher)} at its compacted start`,
    );
    const rest = compareAll(
      watcher,
      certain,
      first.filter((event) => !isAtStart(watcher, event)),
      second.filter((event) => !isAtStart(watcher, event)),
    );
    const tombstones = [...first, ...second].some((event) => isAtStart(watcher, event) && isDelete(event));
    return [...start.map((text) => ({ text, onlyTombstonesAtCompaction: tombstones })), ...rest];
  }
}

/** The events of a watcher since the last look, once there are as many as `expected`. */
async function eventsTold(
  side: Side,
  watcher: Watcher,
  expected: readonly WatchEvent[],
): Promise<readonly WatchEvent[]> {
  const events = side.session(watcher.stream).events(watcher.watchId);
  const certain = (): readonly WatchEvent[] => events.filter((event) => !isUncertain(watcher, event));
  await waitUntil(() => events.length >= expected.length && certain().length >= expected.length, {
    what: `${expected.length} events of ${name(watcher)} on ${side.version}`,
    timeoutMs: CATCH_UP_TIMEOUT_MS,
    everyMs: 2,
    detail: () => JSON.stringify({ watcher, told: certain().slice(-3), expected: expected.slice(-3) }, printable),
  });
  return events.splice(0);
}

function compareAll(
  watcher: Watcher,
  expected: readonly WatchEvent[],
  first: readonly WatchEvent[],
  second: readonly WatchEvent[],
): readonly EventDifference[] {
  const lines = [
    ...differences(first, second, `${name(watcher)}, first | second`),
    ...differences(expected, first, `${name(watcher)}, history | first`),
    ...differences(expected, second, `${name(watcher)}, history | second`),
  ];
  return lines.map((text) => ({ text, onlyTombstonesAtCompaction: false }));
}

function expectedEvents(watcher: Watcher, history: readonly WatchEvent[]): readonly WatchEvent[] {
  return history
    .filter((event) => Number(event.kv.mod_revision) >= watcher.startRevision && inRange(event.kv.key, watcher.range))
    .filter((event) => !(isDelete(event) ? watcher.noDelete : watcher.noPut))
    .map((event) => (watcher.prevKv ? event : { ...event, prev_kv: null }));
}

/** History is in order of revisions: the first event at or after `revision`. */
function firstAt(history: readonly WatchEvent[], revision: number): number {
  let low = 0;
  let high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Number(history[middle]?.kv.mod_revision) < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isDelete(event: WatchEvent): boolean {
  return event.type === 1 || event.type === "DELETE";
}

function isAtStart(watcher: Watcher, event: WatchEvent): boolean {
  return Number(event.kv.mod_revision) === watcher.startRevision;
}

/** Compaction may have removed what happened at the compacted revision itself. */
function isUncertain(watcher: Watcher, event: WatchEvent): boolean {
  return watcher.startRevision <= watcher.compactedAtStart && isAtStart(watcher, event);
}

function breaches(which: string, side: Side): readonly EventDifference[] {
  return side
    .breaches()
    .map((text) => ({ text: `${which} (${side.version}): ${text}`, onlyTombstonesAtCompaction: false }));
}

function name(watcher: Watcher): string {
  return `watcher ${watcher.watchId} of stream ${watcher.stream} from ${watcher.startRevision}`;
}
