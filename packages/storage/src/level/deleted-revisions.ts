/** A {@link DeletedRevisions} as values. */
export interface DeletedList {
  readonly plain: Float64Array;
  readonly others: readonly string[];
}

/** A set of revisions. Those with sub 0, which most are, cost no string. */
export class DeletedRevisions {
  readonly #plain = new Set<number>();
  readonly #others = new Set<string>();

  get size(): number {
    return this.#plain.size + this.#others.size;
  }

  add(main: number, sub: number, isTombstone: boolean): void {
    if (sub === 0) this.#plain.add(main * 2 + (isTombstone ? 1 : 0));
    else this.#others.add(`${main}.${sub}${isTombstone ? "t" : ""}`);
  }

  /** What {@link DeletedRevisions.from} makes the same set of, in another thread too. */
  toList(): DeletedList {
    return { plain: Float64Array.from(this.#plain), others: [...this.#others] };
  }

  static from({ plain, others }: DeletedList): DeletedRevisions {
    const set = new DeletedRevisions();
    for (const each of plain) set.#plain.add(each);
    for (const each of others) set.#others.add(each);
    return set;
  }

  has(main: number, sub: number, isTombstone: boolean): boolean {
    if (sub === 0) return this.#plain.size > 0 && this.#plain.has(main * 2 + (isTombstone ? 1 : 0));
    return this.#others.size > 0 && this.#others.has(`${main}.${sub}${isTombstone ? "t" : ""}`);
  }
}

/**
 * The same, of which the state at an instant can be kept at no cost: what was added until then is not touched any more, what
 * comes later goes into a set of its own.
 */
export class DeletionLayers {
  readonly #kept: DeletedRevisions[] = [];
  #open = new DeletedRevisions();

  get size(): number {
    return this.#kept.reduce((sum, layer) => sum + layer.size, this.#open.size);
  }

  add(main: number, sub: number, isTombstone: boolean): void {
    this.#open.add(main, sub, isTombstone);
  }

  has(main: number, sub: number, isTombstone: boolean): boolean {
    if (this.#open.has(main, sub, isTombstone)) return true;
    return this.#kept.length > 0 && this.#kept.some((layer) => layer.has(main, sub, isTombstone));
  }

  /** What is in it now. It never changes. */
  keep(): readonly DeletedRevisions[] {
    if (this.#open.size > 0) {
      this.#kept.push(this.#open);
      this.#open = new DeletedRevisions();
    }
    return [...this.#kept];
  }
}
