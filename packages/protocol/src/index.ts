export { DecodeError } from "./decode-error.ts";
export type { FieldDescriptor, FieldKind, MessageDescriptor, MethodDescriptor } from "./descriptor.ts";
export type { ErrorCode, WireError } from "./error-catalogue.ts";
export { ERRORS } from "./error-catalogue.ts";
export { GATEWAY_METHODS } from "./gateway.ts";
export * from "./generated/index.ts";
export { HeaderBytes, writeInnerHeader } from "./hot/header-bytes.ts";
export { encodeDeletedKeyValue, encodeStoredEvent, encodeStoredKeyValue, encodeTombstone } from "./hot/key-value.ts";
export { KeyValuePeek } from "./hot/key-value-peek.ts";
export { RaftRequestPeek, raftRequestSizeMax, writeRaftRequest } from "./hot/raft-request.ts";
export {
  rangeResponseSizeMax,
  writeDeleteRangeResponse,
  writePutResponse,
  writeRangeResponse,
  writeRangeStreamResponse,
  writeTxnResponse,
  writeWatchResponse,
} from "./hot/responses.ts";
export { base64FromBytes, bytesFromBase64 } from "./json/base64.ts";
export { JsonError } from "./json/json-error.ts";
export { parseJson } from "./json/parse.ts";
export { fromJson } from "./json/read.ts";
export type { AnyMessage } from "./json/write.ts";
export { toJson } from "./json/write.ts";
export { Reader } from "./reader.ts";
export type { DeleteRangeResult, OpResult, PutResult, RangeResult, TxnResult } from "./results.ts";
export { bigintSize, encodeMessage, int64Size, varintSize, Writer } from "./writer.ts";
