/** What keeps the process alive right now, by kind (sockets, timers, child processes, …), sorted. */
export function openResources(): readonly string[] {
  return process.getActiveResourcesInfo().sort();
}

/**
 * Remembers what was open when it was made; `check()` later returns the kinds of which there are more now, each with the
 * numbers before and after. An empty list means that nothing leaked.
 */
export class LeakCheck {
  readonly #before: ReadonlyMap<string, number>;

  constructor() {
    this.#before = countByKind(openResources());
  }

  check(): readonly string[] {
    const leaks: string[] = [];
    for (const [kind, after] of countByKind(openResources())) {
      const before = this.#before.get(kind) ?? 0;
      if (after > before) leaks.push(`${kind}: ${before} before, ${after} now`);
    }
    return leaks;
  }
}

function countByKind(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
