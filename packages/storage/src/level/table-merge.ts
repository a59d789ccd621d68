import { compareBytes } from "@quorate/base";
import { StorageError } from "../storage-error.ts";
import { ENGINE_REMEDY } from "./level-engine.ts";
import { TableCursor, type TableFile } from "./table-cursor.ts";

/** A table to be merged with others. */
export interface MergedTable {
  readonly file: TableFile;
  /** For messages. */
  readonly path: string;
  /** Its first key. */
  readonly smallest: Uint8Array;
}

/**
 * The newest entries of all keys in some tables, in the order of the keys. Tables are opened when their first key is near, so few
 * are open at a time: what is only appended to lies in tables that hardly overlap.
 */
export class TableMerge {
  readonly #isVerified: boolean;
  /** Not opened yet, by their first key. */
  readonly #waiting: MergedTable[];
  /** Each at an entry. */
  readonly #open: TableCursor[] = [];
  #current: TableCursor | undefined;
  #lastKey: Uint8Array = new Uint8Array(32);
  #lastLength = -1;

  /** `isVerified`: see {@link TableCursor}. */
  constructor(tables: readonly MergedTable[], isVerified = true) {
    this.#isVerified = isVerified;
    this.#waiting = [...tables].sort((a, b) => compareBytes(a.smallest, b.smallest)).reverse();
  }

  /** Goes to the next entry and returns its cursor, to be read and not moved; undefined at the end. Throws StorageError `damaged`. */
  next(): TableCursor | undefined {
    for (;;) {
      this.#advance();
      const cursor = this.#lowest();
      this.#current = cursor;
      if (cursor === undefined) return undefined;
      // Older entries of a key come behind the newest.
      if (this.#isLast(cursor.key)) continue;
      this.#remember(cursor.key);
      return cursor;
    }
  }

  #advance(): void {
    const cursor = this.#current;
    if (cursor === undefined || cursor.next()) return;
    this.#open.splice(this.#open.indexOf(cursor), 1);
  }

  #lowest(): TableCursor | undefined {
    let lowest = this.#lowestOpen();
    for (;;) {
      const waiting = this.#waiting[this.#waiting.length - 1];
      if (waiting === undefined || (lowest !== undefined && compareBytes(lowest.key, waiting.smallest) < 0))
        return lowest;
      this.#waiting.pop();
      const cursor = new TableCursor(waiting.file, (offset) => damagedTable(waiting.path, offset), this.#isVerified);
      if (!cursor.next()) continue;
      this.#open.push(cursor);
      lowest = this.#lowestOpen();
    }
  }

  /** PERF: linear in the tables that overlap here. */
  #lowestOpen(): TableCursor | undefined {
    const open = this.#open;
    let lowest = open[0];
    for (let i = 1; i < open.length; i++) {
      const other = open[i] as TableCursor;
      const order = compareBytes(other.key, (lowest as TableCursor).key);
      if (order < 0 || (order === 0 && other.sequence > (lowest as TableCursor).sequence)) lowest = other;
    }
    return lowest;
  }

  #isLast(key: Uint8Array): boolean {
    if (key.length !== this.#lastLength) return false;
    for (let i = key.length - 1; i >= 0; i--) if (key[i] !== this.#lastKey[i]) return false;
    return true;
  }

  #remember(key: Uint8Array): void {
    if (key.length > this.#lastKey.length) this.#lastKey = new Uint8Array(2 * key.length);
    this.#lastKey.set(key);
    this.#lastLength = key.length;
  }
}

function damagedTable(path: string, offset: number): StorageError {
  return new StorageError("damaged", "damaged table of the engine", { file: path, offset, remedy: ENGINE_REMEDY });
}
