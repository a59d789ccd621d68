import type { LogOutput } from "../../src/node/log/log-sink.ts";

type Done = Parameters<LogOutput["write"]>[1];

/** An output whose writes the test finishes by hand. */
export class FakeOutput implements LogOutput {
  text = "";
  closed = false;
  /** Bytes taken by a synchronous write; 0: full. */
  takesNow: number = Number.POSITIVE_INFINITY;
  #pending: { readonly bytes: Uint8Array; readonly done: Done } | undefined;

  get busy(): boolean {
    return this.#pending !== undefined;
  }

  write(bytes: Uint8Array, done: Done): void {
    this.#pending = { bytes, done };
  }

  /** Finishes the write under way: `count` bytes of it, all by default. */
  take(count?: number): void {
    const { bytes, done } = this.#take();
    const taken = bytes.subarray(0, count ?? bytes.length);
    this.text += Buffer.from(taken).toString();
    done(null, taken.length);
  }

  fail(code: string): void {
    this.#take().done(Object.assign(new Error(code), { code }), 0);
  }

  writeNow(bytes: Uint8Array): number {
    if (this.takesNow === 0) throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
    const taken = bytes.subarray(0, this.takesNow);
    this.text += Buffer.from(taken).toString();
    return taken.length;
  }

  close(): void {
    this.closed = true;
  }

  #take(): { readonly bytes: Uint8Array; readonly done: Done } {
    const pending = this.#pending;
    if (pending === undefined) throw new Error("nothing is being written");
    this.#pending = undefined;
    return pending;
  }
}
