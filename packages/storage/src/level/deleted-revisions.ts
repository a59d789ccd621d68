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

  has(main: number, sub: number, isTombstone: boolean): boolean {
    if (sub === 0) return this.#plain.size > 0 && this.#plain.has(main * 2 + (isTombstone ? 1 : 0));
    return this.#others.size > 0 && this.#others.has(`${main}.${sub}${isTombstone ? "t" : ""}`);
  }
}
