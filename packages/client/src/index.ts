export { utf8Bytes, utf8Text } from "@quorate/base";
export type {
  AlarmMember,
  Compare,
  KeyValue,
  Member,
  Permission,
  RangeResponse,
  ResponseHeader,
  StatusResponse,
} from "@quorate/protocol";
export type { Access, Auth } from "./auth.ts";
export type { ClientOptions } from "./client-options.ts";
export type { Cluster } from "./cluster.ts";
export type { Compares, Comparison } from "./compare.ts";
export { compare } from "./compare.ts";
export type { Election, LeaderView } from "./concurrency/election.ts";
export type { Lock } from "./concurrency/lock.ts";
export type { WaitOptions } from "./concurrency/place.ts";
export type { Session, SessionOptions } from "./concurrency/session.ts";
export { EtcdClient } from "./etcd-client.ts";
export type { ClientErrorCode, EtcdErrorCode } from "./etcd-error.ts";
export { EtcdError, isEtcdError } from "./etcd-error.ts";
export { GrpcStatus } from "./grpc-status.ts";
export type { BytesLike, KeyRange, KeySelection } from "./key-range.ts";
export { allKeys, fromKey, keyAfter, prefix, range } from "./key-range.ts";
export type { Kv, Page, PageOptions } from "./kv.ts";
export type { LeaseKeeper } from "./lease/lease-keeper.ts";
export type { Leases } from "./lease/leases.ts";
export type { AlarmName, Maintenance } from "./maintenance.ts";
export { MessageStream } from "./message-stream.ts";
export type { BidiMethod, ServerStreamMethod, UnaryMethod } from "./method.ts";
export type { DeleteOptions, Op, OpResponses, Ops, PutOptions, ResponsesOf } from "./op.ts";
export { op } from "./op.ts";
export type { RangeOptions, SortBy } from "./range-options.ts";
export type { WithHeader } from "./response-header.ts";
export { RPC } from "./rpc.ts";
export type { SavedSnapshot, Snapshot, SnapshotProgress } from "./snapshot.ts";
export type { TlsOptions } from "./tls-options.ts";
export type { CallOptions } from "./transport.ts";
export type { Txn, TxnResult } from "./txn.ts";
export type { WatchBatch, WatchEvent } from "./watch/watch-event.ts";
export type { WatchOptions } from "./watch/watch-task.ts";
export type { Watcher } from "./watch/watcher.ts";
