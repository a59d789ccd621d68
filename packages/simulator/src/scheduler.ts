/** Something that happens at a moment of simulated time. */
interface Task {
  readonly atUs: number;
  /** Breaks ties: what was scheduled first happens first. */
  readonly sequence: number;
  readonly run: () => void;
}

/** Simulated time, in microseconds from 0, and everything that is going to happen. Nothing else in the simulation has a clock. */
export class Scheduler {
  readonly #heap: Task[] = [];
  #nowUs = 0;
  #sequence = 0;

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Tasks that have not run. */
  get size(): number {
    return this.#heap.length;
  }

  /** Runs `run` after `delayUs`, a whole number of at least 0. */
  after(delayUs: number, run: () => void): void {
    this.#push({ atUs: this.#nowUs + delayUs, sequence: this.#sequence++, run });
  }

  /** Advances to the next task and runs it; false when there is none. */
  step(): boolean {
    const task = this.#pop();
    if (task === undefined) return false;
    this.#nowUs = task.atUs;
    task.run();
    return true;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!precedes(task, heap[parent] as Task)) break;
      heap[at] = heap[parent] as Task;
      at = parent;
    }
    heap[at] = task;
  }

  #pop(): Task | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && precedes(heap[child + 1] as Task, heap[child] as Task)) child++;
      if (!precedes(heap[child] as Task, last)) break;
      heap[at] = heap[child] as Task;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function precedes(a: Task, b: Task): boolean {
  return a.atUs === b.atUs ? a.sequence < b.sequence : a.atUs < b.atUs;
}
