import type { UnaryCall } from "@quorate/grpc";
import { HasherBusyError } from "../auth/password-hasher.ts";
import { failWith } from "./reply.ts";

const INTERNAL = 13;

/** The answer where a password could not be hashed or compared. */
export function failHashing(call: UnaryCall, error: unknown): void {
  if (error instanceof HasherBusyError) failWith(call, "tooManyRequests");
  else call.fail(INTERNAL, error instanceof Error ? error.message : String(error));
}
