import { bytesFromLatin1, concatBytes } from "@quorate/base";
import { encodeFields, percentEncode, withoutReserved } from "../metadata.ts";
import type { MetadataInit } from "../types.ts";
import { DATA, FLAG_END_HEADERS, FLAG_END_STREAM, HEADERS, writeFrameHeader } from "./frames.ts";

const CONTENT_TYPE = ["content-type", "application/grpc"] as const;

/** `:status: 200` is entry 8 of the static table. */
const STATUS_200 = Uint8Array.of(0x88);

/** The header block of every ordinary response. */
export const RESPONSE_BLOCK: Uint8Array = concatBytes([STATUS_200, encodeFields([CONTENT_TYPE])]);
/** The trailer block of every successful call without trailers of its own. */
export const OK_BLOCK: Uint8Array = encodeFields([["grpc-status", "0"]]);

/** The gRPC message prefix: one byte of flags, four of length. */
export const PREFIX_BYTES = 5;

/**
 * A whole unary response around its message, prepared once: HEADERS, the header of the DATA frame, the message prefix; then
 * behind the message the trailers. Only stream IDs and lengths are filled in.
 */
export const RESPONSE_START: Uint8Array = startTemplate();
export const RESPONSE_END: Uint8Array = endTemplate();
/** Offset of the DATA frame's header within {@link RESPONSE_START}. */
export const DATA_AT: number = 9 + RESPONSE_BLOCK.length;

function startTemplate(): Uint8Array {
  const template = new Uint8Array(9 + RESPONSE_BLOCK.length + 9 + PREFIX_BYTES);
  writeFrameHeader(template, 0, RESPONSE_BLOCK.length, HEADERS, FLAG_END_HEADERS, 0);
  template.set(RESPONSE_BLOCK, 9);
  writeFrameHeader(template, 9 + RESPONSE_BLOCK.length, 0, DATA, 0, 0);
  return template;
}

function endTemplate(): Uint8Array {
  const template = new Uint8Array(9 + OK_BLOCK.length);
  writeFrameHeader(template, 0, OK_BLOCK.length, HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 0);
  template.set(OK_BLOCK, 9);
  return template;
}

/** Response headers with metadata of the handler's. */
export function responseBlock(metadata: MetadataInit): Uint8Array {
  return concatBytes([RESPONSE_BLOCK, encodeFields(withoutReserved(metadata))]);
}

/** Trailers: status, message, the handler's own. */
export function trailerBlock(code: number, message: string, trailers: MetadataInit | undefined): Uint8Array {
  if (code === 0 && message === "" && trailers === undefined) return OK_BLOCK;
  const fields: (readonly [string, string | Uint8Array])[] = [["grpc-status", String(code)]];
  if (message !== "") fields.push(["grpc-message", percentEncode(message)]);
  if (trailers !== undefined) fields.push(...withoutReserved(trailers));
  return encodeFields(fields);
}

/** The only block of a response that is nothing but a status ("Trailers-Only"). */
export function trailersOnlyBlock(
  httpStatus: number,
  code: number,
  message: string,
  trailers: MetadataInit | undefined,
): Uint8Array {
  const status = httpStatus === 200 ? STATUS_200 : encodeFields([[":status", String(httpStatus)]]);
  return concatBytes([status, encodeFields([CONTENT_TYPE]), trailerBlock(code, message, trailers)]);
}

/** Fields that tell clients which message encodings they may use; part of a refusal. */
export const ACCEPTED_ENCODINGS: Uint8Array = encodeFields([["grpc-accept-encoding", "identity,gzip"]]);

/** The prefix of an uncompressed message of `length` bytes. */
export function messagePrefix(length: number): Uint8Array {
  const prefix = bytesFromLatin1("\0\0\0\0\0");
  prefix[1] = length >>> 24;
  prefix[2] = length >>> 16;
  prefix[3] = length >>> 8;
  prefix[4] = length;
  return prefix;
}
