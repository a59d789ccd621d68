import { EMPTY_BYTES, type Prng } from "@quorate/base";
import {
  type ConfState,
  type Entry,
  EntryType,
  type MemoryLogStorage,
  parseConfig,
  type RaftConfigInput,
  RawNode,
  type Ready,
  type TraceSink,
} from "@quorate/raft";

import { decodeChange, encodeChange } from "./change-text.ts";
import { Disk, put } from "./disk.ts";

export interface MemberOptions {
  readonly config: RaftConfigInput;
  readonly prng: Prng;
  readonly trace?: TraceSink;
  /** What it finds; empty by default. */
  readonly disk?: Disk;
  /** Called for every entry the state machine applies. */
  readonly onApply?: (entry: Entry) => void;
}

/** One member with its host: a disk that writes later than it is told to, and a state machine that is its index. */
export class Member {
  readonly id: bigint;
  readonly #options: MemberOptions;
  readonly disk: Disk;
  storage!: MemoryLogStorage;
  node!: RawNode;
  /** Writes that the disk has been told of and has not done. */
  inFlight: Ready[] = [];
  appliedIndex = 0;
  #confState!: ConfState;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.id = options.config.id;
    this.disk = options.disk ?? new Disk();
    this.restart();
  }

  /** Everything in memory is gone; the disk does the first `kept` of the writes in flight, and no more. */
  crash(kept = 0): void {
    for (const ready of this.inFlight.slice(0, kept)) this.disk.write(ready);
    this.restart();
  }

  restart(): void {
    this.inFlight = [];
    this.storage = this.disk.recover();
    const snapshot = this.storage.snapshot();
    this.appliedIndex = snapshot === "unavailable" ? 0 : snapshot.index;
    this.#confState = this.storage.initialState().confState;
    const parsed = parseConfig({ ...this.#options.config, applied: this.appliedIndex });
    if (!parsed.ok) throw new Error(parsed.errors.join("; "));
    const { prng, trace } = this.#options;
    const storage = this.storage;
    this.node = new RawNode(parsed.config, trace === undefined ? { storage, prng } : { storage, prng, trace });
  }

  /** Founds the cluster, durably: a founder that lost this would be admitted again, entry by entry, as if it were alone. */
  bootstrap(ids: readonly bigint[]): void {
    this.node.bootstrap(ids.map((id) => ({ id, data: encodeChange(`v${id}`) })));
    while (this.node.hasReady()) {
      this.takeReady();
      this.persist();
    }
  }

  /** Takes a Ready: shows it to the log, tells the disk, applies what is committed. The caller sends the messages. */
  takeReady(): Ready {
    const ready = this.node.ready();
    put(this.storage, ready);
    if (ready.snapshot !== undefined) {
      this.appliedIndex = ready.snapshot.index;
      this.#confState = ready.snapshot.confState;
    }
    if (ready.entries.length > 0 || ready.hardState !== undefined || ready.snapshot !== undefined) {
      this.inFlight.push(ready);
    }
    for (const entry of ready.committedEntries) this.#apply(entry);
    const last = ready.committedEntries[ready.committedEntries.length - 1];
    if (last !== undefined) this.node.appliedTo(last.index);
    // A newcomer accepts only a snapshot that knows of him.
    const reconfigured = ready.committedEntries.some((entry) => entry.type !== EntryType.Normal);
    if (reconfigured && this.storage.firstIndex() > 1) this.snapshot(this.appliedIndex - this.storage.firstIndex() + 1);
    return ready;
  }

  /** The disk does the oldest `count` writes in flight and reports them. */
  persist(count: number = this.inFlight.length): void {
    for (const ready of this.inFlight.splice(0, count)) {
      this.disk.write(ready);
      this.node.onPersisted(ready);
    }
  }

  /** Makes a snapshot of what is applied and forgets the log up to `keep` entries before it. */
  snapshot(keep: number): void {
    if (this.appliedIndex === 0 || this.appliedIndex > this.disk.lastIndex) return;
    const snapshot = this.storage.createSnapshot(this.appliedIndex, this.#confState, EMPTY_BYTES);
    if (typeof snapshot === "string") return;
    const compactTo = Math.max(0, this.appliedIndex - keep);
    this.storage.compact(compactTo);
    this.disk.saveSnapshot(snapshot, compactTo);
  }

  #apply(entry: Entry): void {
    if (entry.index !== this.appliedIndex + 1) {
      throw new Error(`member ${this.id} applies ${entry.index} after ${this.appliedIndex}`);
    }
    this.appliedIndex = entry.index;
    if (entry.type !== EntryType.Normal) this.#confState = this.node.applyConfChange(decodeChange(entry.data));
    this.#options.onApply?.(entry);
  }
}
