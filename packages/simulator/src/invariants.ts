import { crc32c, equalBytes } from "@quorate/base";
import type { Bucket } from "@quorate/mvcc";
import type { Entry } from "@quorate/raft";
import type { Process } from "./process.ts";
import { Violation } from "./violation.ts";

/** The state of one in so many applied indexes is hashed. */
const HASH_EVERY = 8;
/** Small buckets whose content depends on the applied entries alone. */
const BUCKETS: readonly Bucket[] = ["alarm", "cluster", "lease", "members", "members_removed"];

interface KnownEntry {
  readonly entry: Entry;
  /** Term of the entry before it; undefined where that was not known. */
  readonly previousTerm: number | undefined;
}

/** What a leader has shown of itself in its term. */
interface Reign {
  readonly process: Process;
  readonly term: number;
  lastIndex: number;
  appendedTo: number;
}

/**
 * The properties of figure 3 of the Raft paper and those of the state machine on top of it. It knows everything that has ever
 * happened, is told of everything that does, and throws {@link Violation} at the step that breaks a property.
 */
export class Invariants {
  readonly #leaderOf = new Map<number, bigint>();
  readonly #reigns = new Map<bigint, Reign>();
  /** Every entry that was ever in a log, by index and term. */
  readonly #entries: Map<number, KnownEntry>[] = [];
  /** By index: the entry that some member has known to be committed, and the lowest term of a member that did. */
  readonly #committed: ({ readonly entry: Entry; term: number } | undefined)[] = [];
  readonly #commitSeen = new Map<Process, number>();
  readonly #applied = new Map<Process, number>();
  readonly #hashes = new Map<number, { readonly hash: string; readonly by: bigint }>();
  elections = 0;
  hashesCompared = 0;
  snapshotsInstalled = 0;
  /** Highest index anybody has known to be committed. */
  committedMax = 0;

  /** A process begins with what it found. */
  started(process: Process): void {
    this.#applied.set(process, process.appliedIndex);
    this.#reigns.delete(process.id);
    // What was replayed has been checked when it was new; what is below the base is in the image.
    this.#compareHash(process);
  }

  /** A process is over. */
  ended(process: Process): void {
    this.#applied.delete(process);
    this.#commitSeen.delete(process);
    this.#reigns.delete(process.id);
  }

  /** Entries become part of a log. */
  appended(process: Process, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#checkReign(process, first, entries.length);
    const before = process.raftLog.term(first.index - 1);
    let previousTerm = typeof before === "number" ? before : undefined;
    for (const entry of entries) {
      this.#checkMatching(entry, previousTerm);
      previousTerm = entry.term;
    }
  }

  /** The state machine has taken an entry. */
  applied(process: Process, entry: Entry): void {
    const known = this.#committed[entry.index];
    if (known !== undefined && !same(known.entry, entry)) {
      throw new Violation("state-machine safety", `member ${process.id} applies another entry at ${entry.index}`);
    }
    this.#remember(entry, process.raft.term);
    this.#noteApplied(process);
    if (entry.index % HASH_EVERY === 0) this.#compareHash(process);
  }

  /** The state machine was replaced by a snapshot. */
  replaced(process: Process): void {
    this.snapshotsInstalled++;
    this.#noteApplied(process);
    this.#compareHash(process);
  }

  /** The state at the applied index is going to be somebody else's. */
  frozen(process: Process): void {
    this.#compareHash(process);
  }

  /** Anything has happened to this process. */
  observe(process: Process): void {
    const { raft } = process;
    raft.checkInvariants();
    // Before that the log has not been shown what raft has taken in.
    if (!raft.hasReady()) this.#noteCommit(process);
    if (raft.role === "leader") this.#observeLeader(process);
    else this.#reigns.delete(process.id);
  }

  /** Compares whole states, as at the end. */
  compareNow(process: Process): void {
    this.#compareHash(process);
  }

  #observeLeader(process: Process): void {
    const { id, raft } = process;
    const { term, lastIndex } = raft;
    const leader = this.#leaderOf.get(term);
    if (leader === undefined) {
      this.#leaderOf.set(term, id);
      this.elections++;
      this.#checkCompleteness(process);
    } else if (leader !== id) {
      throw new Violation("election safety", `members ${leader} and ${id} both lead term ${term}`);
    }
    const reign = this.#reigns.get(id);
    if (reign === undefined || reign.term !== term) {
      this.#reigns.set(id, { process, term, lastIndex, appendedTo: 0 });
      return;
    }
    if (lastIndex < reign.lastIndex) {
      throw new Violation(
        "leader append-only",
        `leader ${id} of term ${term} had ${reign.lastIndex}, has ${lastIndex}`,
      );
    }
    reign.lastIndex = lastIndex;
  }

  /** A leader writes behind what it has written, and only entries of its own term. */
  #checkReign(process: Process, first: Entry, count: number): void {
    const reign = this.#reigns.get(process.id);
    if (reign === undefined || process.raft.role !== "leader" || process.raft.term !== reign.term) return;
    const { appendedTo, term } = reign;
    if (appendedTo > 0 && (first.index !== appendedTo + 1 || first.term !== term)) {
      throw new Violation("leader append-only", `leader ${process.id} writes ${first.index} after ${appendedTo}`);
    }
    reign.appendedTo = first.index + count - 1;
  }

  #checkMatching(entry: Entry, previousTerm: number | undefined): void {
    const { index, term } = entry;
    let byTerm = this.#entries[index];
    if (byTerm === undefined) {
      byTerm = new Map();
      this.#entries[index] = byTerm;
    }
    const known = byTerm.get(term);
    if (known === undefined) {
      byTerm.set(term, { entry, previousTerm });
      return;
    }
    if (!same(known.entry, entry)) throw new Violation("log matching", `two entries ${index} of term ${term}`);
    if (known.previousTerm === undefined || previousTerm === undefined || known.previousTerm === previousTerm) return;
    throw new Violation(
      "log matching",
      `before entry ${index} of term ${term} are terms ${known.previousTerm} and ${previousTerm}`,
    );
  }

  /** A new leader has everything that was ever known to be committed. */
  #checkCompleteness(process: Process): void {
    const { id, raft, raftLog } = process;
    for (let index = Math.max(1, raftLog.firstIndex()); index <= this.committedMax; index++) {
      const committed = this.#committed[index];
      // What was committed in its own term, or a later one that it does not know of yet, need not be there.
      if (committed === undefined || committed.term >= raft.term) continue;
      const term = index > raft.lastIndex ? "nothing" : raftLog.term(index);
      if (term === committed.entry.term) continue;
      throw new Violation(
        "leader completeness",
        `${id} leads term ${raft.term} with ${term} at ${index}, where term ${committed.entry.term} was committed`,
      );
    }
  }

  /** Once committed, always the same: nobody may ever know another entry to be committed there. */
  #noteCommit(process: Process): void {
    const { raft, raftLog } = process;
    const from = this.#commitSeen.get(process) ?? process.appliedIndex;
    if (raft.committed <= from) return;
    for (let index = Math.max(from + 1, raftLog.firstIndex()); index <= raft.committed; index++) {
      if (index > raftLog.lastIndex()) return;
      const term = raftLog.term(index);
      const entry = typeof term === "number" ? this.#entries[index]?.get(term)?.entry : undefined;
      if (entry === undefined) return;
      const known = this.#committed[index];
      if (known !== undefined && known.entry.term !== term) {
        const message = `${process.id} commits term ${term} at ${index}, ${known.entry.term} was committed`;
        throw new Violation("commit stability", message);
      }
      this.#remember(entry, raft.term);
      this.#commitSeen.set(process, index);
    }
  }

  #remember(entry: Entry, term: number): void {
    const known = this.#committed[entry.index];
    if (known === undefined) this.#committed[entry.index] = { entry, term };
    else if (term < known.term) known.term = term;
    this.committedMax = Math.max(this.committedMax, entry.index);
  }

  #noteApplied(process: Process): void {
    const before = this.#applied.get(process) ?? 0;
    if (process.appliedIndex <= before) {
      throw new Violation("applied index monotonic", `${process.id} goes from ${before} to ${process.appliedIndex}`);
    }
    this.#applied.set(process, process.appliedIndex);
  }

  #compareHash(process: Process): void {
    const { appliedIndex, id } = process;
    if (appliedIndex === 0) return;
    const hash = hashOf(process);
    const known = this.#hashes.get(appliedIndex);
    if (known === undefined) this.#hashes.set(appliedIndex, { hash, by: id });
    else if (known.hash !== hash) {
      throw new Violation("equal hashes", `at ${appliedIndex} member ${id} has ${hash}, ${known.by} had ${known.hash}`);
    } else this.hashesCompared++;
  }
}

/** HashKV, the revision, and a checksum over the other buckets. */
function hashOf(process: Process): string {
  const { backend, store } = process;
  let hashKv: string | undefined;
  store.hashKv(0, (error, result) => {
    hashKv = error ?? `${result?.hash}/${result?.compactRevision}`;
  });
  if (hashKv === undefined) backend.runScans();
  let crc = 0;
  for (const bucket of BUCKETS) {
    for (const { key, value } of backend.list(bucket)) crc = crc32c(crc32c(crc, key), value);
  }
  return `${hashKv}@${store.revision}+${crc}`;
}

function same(a: Entry, b: Entry): boolean {
  return a === b || (a.term === b.term && a.type === b.type && equalBytes(a.data, b.data));
}
