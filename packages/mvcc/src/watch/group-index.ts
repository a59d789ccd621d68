import { WatchGroup } from "./group.ts";
import { IntervalTree } from "./interval-tree.ts";
import type { WatchRange } from "./range.ts";

/** Finds the groups that a key concerns: those of the one key in a map, those of ranges in an interval tree. */
export class GroupIndex {
  /** Groups of one key or range differ in their variant, so there are at most eight in a list. */
  readonly #byKey = new Map<string, WatchGroup[]>();
  readonly #byRange = new IntervalTree<WatchGroup[]>();
  readonly #matches: WatchGroup[][] = [];

  /** The group for the range and variant, made when there is none. PERF: O(log n). */
  groupFor(range: WatchRange, variant: number): WatchGroup {
    const groups = this.#groupsOf(range);
    for (const group of groups) if (group.variant === variant) return group;
    const group = new WatchGroup(range, variant);
    groups.push(group);
    return group;
  }

  /** Drops a group that has no member left. PERF: O(log n). */
  drop(group: WatchGroup): void {
    const { begin, end } = group.range;
    const groups = this.#groupsOf(group.range);
    groups.splice(groups.indexOf(group), 1);
    if (groups.length > 0) return;
    if (end === undefined) this.#byKey.delete(begin);
    else this.#byRange.remove(begin, end);
  }

  /** The lists of the groups that `key` concerns. Borrowed: the next call reuses the array. PERF: O(log n + matches). */
  match(key: string): readonly (readonly WatchGroup[])[] {
    const matches = this.#matches;
    matches.length = 0;
    const groups = this.#byKey.get(key);
    if (groups !== undefined) matches.push(groups);
    this.#byRange.stab(key, matches);
    return matches;
  }

  #groupsOf({ begin, end }: WatchRange): WatchGroup[] {
    let groups = end === undefined ? this.#byKey.get(begin) : this.#byRange.get(begin, end);
    if (groups === undefined) {
      groups = [];
      if (end === undefined) this.#byKey.set(begin, groups);
      else this.#byRange.add(begin, end, groups);
    }
    return groups;
  }
}
