import type { ClientDuplexStream } from "@grpc/grpc-js";
import { withTimeout } from "@quorate/testkit";
import type { EtcdApi, Message } from "../etcd-api.ts";

/** One LeaseKeepAlive stream of one server, used in lockstep: one request, one answer. */
export class KeepAliveSession {
  readonly #stream: ClientDuplexStream<Message, Message>;
  #settle: ((answer: Message | Error) => void) | undefined;

  constructor(api: EtcdApi) {
    this.#stream = api.duplex("Lease/LeaseKeepAlive");
    this.#stream.on("data", (response: Message) => this.#settle?.(response));
    this.#stream.on("error", (error: Error) => this.#settle?.(error));
    this.#stream.on("end", () => this.#settle?.(new Error("the server ended the keep-alive stream")));
  }

  /** The answer for a lease. Rejects when the stream fails or nothing comes in time. */
  renew(id: string, timeoutMs: number = 10_000): Promise<Message> {
    const answer = new Promise<Message>((resolve, reject) => {
      this.#settle = (value) => (value instanceof Error ? reject(value) : resolve(value));
    });
    this.#stream.write({ ID: id });
    return withTimeout(answer, { what: `the renewal of lease ${id}`, timeoutMs });
  }

  close(): void {
    this.#settle = undefined;
    this.#stream.cancel();
  }
}
