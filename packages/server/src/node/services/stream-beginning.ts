import type { StreamCall, StreamHandler } from "@quorate/grpc";

/** Has a handler begin with a stream of the server alone whose request has come already. */
export function beginStream(handler: StreamHandler, call: StreamCall, message: Uint8Array): void {
  call.onMessage = undefined;
  handler(call);
  (call as Pick<StreamCall, "onMessage">).onMessage?.(message);
}
