export type { Backend, Bucket, BucketRecord, RevisionRecord, ScanDone } from "./backend.ts";
export { hashBackend } from "./backend-hash.ts";
export type { Change, HistoryDone, RevisionChanges, WriteHook } from "./change.ts";
export type { HashDone, HashKvResult } from "./hash-read.ts";
export type {
  GrantRefusal,
  LeaseCheckpoint,
  LeaseTimes,
  LessorConfig,
  LessorDeps,
  RenewRefusal,
} from "./lease/index.ts";
export { LEASE_TTL_SECONDS_MAX, Lessor } from "./lease/index.ts";
export type { LeaseAttachments } from "./lease-attachments.ts";
export { NO_LEASES } from "./lease-attachments.ts";
export {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkTxn,
  isTxnReadonly,
  isTxnSerializable,
  putCost,
  TXN_OPS_MAX_DEFAULT,
  txnCost,
} from "./request-check.ts";
export { mainRevisionOf, REVISION_BYTES, revisionBytes } from "./revision-bytes.ts";
export type { StoredHash } from "./revision-compaction.ts";
export type { StoreOptions } from "./store.ts";
export { Store } from "./store.ts";
export type {
  EventBatch,
  WatchHubConfig,
  WatchHubDeps,
  WatchSink,
  WatchSource,
  WatchStats,
  WatchStream,
} from "./watch/index.ts";
export {
  NO_WATCH_ID,
  REFUSED_DUPLICATE_ID,
  REFUSED_EMPTY_RANGE,
  REFUSED_NEGATIVE_REVISION,
  WatchHub,
} from "./watch/index.ts";
