import type * as grpc from "@grpc/grpc-js";
import { withTimeout } from "@quorate/testkit";
import type { Refusal } from "./etcd-client.ts";

const WAIT_MS = 10_000;

/** A streaming call: its messages one after the other, and how it ended. */
export class MessageStream {
  readonly #call: grpc.ClientReadableStream<Buffer> | grpc.ClientDuplexStream<Buffer, Buffer>;
  readonly #writable: grpc.ClientDuplexStream<Buffer, Buffer> | undefined;
  readonly #messages: Buffer[] = [];
  readonly #ended: Promise<Refusal>;
  #wake: (() => void) | undefined;

  constructor(
    call: grpc.ClientReadableStream<Buffer> | grpc.ClientDuplexStream<Buffer, Buffer>,
    writable: grpc.ClientDuplexStream<Buffer, Buffer> | undefined,
  ) {
    this.#call = call;
    this.#writable = writable;
    call.on("data", (message: Buffer) => {
      this.#messages.push(message);
      this.#wake?.();
    });
    call.on("error", () => {});
    // The status of a call that ended well may come before its last messages have been delivered.
    const delivered = new Promise<void>((resolve) => {
      call.on("end", resolve);
    });
    this.#ended = new Promise((resolve) => {
      call.on("status", ({ code, details }: grpc.StatusObject) => {
        if (code === 0) void delivered.then(() => resolve({ code, details }));
        else resolve({ code, details });
      });
    });
  }

  send(message: Uint8Array): void {
    this.#writable?.write(Buffer.from(message));
  }

  halfClose(): void {
    this.#writable?.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Stops taking messages off the connection: flow control holds the server up. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** The next message; rejects when none comes in time. */
  async next(): Promise<Buffer> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      const arrived = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await withTimeout(arrived, { what: "a message on a stream", timeoutMs: WAIT_MS });
    }
  }

  /** Messages that have come and were not taken. */
  get waiting(): number {
    return this.#messages.length;
  }

  /** How the call ended; rejects when it does not in time. */
  ended(): Promise<Refusal> {
    return withTimeout(this.#ended, { what: "the end of a stream", timeoutMs: WAIT_MS });
  }
}
