import type { UnaryCall } from "@quorate/grpc";
import type { Writer } from "@quorate/protocol";

/** From this size on an answer leaves the scratch writer as a copy of its own that the transport may keep by reference. */
const BY_REFERENCE_BYTES = 32 * 1024;

/** Answers with what `writer` holds. */
export function respondWith(call: UnaryCall, writer: Writer): void {
  if (writer.length < BY_REFERENCE_BYTES) call.respond(writer.buffer, 0, writer.length);
  else call.respondParts([writer.buffer.slice(0, writer.length)], writer.length);
}
