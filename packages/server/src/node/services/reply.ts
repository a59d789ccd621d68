import type { Call } from "@quorate/grpc";
import { ERRORS, type ErrorCode } from "@quorate/protocol";

/** Ends a call with etcd's status and text for `code`. */
export function failWith(call: Call, code: ErrorCode): void {
  const { grpcCode, message } = ERRORS[code];
  call.fail(grpcCode, message);
}

/** The status grpc-go gives to a request that is not a well-formed message. */
export function failUndecodable(call: Call, error: unknown): void {
  call.fail(
    13,
    `grpc: failed to unmarshal the received message: ${error instanceof Error ? error.message : "malformed"}`,
  );
}
