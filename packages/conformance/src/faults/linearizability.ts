import { must } from "@quorate/base";
import { ABSENT, applyToKey, stateKey } from "./key-model.ts";
import { describeOperation, type KeyState, type Operation } from "./operation.ts";

/** What the check of one key came to. `unknown`: the search was given up at its bound, which is no proof of anything. */
export type Verdict = "linearizable" | "violation" | "unknown";

export interface KeyVerdict {
  readonly key: string;
  readonly verdict: Verdict;
  readonly operations: number;
  /** Steps of the search. */
  readonly steps: number;
  /** For a violation: the calls around the first one that no order explains, oldest first. */
  readonly evidence: readonly string[];
}

/** Bound of the search of one key, in tried steps; a step takes about a microsecond. */
export const STEPS_MAX = 5_000_000;
/** Bound of the remembered configurations of one key; each takes about 100 bytes. */
const REMEMBERED_MAX = 1_000_000;
const EVIDENCE_MAX = 12;

/**
 * Checks a history key by key: linearizability is a local property (Herlihy and Wing 1990, theorem 1), so that a history is
 * linearizable exactly when the calls on each key are. Returns one verdict a key.
 */
export function checkLinearizability(
  operations: readonly Operation[],
  stepsMax: number = STEPS_MAX,
): readonly KeyVerdict[] {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = byKey.get(operation.key);
    if (list === undefined) byKey.set(operation.key, [operation]);
    else list.push(operation);
  }
  return [...byKey].map(([key, list]) => ({ key, ...new KeySearch(list, stepsMax).run() }));
}

/**
 * The call or the return of an operation, a node in a doubly linked list in order of time. Lifting takes a call and its
 * return out of the list and leaves their own links as they were, so that putting them back in reverse order is exact.
 */
class Node {
  readonly operation: Operation;
  readonly index: number;
  readonly time: number;
  /** For a call: its return. */
  readonly end: Node | undefined;
  previous: Node | undefined;
  next: Node | undefined;

  constructor(operation: Operation, index: number, time: number, end: Node | undefined) {
    this.operation = operation;
    this.index = index;
    this.time = time;
    this.end = end;
  }

  unlink(): void {
    must(this.previous, "the head of the list is never taken out").next = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
  }

  relink(): void {
    must(this.previous, "the head of the list is never taken out").next = this;
    if (this.next !== undefined) this.next.previous = this;
  }
}

interface Frame {
  readonly call: Node;
  readonly before: KeyState | undefined;
  /** A step that changes nothing need not be undone alone: no other order does better than taking it at once. */
  readonly forced: boolean;
}

/**
 * The search of Wing and Gong (1993) with Lowe's memory of configurations (2017): depth first over the orders that respect
 * real time; a pair (set of operations taken, state) is entered only once. Calls that change nothing and fit the state are
 * taken at once and never tried elsewhere: moving such a call to the front of an order that is right keeps it right.
 */
class KeySearch {
  readonly #head: Node;
  readonly #taken: Uint32Array;
  readonly #frames: Frame[] = [];
  readonly #remembered = new Set<string>();
  readonly #stepsMax: number;
  readonly #count: number;
  /** Operations with a known outcome not yet taken; the others may stay out for ever. */
  #knownLeft: number;
  #state: KeyState | undefined = ABSENT;
  #steps = 0;
  #deepest = -1;
  #deepestOrder: readonly Operation[] = [];
  #deepestOpen: readonly Operation[] = [];
  #deepestState: KeyState | undefined = ABSENT;

  constructor(operations: readonly Operation[], stepsMax: number) {
    this.#stepsMax = stepsMax;
    this.#count = operations.length;
    this.#knownLeft = operations.filter((operation) => operation.output !== undefined).length;
    this.#taken = new Uint32Array((operations.length + 31) >>> 5);
    this.#head = linked(operations);
  }

  run(): Omit<KeyVerdict, "key"> {
    const verdict = this.#search();
    const evidence = verdict === "violation" ? this.#evidence() : [];
    return { verdict, operations: this.#count, steps: this.#steps, evidence };
  }

  #search(): Verdict {
    // Calls without an answer come second at every point: most of them never took effect, and trying them first would try
    // all their subsets.
    let candidate = this.#next(this.#head, true);
    while (this.#knownLeft > 0) {
      if (++this.#steps > this.#stepsMax || this.#remembered.size > REMEMBERED_MAX) return "unknown";
      if (candidate !== undefined) {
        candidate = this.#take(candidate) ? this.#next(this.#head, true) : this.#following(candidate);
        continue;
      }
      // Every order that begins like this one has been tried: it has to be given up at its last choice.
      this.#noteStuck();
      const undone = this.#undo();
      if (undone === undefined) return "violation";
      candidate = this.#following(undone);
    }
    return "linearizable";
  }

  /** What to try after a call: the answered ones in order, then the others. Undefined after the last. */
  #following(call: Node): Node | undefined {
    const answered = call.operation.output !== undefined;
    return this.#next(call, answered) ?? (answered ? this.#next(this.#head, false) : undefined);
  }

  /** The next call after `from` that is answered or not, before the first return. */
  #next(from: Node, answered: boolean): Node | undefined {
    let node = from.next;
    while (node?.end !== undefined && (node.operation.output !== undefined) !== answered) node = node.next;
    if (node?.end !== undefined) return node;
    return from === this.#head && answered ? this.#next(this.#head, false) : undefined;
  }

  /** Takes an operation as the next one in the order, if it is possible and leads to something new. */
  #take(call: Node): boolean {
    const { input, output } = call.operation;
    const { possible, next } = applyToKey(this.#state, input, output);
    if (!possible) return false;
    const changes = stateKey(next) !== stateKey(this.#state);
    // An unknown call that would change nothing is as good as one that never took effect.
    if (!changes && output === undefined) return false;
    this.#mark(call.index, true);
    if (changes && !this.#isNew(next)) {
      this.#mark(call.index, false);
      return false;
    }
    this.#frames.push({ call, before: this.#state, forced: !changes });
    this.#state = next;
    if (output !== undefined) this.#knownLeft -= 1;
    call.unlink();
    call.end?.unlink();
    return true;
  }

  /** Takes back the last choice and all that was forced after it; returns its call, or undefined when no choice is left. */
  #undo(): Node | undefined {
    for (;;) {
      const frame = this.#frames.pop();
      if (frame === undefined) return undefined;
      const { call } = frame;
      call.end?.relink();
      call.relink();
      this.#state = frame.before;
      this.#mark(call.index, false);
      if (call.operation.output !== undefined) this.#knownLeft += 1;
      if (!frame.forced) return call;
    }
  }

  #isNew(state: KeyState | undefined): boolean {
    const configuration = `${String.fromCharCode(...new Uint16Array(this.#taken.buffer))} ${stateKey(state)}`;
    if (this.#remembered.has(configuration)) return false;
    this.#remembered.add(configuration);
    return true;
  }

  #mark(index: number, taken: boolean): void {
    const word = this.#taken[index >>> 5] ?? 0;
    const bit = 1 << (index & 31);
    this.#taken[index >>> 5] = taken ? word | bit : word & ~bit;
  }

  #noteStuck(): void {
    if (this.#frames.length <= this.#deepest) return;
    this.#deepest = this.#frames.length;
    this.#deepestOrder = this.#frames.slice(-EVIDENCE_MAX / 2).map(({ call }) => call.operation);
    this.#deepestState = this.#state;
    this.#deepestOpen = this.#openCalls();
  }

  /** The calls that could come next: those before the first return. */
  #openCalls(): readonly Operation[] {
    const open: Operation[] = [];
    for (let node = this.#head.next; node?.end !== undefined && open.length < EVIDENCE_MAX; node = node.next) {
      open.push(node.operation);
    }
    return open;
  }

  #evidence(): readonly string[] {
    return [
      ...this.#deepestOrder.map((operation) => `taken ${describeOperation(operation)}`),
      `state ${JSON.stringify(this.#deepestState ?? "absent")}`,
      ...this.#deepestOpen.map((operation) => `open  ${describeOperation(operation)}`),
    ];
  }
}

/** Calls and returns in order of time; at equal times calls come first, so that such operations overlap. */
function linked(operations: readonly Operation[]): Node {
  const nodes: Node[] = [];
  for (const [index, operation] of operations.entries()) {
    const end = new Node(operation, index, operation.returned, undefined);
    nodes.push(new Node(operation, index, operation.called, end), end);
  }
  nodes.sort((a, b) =>
    a.time === b.time ? Number(a.end === undefined) - Number(b.end === undefined) : a.time - b.time,
  );
  const head = new Node({} as Operation, -1, Number.NEGATIVE_INFINITY, undefined);
  let last = head;
  for (const node of nodes) {
    node.previous = last;
    last.next = node;
    last = node;
  }
  return head;
}
