import type { UnaryCall } from "@quorate/grpc";
import {
  type HeaderBytes,
  type RangeResult,
  rangeResponseSizeMax,
  Writer,
  writeRangeResponse,
} from "@quorate/protocol";

/** From this size on an answer has memory of its own, which the transport keeps by reference instead of copying it. */
const BY_REFERENCE_BYTES = 32 * 1024;

/** Answers with what `writer` holds. */
export function respondWith(call: UnaryCall, writer: Writer): void {
  if (writer.length < BY_REFERENCE_BYTES) call.respond(writer.buffer, 0, writer.length);
  else call.respondParts([writer.buffer.slice(0, writer.length)], writer.length);
}

/** Answers a range; `scratch` is empty. A large answer is written once, into the memory it leaves from. */
export function respondRange(call: UnaryCall, scratch: Writer, header: HeaderBytes, result: RangeResult): void {
  const sizeMax = result.kvs.length < 2 ? 0 : rangeResponseSizeMax(result);
  if (sizeMax < BY_REFERENCE_BYTES) {
    writeRangeResponse(scratch, header, result);
    respondWith(call, scratch);
    return;
  }
  const writer = new Writer(Buffer.allocUnsafeSlow(sizeMax));
  writeRangeResponse(writer, header, result);
  call.respondParts([writer.buffer.subarray(0, writer.length)], writer.length);
}
