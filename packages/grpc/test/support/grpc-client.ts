import * as grpc from "@grpc/grpc-js";

/** The outcome of a unary call. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly message: Buffer | undefined;
  readonly metadata: grpc.Metadata;
  readonly trailers: grpc.Metadata;
}

const same = (bytes: Buffer): Buffer => bytes;

/** The independent client, on raw bytes. */
export class GrpcClient {
  readonly #client: grpc.Client;

  constructor(
    port: number,
    credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
    options: grpc.ClientOptions = {},
  ) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  unary(
    method: string,
    message: Uint8Array = new Uint8Array(0),
    metadata: grpc.Metadata = new grpc.Metadata(),
    options: grpc.CallOptions = {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      let initial = new grpc.Metadata();
      let answer: Buffer | undefined;
      const call = this.#client.makeUnaryRequest(
        path(method),
        same,
        same,
        Buffer.from(message),
        metadata,
        options,
        (_error, response) => {
          answer = response;
        },
      );
      call.on("metadata", (received) => {
        initial = received;
      });
      call.on("status", (status) => {
        // The callback may come after the status.
        setImmediate(() =>
          resolve({
            code: status.code,
            details: status.details,
            message: answer,
            metadata: initial,
            trailers: status.metadata,
          }),
        );
      });
    });
  }

  serverStream(method: string, message: Uint8Array, options: grpc.CallOptions = {}): grpc.ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest(path(method), same, same, Buffer.from(message), options);
  }

  clientStream(
    method: string,
    callback: (error: grpc.ServiceError | null, response?: Buffer) => void,
  ): grpc.ClientWritableStream<Buffer> {
    return this.#client.makeClientStreamRequest(path(method), same, same, callback);
  }

  bidi(method: string, options: grpc.CallOptions = {}): grpc.ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(path(method), same, same, options);
  }

  close(): void {
    this.#client.close();
  }
}

function path(method: string): string {
  return method.startsWith("/") ? method : `/test.Echo/${method}`;
}

/** Everything a stream delivers, and how it ends. */
export function collect(
  call: grpc.ClientReadableStream<Buffer> | grpc.ClientDuplexStream<Buffer, Buffer>,
): Promise<{ messages: Buffer[]; code: number; details: string }> {
  return new Promise((resolve) => {
    const messages: Buffer[] = [];
    call.on("data", (message: Buffer) => messages.push(message));
    call.on("error", () => undefined);
    call.on("status", (status: grpc.StatusObject) => resolve({ messages, code: status.code, details: status.details }));
  });
}
