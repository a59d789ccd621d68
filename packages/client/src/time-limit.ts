import { onAbort } from "./abort-listener.ts";
import { timerMs } from "./client-options.ts";
import { abortedError, EtcdError } from "./etcd-error.ts";
import { GrpcStatus } from "./grpc-status.ts";

/** How long something may take: until a moment, or until its caller no longer wants it. */
export class TimeLimit {
  /** In milliseconds since 1970; infinite for none. */
  readonly atMs: number;
  readonly signal: AbortSignal | undefined;

  /** `forMs` from now on. */
  constructor(forMs: number, signal?: AbortSignal) {
    this.atMs = forMs === Number.POSITIVE_INFINITY ? forMs : Date.now() + timerMs(forMs);
    this.signal = signal;
  }

  /** What is left, never negative. */
  get leftMs(): number {
    return Math.max(0, this.atMs - Date.now());
  }

  /** The same limit, or one that ends in `ms` if that is sooner. */
  within(ms: number): TimeLimit {
    return ms >= this.leftMs ? this : new TimeLimit(ms, this.signal);
  }

  /** What `wanted` comes to, if that is in time; rejects with `aborted` or `deadlineExceeded` otherwise, and leaves it to itself. */
  async race<T>(wanted: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let stopListening = (): void => {};
    // What comes too late is nobody's error.
    wanted.catch(() => {});
    const over = new Promise<never>((_resolve, reject) => {
      const { signal } = this;
      stopListening = onAbort(signal, () => reject(abortedError(signal as AbortSignal)));
      if (Number.isFinite(this.atMs)) timer = setTimeout(() => reject(deadlineError()), this.leftMs);
    });
    try {
      this.check();
      return await Promise.race([wanted, over]);
    } finally {
      clearTimeout(timer);
      stopListening();
    }
  }

  /** Throws `aborted` or `deadlineExceeded` if it is over. */
  check(): void {
    if (this.signal?.aborted === true) throw abortedError(this.signal);
    if (this.leftMs === 0) throw deadlineError();
  }
}

/** The error for a deadline that passed before anything was sent. */
export function deadlineError(): EtcdError {
  return new EtcdError({
    code: "deadlineExceeded",
    grpcCode: GrpcStatus.DEADLINE_EXCEEDED,
    message: "context deadline exceeded",
  });
}
