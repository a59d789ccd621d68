import type { Change } from "../change.ts";
import type { EventEncoder } from "./event-encoder.ts";
import type { WatchSource } from "./source.ts";

/**
 * The changes of one revision with their encoded events, each made when the first watcher wants it and then shared by
 * all, with the previous value and without.
 */
export class RevisionEvents {
  readonly revision: number;
  readonly changes: readonly Change[];
  /** Roughly the memory this keeps alive, bytes. */
  readonly retainedBytes: number;
  /** By number of the change; made when first needed, since most revisions concern nobody. */
  #plain: Uint8Array[] | undefined = undefined;
  #withPrevious: Uint8Array[] | undefined = undefined;

  constructor(revision: number, changes: readonly Change[]) {
    this.revision = revision;
    this.changes = changes;
    let bytes = 128;
    // Each value counts twice: as stored, and inside its encoded event.
    for (const change of changes) bytes += 128 + change.key.length + 2 * change.kv.length;
    this.retainedBytes = bytes;
  }

  /** The event of change number `index` without the previous value. Shared. */
  plain(index: number, encoder: EventEncoder): Uint8Array {
    if (this.#plain === undefined) this.#plain = [];
    let event = this.#plain[index];
    if (event === undefined) {
      event = encoder.encode(this.changes[index] as Change, undefined);
      this.#plain[index] = event;
    }
    return event;
  }

  /** The event of change number `index` with the previous value, where there is one. Shared. */
  withPrevious(index: number, encoder: EventEncoder, source: WatchSource): Uint8Array {
    if (this.#withPrevious === undefined) this.#withPrevious = [];
    let event = this.#withPrevious[index];
    if (event === undefined) {
      const change = this.changes[index] as Change;
      const previous = change.isCreation ? undefined : source.valueBefore(change.key, this.revision);
      event = previous === undefined ? this.plain(index, encoder) : encoder.encode(change, previous);
      this.#withPrevious[index] = event;
    }
    return event;
  }
}
