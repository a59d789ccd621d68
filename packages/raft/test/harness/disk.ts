import { type Entry, type HardState, MemoryLogStorage, NO_LIMIT, type Ready, type Snapshot } from "@quorate/raft";

/** What survives a crash: a second log that is written when the write of a Ready is done, and not before. */
export class Disk {
  #durable = new MemoryLogStorage();

  /** The write of the Ready has reached the platter. */
  write(ready: Ready): void {
    put(this.#durable, ready);
  }

  /** The machine's state at the snapshot is durable too, and the log before `compactTo` is given up. */
  saveSnapshot(snapshot: Snapshot, compactTo: number): void {
    this.#durable.createSnapshot(snapshot.index, snapshot.confState, snapshot.data);
    this.#durable.compact(compactTo);
  }

  /** The disk of a member that has been here before. */
  static after(snapshot: Snapshot, entries: readonly Entry[] = []): Disk {
    const disk = new Disk();
    disk.#durable.applySnapshot(snapshot);
    disk.#durable.append(entries);
    const term = entries[entries.length - 1]?.term ?? snapshot.term;
    disk.#durable.setHardState({ term, vote: 0n, commit: snapshot.index });
    return disk;
  }

  get lastIndex(): number {
    return this.#durable.lastIndex();
  }

  /** The log as it is found after a crash. */
  recover(): MemoryLogStorage {
    const found = copy(this.#durable);
    this.#durable = copy(found);
    return found;
  }
}

/** Makes a Ready part of a log in memory, in the order its contract states. */
export function put(storage: MemoryLogStorage, ready: Ready): void {
  if (ready.snapshot !== undefined) storage.applySnapshot(ready.snapshot);
  storage.append(ready.entries);
  if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
}

function copy(from: MemoryLogStorage): MemoryLogStorage {
  const to = new MemoryLogStorage();
  const snapshot = from.snapshot();
  const first = from.firstIndex();
  if (snapshot !== "unavailable" && snapshot.index > 0) {
    const base = first - 1;
    const term = from.term(base);
    if (base > 0 && base < snapshot.index && typeof term === "number") {
      to.applySnapshot({ ...snapshot, index: base, term });
    } else if (base >= snapshot.index) to.applySnapshot(snapshot);
  }
  const last = from.lastIndex();
  if (last >= first) to.append(from.entries(first, last + 1, NO_LIMIT) as readonly Entry[]);
  if (snapshot !== "unavailable" && snapshot.index > 0) {
    to.createSnapshot(snapshot.index, snapshot.confState, snapshot.data);
  }
  const hardState: HardState = from.initialState().hardState;
  // A commit index that was written without its entries having survived says no more than that.
  to.setHardState(hardState.commit > to.lastIndex() ? { ...hardState, commit: to.lastIndex() } : hardState);
  return to;
}
