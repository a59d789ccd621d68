/**
 * The end of a turn of the event loop, in one place for the whole process, so that everything that happened in the turn
 * leaves together. Once a turn, after all sockets that had something were read (Node's check phase), this order holds:
 *
 * 1. connections that had used up their frames of an earlier turn go on reading;
 * 2. the tasks given to {@link endOfTurn} run, in the order given; a task given by a task runs in the same turn;
 * 3. every connection with something to say writes it, in one write.
 *
 * So a replica that collects requests while sockets are read and handles them in its task answers in the same turn, and
 * all its answers to one connection are one system call.
 */

/** A connection, as the end of the turn sees it. */
export interface TurnMember {
  /** Goes on with input that was left over from an earlier turn. */
  resumeTurn(): void;
  /** Writes what is waiting. Neither method may throw. */
  flushTurn(): void;
}

/** Tasks given by tasks run in the same turn up to this many rounds; then sockets get their turn first. */
const ROUNDS_MAX = 16;

let scheduled = false;
let resumes: TurnMember[] = [];
let tasks: (() => void)[] = [];
let flushes: TurnMember[] = [];

/**
 * Runs `task` once at the end of this turn, before connections write. Ask again for the next turn; keep one bound function
 * rather than making a closure each time. What a task throws is not caught, but the rest of the turn is made up for.
 */
export function endOfTurn(task: () => void): void {
  tasks.push(task);
  if (!scheduled) schedule();
}

/** Has `member` write at the end of this turn. Callers remember that they have asked. */
export function flushAtEndOfTurn(member: TurnMember): void {
  flushes.push(member);
  if (!scheduled) schedule();
}

/** Has `member` go on reading in the next turn. Callers remember that they have asked. */
export function resumeNextTurn(member: TurnMember): void {
  resumes.push(member);
  if (!scheduled) schedule();
}

function schedule(): void {
  scheduled = true;
  setImmediate(runTurn);
}

function runTurn(): void {
  scheduled = false;
  try {
    const resuming = resumes;
    resumes = [];
    for (const member of resuming) member.resumeTurn();
    runTasks();
    const flushing = flushes;
    flushes = [];
    for (const member of flushing) member.flushTurn();
  } finally {
    if (!scheduled && (resumes.length > 0 || tasks.length > 0 || flushes.length > 0)) schedule();
  }
}

function runTasks(): void {
  for (let round = 0; round < ROUNDS_MAX && tasks.length > 0; round++) {
    const running = tasks;
    tasks = [];
    let done = 0;
    try {
      while (done < running.length) (running[done++] as () => void)();
    } finally {
      if (done < running.length) tasks = running.slice(done).concat(tasks);
    }
  }
}
