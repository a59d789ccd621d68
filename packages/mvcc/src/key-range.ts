import { latin1FromBytes } from "@quorate/base";

/**
 * The end of what a request's `range_end` covers, beginning at `begin`: keys as latin1 strings, undefined for no end. An
 * empty `range_end` means the single key, whose range ends at the next possible key. Source: grpc-api.md 2.4.
 */
export function rangeEndOf(begin: string, rangeEnd: Uint8Array): string | undefined {
  if (rangeEnd.length === 0) return `${begin}\0`;
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return undefined;
  return latin1FromBytes(rangeEnd);
}
