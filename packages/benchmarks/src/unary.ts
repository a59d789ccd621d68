import { createRangeRequest, decodeRangeResponse, encodeRangeRequest } from "@quorate/protocol";
import { runClosedLoop } from "./closed-loop.ts";

/**
 * One unary call on a connection of its own. Rejects when it fails, or is not answered within one to two times `timeoutMs`.
 * `decode` gets the answer's message as a borrowed part of a buffer.
 */
export async function unary<T>(
  port: number,
  path: string,
  request: Uint8Array,
  decode: (bytes: Buffer, start: number, end: number) => T,
  timeoutMs = 20_000,
): Promise<T> {
  let decoded: { readonly value: T } | undefined;
  await runClosedLoop(
    {
      port,
      path,
      connections: 1,
      streams: 1,
      calls: 1,
      request: () => request,
      answer: (_slot, bytes, start, end) => {
        decoded = { value: decode(bytes, start, end) };
      },
    },
    timeoutMs,
  );
  if (decoded === undefined) throw new Error(`${path} of port ${port} failed`);
  return decoded.value;
}

/** The store's revision as of all writes acknowledged so far. */
export function revisionOf(port: number): Promise<number> {
  const request = encodeRangeRequest(createRangeRequest({ key: Uint8Array.of(0) }));
  return unary(
    port,
    "/etcdserverpb.KV/Range",
    request,
    (bytes, start, end) => decodeRangeResponse(bytes, start, end).header?.revision ?? 0,
  );
}
