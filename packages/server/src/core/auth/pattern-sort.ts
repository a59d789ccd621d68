/** From here on Go splits a list; up to here it inserts one element after the other, which keeps equal ones in order. */
const INSERTION_MAX = 12;
/** Lists as long as this are looked at more closely. */
const LONG = 50;
const REPAIRS_MAX = 5;
/** So many exchanges while a pivot is chosen mean that a list is the wrong way round. */
const PIVOT_SWAPS_MAX = 12;

/**
 * Sorts in place with the pattern-defeating quicksort (Peters, 2021) in the form that Go's `sort.Sort` has had since Go 1.19. It is not
 * stable: the order it leaves equal elements in is an accident, which members of a cluster must have alike.
 */
export function patternSort<T>(items: T[], compare: (a: T, b: T) => number): void {
  const sorter = new PatternSorter(items, compare);
  sorter.sort(0, items.length, bitLength(items.length));
}

function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}

class PatternSorter<T> {
  readonly #items: T[];
  readonly #compare: (a: T, b: T) => number;
  /** Exchanges while a pivot is being chosen. */
  #pivotSwaps = 0;

  constructor(items: T[], compare: (a: T, b: T) => number) {
    this.#items = items;
    this.#compare = compare;
  }

  /** Sorts `[from, to)`; after so many bad splits as `badSplitsMax` it becomes a heap sort. */
  sort(from: number, to: number, badSplitsMax: number): void {
    let [begin, end, badSplitsLeft] = [from, to, badSplitsMax];
    let wasBalanced = true;
    let wasSplitAlready = true;
    for (;;) {
      const length = end - begin;
      if (length <= INSERTION_MAX) return this.#insertionSort(begin, end);
      if (badSplitsLeft === 0) return this.#heapSort(begin, end);
      if (!wasBalanced) {
        this.#breakPatterns(begin, end);
        badSplitsLeft--;
      }
      let pivot = this.#choosePivot(begin, end);
      let looksSorted = this.#pivotSwaps === 0;
      if (this.#pivotSwaps === PIVOT_SWAPS_MAX) {
        this.#reverse(begin, end);
        pivot = end - 1 - (pivot - begin);
        looksSorted = true;
      }
      if (wasBalanced && wasSplitAlready && looksSorted && this.#repair(begin, end)) return;
      if (begin > 0 && !this.#less(begin - 1, pivot)) {
        begin = this.#splitEqual(begin, end, pivot);
        continue;
      }
      const [middle, isSplitAlready] = this.#split(begin, end, pivot);
      wasSplitAlready = isSplitAlready;
      const [left, right] = [middle - begin, end - middle];
      wasBalanced = Math.min(left, right) >= Math.floor(length / 8);
      if (left < right) {
        this.sort(begin, middle, badSplitsLeft);
        begin = middle + 1;
      } else {
        this.sort(middle + 1, end, badSplitsLeft);
        end = middle;
      }
    }
  }

  #less(i: number, j: number): boolean {
    return this.#compare(this.#items[i] as T, this.#items[j] as T) < 0;
  }

  #swap(i: number, j: number): void {
    const items = this.#items;
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }

  #insertionSort(begin: number, end: number): void {
    for (let i = begin + 1; i < end; i++) for (let j = i; j > begin && this.#less(j, j - 1); j--) this.#swap(j, j - 1);
  }

  #heapSort(begin: number, end: number): void {
    const length = end - begin;
    for (let i = Math.floor((length - 1) / 2); i >= 0; i--) this.#siftDown(i, length, begin);
    for (let i = length - 1; i >= 0; i--) {
      this.#swap(begin, begin + i);
      this.#siftDown(0, i, begin);
    }
  }

  #siftDown(top: number, length: number, begin: number): void {
    let root = top;
    for (;;) {
      let child = 2 * root + 1;
      if (child >= length) return;
      if (child + 1 < length && this.#less(begin + child, begin + child + 1)) child++;
      if (!this.#less(begin + root, begin + child)) return;
      this.#swap(begin + root, begin + child);
      root = child;
    }
  }

  /** Scatters a few elements, by a generator that always begins alike. */
  #breakPatterns(begin: number, end: number): void {
    const length = end - begin;
    const mask = (1n << BigInt(bitLength(length))) - 1n;
    let random = BigInt(length);
    const index = begin + Math.floor(length / 4) * 2 - 1;
    for (let i = 0; i < 3; i++) {
      random ^= BigInt.asUintN(64, random << 13n);
      random ^= random >> 7n;
      random ^= BigInt.asUintN(64, random << 17n);
      const other = Number(random & mask);
      this.#swap(index + i, begin + (other >= length ? other - length : other));
    }
  }

  /** Index of an element of about the middle; counts its exchanges in `#pivotSwaps`. */
  #choosePivot(begin: number, end: number): number {
    this.#pivotSwaps = 0;
    const length = end - begin;
    const quarter = Math.floor(length / 4);
    const candidates = [begin + quarter, begin + quarter * 2, begin + quarter * 3];
    const [i = 0, j = 0, k = 0] = length < LONG ? candidates : candidates.map((at) => this.#median(at - 1, at, at + 1));
    return this.#median(i, j, k);
  }

  #median(first: number, second: number, third: number): number {
    let [a, b, c] = [first, second, third];
    if (this.#isSwapped(a, b)) [a, b] = [b, a];
    if (this.#isSwapped(b, c)) [b, c] = [c, b];
    return this.#isSwapped(a, b) ? a : b;
  }

  #isSwapped(a: number, b: number): boolean {
    if (!this.#less(b, a)) return false;
    this.#pivotSwaps++;
    return true;
  }

  #reverse(begin: number, end: number): void {
    for (let i = begin, j = end - 1; i < j; i++, j--) this.#swap(i, j);
  }

  /** Tries to sort what is sorted nearly; true if it is sorted then. */
  #repair(begin: number, end: number): boolean {
    let i = begin + 1;
    for (let step = 0; step < REPAIRS_MAX; step++) {
      while (i < end && !this.#less(i, i - 1)) i++;
      if (i === end) return true;
      if (end - begin < LONG) return false;
      this.#swap(i, i - 1);
      if (i - begin >= 2) for (let j = i - 1; j >= 1 && this.#less(j, j - 1); j--) this.#swap(j, j - 1);
      if (end - i >= 2) for (let j = i + 1; j < end && this.#less(j, j - 1); j++) this.#swap(j, j - 1);
    }
    return false;
  }

  /** What is less than the pivot goes before it, all else behind. Where the pivot is then, and whether nothing had to move. */
  #split(begin: number, end: number, pivot: number): readonly [middle: number, isSplitAlready: boolean] {
    this.#swap(begin, pivot);
    let i = begin + 1;
    let j = end - 1;
    let moved = 0;
    for (;;) {
      while (i <= j && this.#less(i, begin)) i++;
      while (i <= j && !this.#less(j, begin)) j--;
      if (i > j) break;
      this.#swap(i++, j--);
      moved++;
    }
    this.#swap(j, begin);
    return [j, moved === 0];
  }

  /** The same where nothing is less than the pivot: what is equal to it goes to the front. Where the rest begins. */
  #splitEqual(begin: number, end: number, pivot: number): number {
    this.#swap(begin, pivot);
    let i = begin + 1;
    let j = end - 1;
    for (;;) {
      while (i <= j && !this.#less(begin, i)) i++;
      while (i <= j && this.#less(begin, j)) j--;
      if (i > j) return i;
      this.#swap(i++, j--);
    }
  }
}
