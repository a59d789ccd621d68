export type { EndpointUrl, ParsedUrls } from "./cluster/endpoint-url.ts";
export { parseUrls, peerUrlsOf } from "./cluster/endpoint-url.ts";
export { founderEntryData, foundersOf } from "./cluster/founders.ts";
export type { ClusterStart, InitialMember } from "./cluster/initial-cluster.ts";
export { bootstrapProblems, parseInitialCluster } from "./cluster/initial-cluster.ts";
export type { ChangeContext, ClusterMember, Sha1 } from "./cluster/member.ts";
export {
  addedMemberId,
  bigEndian64,
  bootstrapClusterId,
  bootstrapMemberId,
  hexId,
  memberJson,
  parseChangeContext,
  parseMemberJson,
  parseMemberListJson,
  promotionJson,
} from "./cluster/member.ts";
export { DecodeError } from "./decode-error.ts";
export type { FieldDescriptor, FieldKind, MessageDescriptor, MethodDescriptor } from "./descriptor.ts";
export type { ErrorCode, WireError } from "./error-catalogue.ts";
export { ERRORS } from "./error-catalogue.ts";
export { GATEWAY_METHODS } from "./gateway.ts";
export * from "./generated/index.ts";
export { GRPC_CODE_NAMES, grpcCodeName, grpcCodeNamed } from "./grpc-code-names.ts";
export { HeaderBytes, writeInnerHeader } from "./hot/header-bytes.ts";
export { encodeDeletedKeyValue, encodeStoredEvent, encodeStoredKeyValue, encodeTombstone } from "./hot/key-value.ts";
export { KeyValuePeek } from "./hot/key-value-peek.ts";
export type { RequestCaller } from "./hot/raft-request.ts";
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
export { decodeJson } from "./json/decode.ts";
export { goJsonText } from "./json/go-json.ts";
export { JsonError } from "./json/json-error.ts";
export { jsonParts } from "./json/json-parts.ts";
export { JsonValues } from "./json/json-values.ts";
export type { AnyMessage } from "./json/write.ts";
export { toJson } from "./json/write.ts";
export { decodeLenient, decodeLogged } from "./lenient-decode.ts";
export { Reader } from "./reader.ts";
export type { DeleteRangeResult, OpResult, PutResult, RangeResult, TxnResult } from "./results.ts";
export { bigintSize, encodeMessage, int64Size, varintSize, Writer } from "./writer.ts";
