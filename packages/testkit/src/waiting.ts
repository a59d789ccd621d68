import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, named in the error. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Pause between two looks; default 10 ms. */
  readonly everyMs?: number;
  /** Text added to the error when time is up, such as the tail of a log. */
  readonly detail?: () => string;
}

/** Looks at `condition` until it is true. Rejects, naming what was waited for, when `timeoutMs` is over. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, options: WaitOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw timedOut(options);
    await sleep(options.everyMs ?? 10);
  }
}

/** The promise's value, or a rejection naming `what` when it has not settled within `timeoutMs`. */
export async function withTimeout<T>(promise: Promise<T>, options: WaitOptions): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut(options)), options.timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(options: WaitOptions): Error {
  const detail = options.detail?.();
  return new Error(
    `waited ${options.timeoutMs} ms in vain for ${options.what}${detail === undefined ? "" : `\n${detail}`}`,
  );
}
