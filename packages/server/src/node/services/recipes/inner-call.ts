import { concatBytes, copyBytes } from "@quorate/base";
import type { Metadata, PeerInfo, UnaryCall, UnaryHandler } from "@quorate/grpc";
import type { Caller } from "./caller.ts";

/** A call inside this process ended with a status that is not OK. */
export class InnerStatus extends Error {
  override readonly name = "InnerStatus";
  /** gRPC's. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A unary call without a connection, made in the name of a caller. */
class InnerCall implements UnaryCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  readonly deadlineMs = undefined;
  readonly cancelled = false;
  onCancel: (() => void) | undefined = undefined;
  context: unknown = undefined;
  readonly #resolve: (response: Uint8Array) => void;
  readonly #reject: (status: InnerStatus) => void;

  constructor(
    path: string,
    caller: Caller,
    resolve: (response: Uint8Array) => void,
    reject: (status: InnerStatus) => void,
  ) {
    this.path = path;
    this.metadata = caller.metadata;
    this.peer = caller.peer;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  setResponseMetadata(): void {}

  respond(message: Uint8Array, start: number = 0, end: number = message.length): void {
    this.#resolve(copyBytes(message.subarray(start, end)));
  }

  respondParts(parts: readonly Uint8Array[]): void {
    this.#resolve(concatBytes(parts));
  }

  fail(code: number, message: string): void {
    this.#reject(new InnerStatus(code, message));
  }
}

/** Has `handler` answer `request`; rejects with an {@link InnerStatus}, or with what the handler throws. */
export function innerCall(
  path: string,
  handler: UnaryHandler,
  caller: Caller,
  request: Uint8Array,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => handler(new InnerCall(path, caller, resolve, reject), request));
}
