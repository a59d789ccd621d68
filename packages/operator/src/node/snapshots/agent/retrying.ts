/** Waiting and chance, handed in so that tests wait for nothing. */
export interface Pace {
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In `[0, 1)`. */
  random(): number;
}

export interface RetryPolicy {
  readonly attemptsMax: number;
  /** The first pause; it doubles. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
}

/** Half a minute in all at most, before the work as a whole is given up and begun again by its Job. */
export const STORE_RETRIES: RetryPolicy = { attemptsMax: 6, pauseMs: 500, pauseMsMax: 15_000 };

/**
 * Tries until it succeeds, `canRetry` says no, or the attempts are used up; the pauses are drawn between zero and a limit that doubles,
 * so that agents that failed together do not come back together.
 */
export async function retrying<T>(
  act: (attempt: number) => Promise<T>,
  {
    pace,
    policy,
    canRetry,
    signal,
  }: {
    readonly pace: Pace;
    readonly policy: RetryPolicy;
    readonly canRetry: (error: unknown) => boolean;
    readonly signal?: AbortSignal;
  },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act(attempt);
    } catch (error) {
      if (attempt >= policy.attemptsMax || !canRetry(error) || signal?.aborted === true) throw error;
      const limitMs = Math.min(policy.pauseMsMax, policy.pauseMs * 2 ** (attempt - 1));
      await pace.sleep(limitMs * (0.5 + pace.random() / 2), signal);
    }
  }
}
