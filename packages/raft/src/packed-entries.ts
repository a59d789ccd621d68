import { assert, copyBytes, EMPTY_BYTES, must } from "@quorate/base";

import { type Entry, entrySize } from "./entry.ts";

const SLAB_ENTRIES_MAX = 4096;
const SLAB_BYTES_MAX = 1024 * 1024;

/** Where packed entries go that would take too much memory, and nothing that has to survive. */
export interface SlabStore {
  /** Keeps bytes, borrowed, and returns by what they are found again; undefined where that is not possible now. */
  put(bytes: Uint8Array): number | undefined;
  /** The bytes, the caller's own. Throws when they cannot be read. */
  get(handle: number): Uint8Array;
  /** They are not needed any more. */
  drop(handle: number): void;
}

/** Consecutive entries of one term: their data one behind the other. */
interface Slab {
  readonly firstIndex: number;
  readonly term: number;
  /** Undefined where they are in the store, under `handle`. */
  readonly bytes: Uint8Array | undefined;
  readonly handle: number | undefined;
  /** Where the data of each entry ends in `bytes`, and its type. */
  readonly ends: Uint32Array;
  readonly types: Int32Array;
}

/** How packed entries are kept. */
export interface PackedEntriesConfig {
  /** Default: none, all stays in memory. */
  readonly slabStore?: SlabStore;
}

/**
 * Consecutive entries in little memory: 8 bytes more than their data each, where an object with a view of something received takes
 * several hundred; with a store, 8 bytes. They are made anew, as views, whenever they are asked for.
 */
export class PackedEntries {
  readonly #store: SlabStore | undefined;
  /** Oldest first. */
  #slabs: Slab[] = [];
  /** Where data is put together before the store gets it, again and again. */
  #scratch: Uint8Array = EMPTY_BYTES;
  /** What was read from the store last: readers go on where they were. */
  #read: { readonly slab: Slab; readonly bytes: Uint8Array } | undefined;
  /** Index of the first entry that counts; the first slab may begin before it. */
  #firstIndex = 1;
  #endIndex = 1;

  constructor({ slabStore }: PackedEntriesConfig = {}) {
    this.#store = slabStore;
  }

  /** Index of the first entry. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** One past the index of the last entry. */
  get endIndex(): number {
    return this.#endIndex;
  }

  get isEmpty(): boolean {
    return this.#firstIndex === this.#endIndex;
  }

  /** Copies entries behind those that are here; where there are none, they may begin anywhere. PERF: one copy of the data. */
  push(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (this.isEmpty) {
      this.#firstIndex = first.index;
      this.#endIndex = first.index;
    }
    assert(first.index === this.#endIndex, "packed entries leave no gap", { first: first.index, end: this.#endIndex });
    for (let start = 0; start < entries.length; ) {
      const end = runEnd(entries, start);
      this.#slabs.push(this.#pack(entries, start, end));
      start = end;
    }
    this.#endIndex += entries.length;
  }

  /** Into the store, or memory where there is none or it takes nothing. */
  #pack(entries: readonly Entry[], start: number, end: number): Slab {
    const first = entries[start] as Entry;
    const { ends, types } = shape(entries, start, end);
    const length = ends[ends.length - 1] as number;
    const store = this.#store;
    if (store !== undefined && this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length);
    const bytes = store === undefined ? new Uint8Array(length) : this.#scratch.subarray(0, length);
    for (let i = start, at = 0; i < end; i++) {
      const { data } = entries[i] as Entry;
      bytes.set(data, at);
      at += data.length;
    }
    const handle = store?.put(bytes);
    const own = handle !== undefined ? undefined : store === undefined ? bytes : copyBytes(bytes);
    return { firstIndex: first.index, term: first.term, bytes: own, handle, ends, types };
  }

  /** Forgets the entries up to `index`. */
  dropThrough(index: number): void {
    this.#firstIndex = Math.min(Math.max(this.#firstIndex, index + 1), this.#endIndex);
    const count = this.#slabs.findIndex(({ firstIndex, ends }) => firstIndex + ends.length > this.#firstIndex);
    const dropped = this.#slabs.splice(0, count < 0 ? this.#slabs.length : count);
    for (const { handle } of dropped) if (handle !== undefined) this.#store?.drop(handle);
    if (this.#read !== undefined && dropped.includes(this.#read.slab)) this.#read = undefined;
  }

  /** The term of an entry that is here. */
  term(index: number): number {
    return this.#slabOf(index).term;
  }

  /** Entries from `lo`, which is here, up to `hi` or the last one, at most `maxBytes` but at least one. */
  entries(lo: number, hi: number, maxBytes: number): Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    const end = Math.min(hi, this.#endIndex);
    let at = this.#slabs.indexOf(this.#slabOf(lo));
    for (let index = lo; index < end; index++) {
      let slab = this.#slabs[at] as Slab;
      if (index === slab.firstIndex + slab.ends.length) slab = this.#slabs[++at] as Slab;
      const entry = unpack(slab, this.#bytesOf(slab), index);
      bytes += entrySize(entry);
      if (bytes > maxBytes && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  #bytesOf(slab: Slab): Uint8Array {
    if (slab.bytes !== undefined) return slab.bytes;
    if (this.#read?.slab !== slab) {
      const bytes = must(this.#store, "a store, where something is stored").get(
        must(slab.handle, "a stored slab's handle"),
      );
      this.#read = { slab, bytes };
    }
    return this.#read.bytes;
  }

  #slabOf(index: number): Slab {
    assert(index >= this.#firstIndex && index < this.#endIndex, "a packed entry is here", { index });
    const slabs = this.#slabs;
    let low = 0;
    let high = slabs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((slabs[middle] as Slab).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    return slabs[low] as Slab;
  }
}

/** Where the run that can share a slab and begins at `start` ends. */
function runEnd(entries: readonly Entry[], start: number): number {
  const { term } = entries[start] as Entry;
  const limit = Math.min(entries.length, start + SLAB_ENTRIES_MAX);
  let bytes = 0;
  for (let i = start; i < limit; i++) {
    const entry = entries[i] as Entry;
    bytes += entry.data.length;
    if (entry.term !== term || (bytes > SLAB_BYTES_MAX && i > start)) return i;
  }
  return limit;
}

function shape(
  entries: readonly Entry[],
  start: number,
  end: number,
): { readonly ends: Uint32Array; readonly types: Int32Array } {
  const ends = new Uint32Array(end - start);
  const types = new Int32Array(end - start);
  let used = 0;
  for (let i = start; i < end; i++) {
    const { data, type } = entries[i] as Entry;
    used += data.length;
    ends[i - start] = used;
    types[i - start] = type;
  }
  return { ends, types };
}

function unpack({ ends, firstIndex, term, types }: Slab, bytes: Uint8Array, index: number): Entry {
  const at = index - firstIndex;
  const from = at === 0 ? 0 : (ends[at - 1] as number);
  const to = ends[at] as number;
  const data = from === to ? EMPTY_BYTES : bytes.subarray(from, to);
  return { term, index, type: types[at] as number, data };
}
