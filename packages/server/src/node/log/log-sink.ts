/** Where encoded lines go. */
export interface LogSink {
  /** Takes one line, newline included. Returns at once; drops and counts the line when the queue is full. */
  write(line: string): void;
  /** Lines lost since the start. */
  readonly droppedLines: number;
  /** Writes what is queued before it returns, as far as that goes within `timeoutMs`; for the last words of a process. */
  flushNow(timeoutMs: number): void;
  /** Resolves when all is written, or after `timeoutMs`; then releases the output. */
  close(timeoutMs: number): Promise<void>;
}

/** The output under a sink. `write` calls back with the bytes taken, or with an error (`EAGAIN`: full, try again later). */
export interface LogOutput {
  write(bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /** Takes what it can without waiting; throws as `fs.writeSync` does. */
  writeNow(bytes: Uint8Array): number;
  close(): void;
}

export interface SinkOptions {
  /** Most characters queued. */
  readonly queueCharsMax: number;
  /** The line that tells of `count` lost lines. */
  readonly droppedLine: (count: number) => string;
  /** Pause before a full output is tried again. */
  readonly retryMs: number;
}

/** 1 MiB of text is thousands of lines: more than a reader that is merely slow falls behind. */
export const DEFAULT_QUEUE_CHARS: number = 1 << 20;

/**
 * A bounded queue before an output that may take its time. At most one write is under way; what arrives meanwhile leaves in
 * the next. Full: new lines are dropped and counted, and a line says how many once there is room. An output that went away
 * (`EPIPE`) loses everything from then on, silently but counted: there is nobody to tell.
 */
export class QueuedSink implements LogSink {
  readonly #output: LogOutput;
  readonly #options: SinkOptions;
  #queue: string[] = [];
  #queuedChars = 0;
  #pending: Uint8Array | undefined;
  #writing = false;
  #retry: NodeJS.Timeout | undefined;
  #broken = false;
  #closed = false;
  #dropped = 0;
  #untold = 0;
  #onDrained: (() => void) | undefined;

  constructor(output: LogOutput, options: SinkOptions) {
    this.#output = output;
    this.#options = options;
  }

  get droppedLines(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#broken || this.#closed || this.#queuedChars + line.length > this.#options.queueCharsMax) {
      this.#drop(1);
      return;
    }
    this.#queue.push(line);
    this.#queuedChars += line.length;
    this.#pump();
  }

  flushNow(timeoutMs: number): void {
    const deadline = performance.now() + timeoutMs;
    // A write under way belongs to libuv; only what waits behind it is ours. It may have stopped inside a line.
    const underWay = this.#writing;
    if (underWay && this.#queue.length > 0) this.#queue.unshift("\n");
    let bytes = underWay ? this.#takeQueue() : (this.#pending ?? this.#takeQueue());
    while (bytes !== undefined && !this.#broken) {
      try {
        bytes = bytes.subarray(this.#output.writeNow(bytes));
        if (bytes.length === 0) bytes = this.#takeQueue();
      } catch (error) {
        if (!isFull(error) || performance.now() >= deadline) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
    if (!underWay) this.#pending = bytes;
    else if (bytes !== undefined) this.#drop(countLines(bytes));
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    if (!this.#idle()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#onDrained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#output.close();
  }

  #pump(): void {
    if (this.#writing || this.#retry !== undefined) return;
    this.#pending ??= this.#takeQueue();
    if (this.#pending === undefined) {
      this.#onDrained?.();
      return;
    }
    this.#writing = true;
    this.#output.write(this.#pending, (error, written) => this.#written(error, written));
  }

  #written(error: NodeJS.ErrnoException | null, written: number): void {
    this.#writing = false;
    if (this.#closed) return;
    if (error === null) {
      const left = (this.#pending ?? new Uint8Array()).subarray(written);
      this.#pending = left.length === 0 ? undefined : left;
    } else if (isFull(error)) {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#pump();
      }, this.#options.retryMs);
      this.#retry.unref();
      return;
    } else {
      this.#fail(error);
    }
    this.#pump();
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#drop(countLines(this.#pending));
    this.#pending = undefined;
    // A full disk may have room later; a reader that left does not come back.
    if (error.code === "ENOSPC" || error.code === "EDQUOT") return;
    this.#broken = true;
    this.#drop(this.#queue.length);
    this.#queue = [];
    this.#queuedChars = 0;
  }

  #takeQueue(): Uint8Array | undefined {
    if (this.#untold > 0 && !this.#broken && this.#queuedChars < this.#options.queueCharsMax / 2) {
      this.#queue.push(this.#options.droppedLine(this.#untold));
      this.#untold = 0;
    }
    if (this.#queue.length === 0) return undefined;
    const bytes = Buffer.from(this.#queue.join(""));
    this.#queue = [];
    this.#queuedChars = 0;
    return bytes;
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untold += lines;
  }

  #idle(): boolean {
    return this.#broken || (!this.#writing && this.#pending === undefined && this.#queue.length === 0);
  }
}

function isFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "EAGAIN" || code === "EINTR";
}

/** An empty line at the start is none. */
function countLines(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return 0;
  return bytes.reduce((lines, byte, i) => lines + (byte === 0x0a && i > 0 ? 1 : 0), 0);
}
