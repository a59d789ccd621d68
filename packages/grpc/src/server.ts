import type { AddressInfo } from "node:net";
import type { GrpcServerOptions } from "./types.ts";

/** Where to listen: a host name or address, and a port (0: any free one). */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
}

/** A gRPC server; see the package's README. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
  }

  /** Opens one more listener; resolves with the address bound, rejects with what the operating system says. */
  listen(_where: ListenOptions): Promise<AddressInfo> {
    return Promise.reject(new Error(`not yet ${String(this.#options.tls)}`));
  }

  /** Stops listening and lets calls finish for up to `timeoutMs`, then closes what is left. */
  drain(_timeoutMs: number): Promise<void> {
    return Promise.resolve();
  }

  /** Closes everything at once. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
