import { RequestKind } from "./raft-request.ts";

/** Names of the kinds that are counted, in etcd's spelling; a kind's place here is its slot. */
const NAMES = Object.keys(RequestKind);
/** The slot of a kind by its field number, and one more: 0 is what is not counted. */
const SLOTS = slots();

/** Called for what was applied: how many entries of the kind, with that outcome. */
export type AppliedVisitor = (name: string, succeeded: boolean, count: number) => void;

/**
 * Entries applied since the last look, by kind and outcome. PERF: an entry costs two lookups in flat arrays; the look costs one pass
 * over about sixty numbers, once a batch.
 */
export class AppliedKinds {
  readonly #counts = new Uint32Array((NAMES.length + 1) * 2);

  /** An entry of the kind with this field number was applied. */
  add(kind: number, succeeded: boolean): void {
    const place = ((SLOTS[kind] ?? 0) << 1) | (succeeded ? 1 : 0);
    this.#counts[place] = (this.#counts[place] as number) + 1;
  }

  /** Tells what has come since the last call, and begins anew. */
  take(visit: AppliedVisitor): void {
    const counts = this.#counts;
    for (let place = 2; place < counts.length; place++) {
      const count = counts[place] as number;
      if (count === 0) continue;
      counts[place] = 0;
      visit(NAMES[(place >> 1) - 1] as string, (place & 1) === 1, count);
    }
  }
}

function slots(): Uint8Array {
  const numbers = Object.values(RequestKind);
  const table = new Uint8Array(Math.max(...numbers) + 1);
  for (const [i, number] of numbers.entries()) table[number] = i + 1;
  return table;
}
