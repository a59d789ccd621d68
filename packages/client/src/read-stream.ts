import type { MessageStream } from "./message-stream.ts";

/** A stream of answers of which the first has come. To be iterated once. */
export class ReadStream<Response> implements AsyncIterable<Response>, AsyncDisposable {
  readonly #stream: MessageStream<never, Response>;
  readonly #rest: AsyncIterator<Response>;
  readonly #first: IteratorResult<Response, unknown>;

  private constructor(
    stream: MessageStream<never, Response>,
    rest: AsyncIterator<Response>,
    first: IteratorResult<Response, unknown>,
  ) {
    this.#stream = stream;
    this.#rest = rest;
    this.#first = first;
  }

  /** Waits for the first answer. Rejects with how the stream ended instead. */
  static async begin<Response>(stream: MessageStream<never, Response>): Promise<ReadStream<Response>> {
    const rest = stream[Symbol.asyncIterator]();
    return new ReadStream(stream, rest, await rest.next());
  }

  /** Where it comes from, as given to the client. */
  get endpoint(): string {
    return this.#stream.endpoint;
  }

  /** Ends the call; what was received but not read is dropped. */
  cancel(): void {
    this.#stream.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void, undefined> {
    try {
      for (let next = this.#first; next.done !== true; next = await this.#rest.next()) yield next.value;
    } finally {
      this.cancel();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}
