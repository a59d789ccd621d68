import type { Call, StreamCall, UnaryCall } from "@quorate/grpc";
import { ERRORS, type ErrorCode } from "@quorate/protocol";

/** Ends a call with etcd's status and text for `code`. */
export function failWith(call: Call, code: ErrorCode): void {
  const { grpcCode, message } = ERRORS[code];
  call.fail(grpcCode, message);
}

const INTERNAL = 13;

/** The status grpc-go gives to a unary request that is not a well-formed message. */
export function failUndecodable(call: UnaryCall, error: unknown): void {
  call.fail(INTERNAL, `grpc: error unmarshalling request: ${reasonOf(error)}`);
}

/** The same for a message of a stream, which has words of its own. */
export function failUndecodableStream(call: StreamCall, error: unknown): void {
  call.fail(INTERNAL, `grpc: failed to unmarshal the received message: ${reasonOf(error)}`);
}

/** Whether a request of which nothing is needed is well formed; the call is failed if not. */
export function isWellFormed(call: UnaryCall, message: Uint8Array, decode: (message: Uint8Array) => unknown): boolean {
  try {
    decode(message);
    return true;
  } catch (error) {
    failUndecodable(call, error);
    return false;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "malformed";
}
